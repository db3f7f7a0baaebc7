"""Who may act in which tenant: memberships, and the API keys that programs use.

A key has 256 random bits, so its plain SHA-256 is enough in the database: there is nothing to
guess, and a slow hash would only slow every request.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AbstractUser, AnonymousUser
from django.db.models import Field, QuerySet
from django.db.models.functions import Now

from eventstore.database import Database
from eventstore.models import ApiKey, Membership, Tenant
from eventstore.tenancy import Role

#: Who did it, in records, where no user of Django's did; with the machine's user in brackets
#: behind it, where that is told.
COMMAND_LINE = "manage.py"

#: Of a key's characters, shown and stored: enough to tell any two keys apart, none to guess one.
PREFIX_LENGTH = 16

_SLUG = re.compile(r"[-a-zA-Z0-9_]{1,63}", re.ASCII)


# A key that opens its tenant, found by its digest, and whether its last use is worth noting again.
# In SQL since every request asks for it: the ORM took longer over it than over all the rest.
FIND_KEY = """
SELECT k.id, k.tenant_id, t.slug, k.role, u.id, u.{name},
       k.last_used_at IS NULL OR k.last_used_at < clock_timestamp() - interval '1 minute'
FROM eventstore_api_key AS k
JOIN eventstore_tenant AS t ON t.id = k.tenant_id AND t.active
JOIN {users} AS u ON u.id = k.user_id AND u.is_active
WHERE k.digest = %s AND k.revoked_at IS NULL
  AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
  AND EXISTS (SELECT FROM eventstore_membership AS m
              WHERE m.tenant_id = k.tenant_id AND m.user_id = k.user_id)
"""

# The same as `Access.role_of`, by a user's name, in one statement: whoever does what was scheduled
# asks before each command.
ROLE_OF_NAME = """
SELECT CASE WHEN u.is_superuser THEN 'operator' ELSE m.role END
FROM eventstore_tenant AS t
JOIN {users} AS u ON u.{name} = %s AND u.is_active
LEFT JOIN eventstore_membership AS m ON m.tenant_id = t.id AND m.user_id = u.id
WHERE t.id = %s AND t.active
"""


@dataclass(frozen=True, slots=True)
class ValidKey:
    """What a request needs to know of the key that it came with."""

    pk: int
    tenant_id: UUID
    tenant_slug: str
    role: Role
    user_id: int
    user_name: str


class Access:
    """The one door to memberships and keys; the application object owns the only instance."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._find_key = _with_users(FIND_KEY)
        self._role_of_name = _with_users(ROLE_OF_NAME)

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

    def role_of_name(self, name: str, tenant_id: UUID) -> Role | None:
        """What the user of this name may do in a tenant now, as `role_of`; None: nothing."""
        row = self._database.row(self._role_of_name, (name, tenant_id))
        return Role(row[0]) if row and row[0] else None

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

    def add_member(self, tenant: Tenant, user: AbstractBaseUser, role: Role, *, by: str) -> None:
        """Give a user this role in the tenant, in place of the one that they may have.

        Keys of theirs that may do what the new role may not are revoked, and first: a crash
        between leaves the user with less, not more.
        """
        if role is not Role.OPERATOR:
            beyond = self.keys().filter(tenant=tenant, user_id=user.pk).exclude(role=role.value)
            self._revoke(beyond, by, f"its user became {role}")
        self._memberships().update_or_create(
            tenant=tenant, user_id=user.pk, defaults={"role": role.value}
        )

    def hold(self, tenant: Tenant) -> None:
        """Let nobody else change this tenant's members or keys until the transaction ends."""
        tenants = Tenant.objects.using(self._database.alias).select_for_update(no_key=True)
        tenants.get(pk=tenant.pk)

    def is_member(self, tenant: Tenant, user: AbstractBaseUser) -> bool:
        return self._memberships().filter(tenant=tenant, user_id=user.pk).exists()

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

        Makes its user a member with the same role where they are none yet. Its role may be another
        than the member's: whoever may make keys decides.
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

    def find_key(self, key: bytes) -> ValidKey | None:
        """A key that is valid now by the database's clock, and its use noted; or None.

        Its tenant and user must be active, and the user still a member of the tenant.
        """
        row = self._database.row(self._find_key, (_digest(key),))
        if row is None:
            return None
        pk, tenant_id, tenant_slug, role, user_id, user_name, use_is_due = row
        if use_is_due:
            self.keys().filter(pk=pk).update(last_used_at=Now())
        return ValidKey(pk, tenant_id, tenant_slug, Role(role), user_id, user_name)

    def revoke_key(self, key: ApiKey | ValidKey, *, by: str, reason: str) -> bool:
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


def _with_users(statement: str) -> str:
    """With the table and the name's column of whichever model AUTH_USER_MODEL says."""
    users = get_user_model()
    name = users._meta.get_field(users.USERNAME_FIELD)
    assert isinstance(name, Field), "the name of a user is a column"
    return statement.format(users=users._meta.db_table, name=name.column)
