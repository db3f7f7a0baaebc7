"""Which tenants a user sees in the admin. One rule, in one place."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Now

from eventstore.application import get_application
from eventstore.models import ApiKey, Tenant

ModelT = TypeVar("ModelT", bound=Model)


def visible_tenant_ids(user: AbstractUser | AnonymousUser) -> Sequence[UUID] | None:
    """The tenants that `user` may see; None: every one.

    Superusers see all. Other staff see the tenants in which they hold an API key that is neither
    revoked nor expired. Everything that the admin shows of a tenant asks this function, so a rule
    with roles replaces this body and nothing else.
    """
    if user.is_superuser:
        return None
    if user.pk is None:
        return []
    keys = ApiKey.objects.using(get_application().database.alias).filter(
        Q(expires_at=None) | Q(expires_at__gt=Now()), user_id=user.pk, revoked_at=None
    )
    return list(keys.values_list("tenant_id", flat=True).distinct())


def visible_tenants(user: AbstractUser | AnonymousUser) -> QuerySet[Tenant]:
    """The tenants themselves, for lists and filters."""
    tenants = Tenant.objects.using(get_application().database.alias)
    ids = visible_tenant_ids(user)
    return tenants.all() if ids is None else tenants.filter(pk__in=ids)


def of_visible_tenants(
    rows: QuerySet[ModelT], user: AbstractUser | AnonymousUser
) -> QuerySet[ModelT]:
    """`rows` without those of other tenants. What it hides answers like what does not exist."""
    ids = visible_tenant_ids(user)
    return rows if ids is None else rows.filter(Q(("tenant_id__in", ids)))
