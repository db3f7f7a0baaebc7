"""Which tenants a user sees in the admin. One rule, in one place: `Access.tenants_of`."""

from typing import TypeVar

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import Model, Q, QuerySet

from eventstore.application import get_application
from eventstore.models import Tenant
from eventstore.tenancy import Role

ModelT = TypeVar("ModelT", bound=Model)


def visible_tenants(
    user: AbstractUser | AnonymousUser, roles: frozenset[Role]
) -> QuerySet[Tenant]:
    """The tenants in which the user has one of the roles; superusers see all."""
    return get_application().access.tenants_of(user, roles)


def of_visible_tenants(
    rows: QuerySet[ModelT], user: AbstractUser | AnonymousUser, roles: frozenset[Role]
) -> QuerySet[ModelT]:
    """`rows` without those of other tenants. What it hides answers like what does not exist."""
    if user.is_superuser:
        return rows
    return rows.filter(Q(("tenant__in", visible_tenants(user, roles))))
