"""What stands before every endpoint of ours: the caller's role, and the count of their calls."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from eventstore.api.authentication import Caller
from eventstore.application import get_application
from eventstore.errors import Forbidden, Unauthenticated
from eventstore.tenancy import Role


class HasRole(BasePermission):
    """The caller has one of the roles that the view names; a view that names none is shut."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller = request.auth
        if not isinstance(caller, Caller):
            raise Unauthenticated
        roles: frozenset[Role] = getattr(view, "roles", frozenset())
        if caller.actor.role not in roles:
            raise Forbidden(f"do this as {caller.actor.role}")
        return True


class PerCaller(BaseThrottle):
    """One count for each key, and for each user's session in each tenant."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Raises RateLimited, which says when to come again."""
        caller = request.auth
        if isinstance(caller, Caller):
            get_application().throttle.count(caller.name)
        return True
