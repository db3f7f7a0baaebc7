"""Which tenants a user sees in the admin, and what in them. One rule: `Access.tenants_of`."""

from typing import TypeVar

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import BooleanField, ExpressionWrapper, Model, Q, QuerySet
from django.http import HttpRequest

from eventstore.application import get_application
from eventstore.models import Tenant
from eventstore.tenancy import INSPECTORS, OPERATORS, Role

ModelT = TypeVar("ModelT", bound=Model)


def user_of(request: HttpRequest) -> AbstractUser:
    """Who asks; the admin site has let nobody in without a login."""
    user = request.user
    assert isinstance(user, AbstractUser), "the admin site asks for a login first"
    return user


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


def operates(user: AbstractUser | AnonymousUser, tenant: Tenant) -> bool:
    """Whether the user may say who acts in the tenant. A superuser may, active tenant or not."""
    return visible_tenants(user, OPERATORS).filter(pk=tenant.pk).exists()


def inspects(user: AbstractUser | AnonymousUser, tenant: Tenant) -> bool:
    """Whether the user may see everybody's doings in the tenant."""
    return visible_tenants(user, INSPECTORS).filter(pk=tenant.pk).exists()


def is_inspected(user: AbstractUser | AnonymousUser) -> "ExpressionWrapper[Q]":
    """The same for each row of a query, as a column."""
    condition = Q(("tenant__in", visible_tenants(user, INSPECTORS).values("pk")))
    return ExpressionWrapper(condition, output_field=BooleanField())
