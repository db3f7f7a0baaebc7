"""Who may act in which tenant: memberships, and the API keys that programs use.

A key has 256 random bits, so its plain SHA-256 is enough in the database: there is nothing to
guess, and a slow hash would only slow every request.
"""

import re
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.contrib.auth.models import AbstractBaseUser, AbstractUser, AnonymousUser
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from eventstore.database import Database
from eventstore.models import ApiKey, Membership, Tenant
from eventstore.tenancy import Role

#: How exactly a key's last use is known, so that not every call writes.
LAST_USE_PRECISION = timedelta(minutes=1)

#: Of a key's characters, shown and stored: enough to tell any two keys apart, none to guess one.
PREFIX_LENGTH = 16

_SLUG = re.compile(r"[-a-zA-Z0-9_]{1,63}", re.ASCII)


class Access:
    """The one door to memberships and keys; the application object owns the only instance."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_tenant(self, slug: str) -> Tenant | None:
        """By its slug, whatever a request says that it is; active or not."""
        if not _SLUG.fullmatch(slug):
            return None
        return Tenant.objects.using(self._database.alias).filter(slug=slug).first()

    # Members -------------------------------------------------------------------------------------

    def role_of(self, user: AbstractUser, tenant: Tenant) -> Role | None:
        """What a user may do in an active tenant; None: nothing.

        A superuser needs no membership, and is an operator everywhere.
        """
        if not (user.is_active and tenant.active):
            return None
        if user.is_superuser:
            return Role.OPERATOR
        membership = self._memberships().filter(tenant=tenant, user_id=user.pk).first()
        return Role(membership.role) if membership else None

    def tenants_of(
        self, user: AbstractUser | AnonymousUser, roles: frozenset[Role]
    ) -> QuerySet[Tenant]:
        """The active tenants in which a user has one of the roles; a superuser's: all."""
        tenants = Tenant.objects.using(self._database.alias)
        if user.is_superuser:
            return tenants.all()
        if user.pk is None:
            return tenants.none()
        memberships = self._memberships().filter(user_id=user.pk, role__in=roles)
        return tenants.filter(active=True, pk__in=memberships.values("tenant"))

    def add_member(self, tenant: Tenant, user: AbstractBaseUser, role: Role) -> None:
        """Give a user this role in the tenant, in place of the one that they may have."""
        self._memberships().update_or_create(
            tenant=tenant, user_id=user.pk, defaults={"role": role.value}
        )

    def remove_member(self, tenant: Tenant, user: AbstractBaseUser, *, by: str) -> bool:
        """End a membership and its keys, which a later membership does not bring back.

        False where there was none. The keys go first: a crash between leaves a member without.
        """
        self._revoke(self.keys().filter(tenant=tenant, user_id=user.pk), by, "membership ended")
        removed, _ = self._memberships().filter(tenant=tenant, user_id=user.pk).delete()
        return bool(removed)

    def _memberships(self) -> QuerySet[Membership]:
        return Membership.objects.using(self._database.alias)

    def present(self) -> datetime:
        """The database's time, by which keys expire."""
        row = self._database.row("SELECT clock_timestamp()")
        assert row is not None, "this SELECT has one row"
        present: datetime = row[0]
        return present

    # Keys ----------------------------------------------------------------------------------------

    def create_key(
        self,
        tenant: Tenant,
        user: AbstractBaseUser,
        role: Role,
        *,
        expires_at: datetime | None = None,
    ) -> str:
        """Store a new key's digest and return the key, which is never shown again.

        Makes its user a member with the same role where they are none yet.
        """
        key = f"daybook_{secrets.token_urlsafe(32)}"
        self._memberships().get_or_create(
            tenant=tenant, user_id=user.pk, defaults={"role": role.value}
        )
        self.keys().create(
            tenant=tenant,
            user_id=user.pk,
            role=role.value,
            prefix=key[:PREFIX_LENGTH],
            digest=_digest(key.encode()),
            expires_at=expires_at,
        )
        return key

    def find_key(self, key: bytes) -> ApiKey | None:
        """A key that is valid now by the database's clock, and its use noted; or None.

        Its tenant and user must be active, and the user still a member of the tenant.
        """
        membership = self._memberships().filter(
            tenant=OuterRef("tenant"), user_id=OuterRef("user_id")
        )
        found = (
            self.keys()
            .select_related("user", "tenant")
            .filter(
                Q(expires_at=None) | Q(expires_at__gt=Now()),
                Exists(membership),
                digest=_digest(key),
                revoked_at=None,
                tenant__active=True,
                user__is_active=True,
            )
            .annotate(present=Now())
            .first()
        )
        if found is not None:
            self._note_use(found, found.present)
        return found

    def _note_use(self, key: ApiKey, present: datetime) -> None:
        if key.last_used_at is None or present - key.last_used_at > LAST_USE_PRECISION:
            self.keys().filter(pk=key.pk).update(last_used_at=Now())

    def revoke_key(self, key: ApiKey, *, by: str, reason: str) -> bool:
        """End a key from the next request on; False where that was done before."""
        return self._revoke(self.keys().filter(pk=key.pk), by, reason) > 0

    def _revoke(self, keys: QuerySet[ApiKey], by: str, reason: str) -> int:
        return keys.filter(revoked_at=None).update(
            revoked_at=Now(), revoked_by=by, revoke_reason=reason
        )

    def keys(self) -> QuerySet[ApiKey]:
        """All keys, whoever may see them."""
        return ApiKey.objects.using(self._database.alias)


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()
