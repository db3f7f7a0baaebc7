"""API keys: how they are made, stored and found again.

A key has 256 random bits, so its plain SHA-256 is enough in the database: there is nothing to
guess, and a slow hash would only slow every request.
"""

import secrets
from hashlib import sha256

from django.contrib.auth.models import User
from django.db.models import Q
from django.db.models.functions import Now

from eventstore.models import ApiKey, Tenant
from eventstore.tenancy import Role


def create_api_key(tenant: Tenant, user: User, role: Role) -> str:
    """Store a new key's digest and return the key, which is never shown again."""
    key = f"daybook_{secrets.token_urlsafe(32)}"
    digest = sha256(key.encode()).digest()
    ApiKey.objects.create(
        tenant=tenant, user=user, role=role.value, prefix=key[:12], digest=digest
    )
    return key


def find_api_key(key: bytes) -> ApiKey | None:
    """A key that is valid now by the database's clock, its user and tenant active; or None."""
    return (
        ApiKey.objects.select_related("user")
        .filter(
            Q(expires_at=None) | Q(expires_at__gt=Now()),
            digest=sha256(key).digest(),
            revoked_at=None,
            tenant__active=True,
            user__is_active=True,
        )
        .first()
    )
