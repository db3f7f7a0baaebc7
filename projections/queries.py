"""What can be asked of the read models. Plain ORM; never touches the event store.

Every query takes the tenant, and there is no other way in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from projections.models import (
    AccountOwner,
    AccountSummary,
    PersonSummary,
    TransferSummary,
    UserSummary,
)


def persons(tenant_id: UUID) -> QuerySet[Any]:
    return PersonSummary.objects.filter(tenant_id=tenant_id)


def accounts(tenant_id: UUID) -> QuerySet[Any]:
    """With the owner's present name."""
    owner = AccountOwner.objects.filter(tenant_id=tenant_id, person_id=OuterRef("owner_id"))
    return AccountSummary.objects.filter(tenant_id=tenant_id).annotate(
        owner_name=Subquery(owner.values("name"))
    )


def users(tenant_id: UUID) -> QuerySet[Any]:
    return UserSummary.objects.filter(tenant_id=tenant_id)


def transfers(tenant_id: UUID) -> QuerySet[Any]:
    return TransferSummary.objects.filter(tenant_id=tenant_id)


@dataclass(frozen=True, slots=True)
class Query:
    """A read model as the API shows it: flat rows of `columns`, found by `key`.

    `name` stands in the URL, `category` says what one row is.
    """

    name: str
    category: str
    key: str
    columns: tuple[str, ...]
    rows: Callable[[UUID], QuerySet[Any]]


PERSONS = Query(
    name="persons",
    category="person",
    key="person_id",
    columns=(
        "person_id",
        "name",
        "registered_at",
        "open_account_count",
        "total_balance",
        "version",
        "updated_at",
    ),
    rows=persons,
)

ACCOUNTS = Query(
    name="accounts",
    category="account",
    key="account_id",
    columns=(
        "account_id",
        "code",
        "status",
        "balance",
        "owner_id",
        "owner_name",
        "opened_at",
        "version",
        "updated_at",
    ),
    rows=accounts,
)

USERS = Query(
    name="users",
    category="user",
    key="user_id",
    columns=("user_id", "login_name", "status", "version", "updated_at"),
    rows=users,
)

TRANSFERS = Query(
    name="transfers",
    category="transfer",
    key="transfer_id",
    columns=(
        "transfer_id",
        "from_account_id",
        "to_account_id",
        "amount",
        "status",
        "reason",
        "started_at",
        "ended_at",
        "version",
        "updated_at",
    ),
    rows=transfers,
)

#: Each has a list and a detail under `/api/`, and its place in the API's description.
QUERIES = (PERSONS, ACCOUNTS, TRANSFERS, USERS)
