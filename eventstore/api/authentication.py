"""Who calls: an API key, or a session and the tenant it names, becomes a user and a Caller."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import (
    BaseAuthentication,
    CSRFCheck,
    get_authorization_header,
)
from rest_framework.request import Request

from eventstore.access import ValidKey
from eventstore.application import get_application
from eventstore.errors import CsrfFailed, NotFound, Unauthenticated, ValidationFailed
from eventstore.tenancy import Actor

TENANT_HEADER = "X-Tenant"


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` tells callers apart where their calls are counted."""

    actor: Actor
    name: str


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>` becomes `request.user` and, as `request.auth`, a Caller."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        """None without a header; raises Unauthenticated for a key that is not valid now.

        A key belongs to one tenant. Who names another one beside it is told so, before anything
        is written to the wrong place.
        """
        scheme, _, secret = get_authorization_header(request).partition(b" ")
        if not scheme:
            return None
        if scheme.lower() != b"bearer":
            raise Unauthenticated
        key = get_application().access.find_key(secret.strip())
        if key is None:
            raise Unauthenticated
        slug = request.headers.get(TENANT_HEADER, key.tenant_slug)
        if slug != key.tenant_slug:
            raise NotFound(f"tenant {slug} for this key")
        actor = Actor(tenant_id=key.tenant_id, user=key.user_name, role=key.role)
        return _user_of(key), Caller(actor, f"key {key.pk}")

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _user_of(key: ValidKey) -> AbstractBaseUser:
    """For `request.user`: whatever else is asked of the user is loaded then, and not before."""
    users = get_user_model()
    names = [users._meta.pk.attname, users.USERNAME_FIELD]
    return users.from_db(get_application().database.alias, names, [key.user_id, key.user_name])


class TenantSessionAuthentication(BaseAuthentication):
    """Django's session with its CSRF token; `X-Tenant: <slug>` says in which tenant to act."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        """None without a session; raises NotFound alike for no tenant and for one of others."""
        user = request._request.user
        # Nobody is logged in, or somebody who was shut out since.
        if isinstance(user, AnonymousUser) or not user.is_active:
            return None
        _check_csrf(request._request)
        slug = request.headers.get(TENANT_HEADER)
        if slug is None:
            raise ValidationFailed(
                {TENANT_HEADER: ["is required with a session: a tenant's slug"]}
            )
        access = get_application().access
        tenant = access.find_tenant(slug)
        role = access.role_of(user, tenant) if tenant else None
        if tenant is None or role is None:
            raise NotFound(f"tenant {slug} for you")
        actor = Actor(tenant_id=tenant.pk, user=user.get_username(), role=role)
        return user, Caller(actor, f"user {user.pk} in {tenant.pk}")


def _check_csrf(request: HttpRequest) -> None:
    """Raises CsrfFailed. REST framework's own way would parse the body in search of the token."""
    check = CSRFCheck(_no_view)
    check.process_request(request)
    reason = check.process_view(request, _no_view, (), {})
    if reason:
        raise CsrfFailed(str(reason))


def _no_view(request: HttpRequest) -> HttpResponse:
    """Middleware wants a view; the check never calls it."""
    return HttpResponse()
