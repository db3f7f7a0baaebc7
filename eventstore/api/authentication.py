"""Who calls: an API key in the header becomes a user and an Actor."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from eventstore.access import find_api_key
from eventstore.errors import Unauthenticated
from eventstore.tenancy import Actor, Role


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>` becomes `request.user` and, as `request.auth`, an Actor."""

    def authenticate(self, request: Request) -> tuple[Any, Actor] | None:
        """None without a header; raises Unauthenticated for a key that is not valid now."""
        scheme, _, secret = get_authorization_header(request).partition(b" ")
        if not scheme:
            return None
        if scheme.lower() != b"bearer":
            raise Unauthenticated
        key = find_api_key(secret.strip())
        if key is None:
            raise Unauthenticated
        actor = Actor(tenant_id=key.tenant_id, user=key.user.get_username(), role=Role(key.role))
        return key.user, actor

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
