"""What can be asked of the read models. Plain ORM; never touches the event store.

Every query takes the tenant, and there is no other way in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery, Sum

from projections.accounts import ACCOUNT_SUMMARY
from projections.models import (
    AccountOwner,
    AccountStatementLine,
    AccountSummary,
    DailyTotals,
    PersonSummary,
    TenantOverview,
    TransferSummary,
    UserSummary,
)
from projections.overviews import TENANT_OVERVIEW
from projections.persons import PERSON_SUMMARY
from projections.statements import ACCOUNT_STATEMENT
from projections.totals import DAILY_TOTALS
from projections.transfers import TRANSFER_SUMMARY
from projections.users import USER_SUMMARY


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


def statement_lines(tenant_id: UUID) -> QuerySet[Any]:
    """Of all accounts."""
    return AccountStatementLine.objects.filter(tenant_id=tenant_id)


def daily_totals(tenant_id: UUID) -> QuerySet[Any]:
    return DailyTotals.objects.filter(tenant_id=tenant_id)


def overviews(tenant_id: UUID) -> QuerySet[Any]:
    """One row, or none where nothing has happened yet."""
    return TenantOverview.objects.filter(tenant_id=tenant_id)


def account_exists(tenant_id: UUID, account_id: UUID) -> bool:
    """Asked of the accounts, which are inline: so an account is there before its statement."""
    return accounts(tenant_id).filter(account_id=account_id).exists()


def balance_booked(tenant_id: UUID, account_id: UUID, on: date) -> Decimal:
    """An account's balance at the end of a day: of what counts for it and the days before."""
    return _sum(tenant_id, account_id, booked_on__lte=on)


def balance_recorded(tenant_id: UUID, account_id: UUID, on: date) -> Decimal:
    """An account's balance as it stood at the end of a day (UTC), whatever was booked since."""
    if on == date.max:
        return _sum(tenant_id, account_id)
    midnight = datetime.combine(on + timedelta(days=1), time(), UTC)
    return _sum(tenant_id, account_id, recorded_at__lt=midnight)


def _sum(tenant_id: UUID, account_id: UUID, **until: date) -> Decimal:
    lines = statement_lines(tenant_id).filter(account_id=account_id, **until)
    total: Decimal | None = lines.aggregate(total=Sum("amount"))["total"]
    return Decimal("0.00") if total is None else total


def empty_overview() -> dict[str, Any]:
    """The overview of a tenant in which nothing has happened."""
    nothing = TenantOverview(version=0)
    return {column: getattr(nothing, column) for column in OVERVIEW.columns}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A read model as the API shows it: flat rows of `columns`, found by `key`.

    `name` stands in the URL, `category` says what one row is, `projection` makes the rows, which
    are as fresh as it is. `reads_also`: other projections whose tables are read on the way.
    """

    name: str
    category: str
    projection: str
    key: str
    columns: tuple[str, ...]
    rows: Callable[[UUID], QuerySet[Any]]
    reads_also: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """All that a copy must have to answer it."""
        return (self.projection, *self.reads_also)


PERSONS = Query(
    name="persons",
    category="person",
    projection=PERSON_SUMMARY.name,
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
    projection=ACCOUNT_SUMMARY.name,
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
    projection=USER_SUMMARY.name,
    key="user_id",
    columns=("user_id", "login_name", "status", "version", "updated_at"),
    rows=users,
)

TRANSFERS = Query(
    name="transfers",
    category="transfer",
    projection=TRANSFER_SUMMARY.name,
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

#: Of one account: its id stands in the URL before the name.
STATEMENT = Query(
    name="statement",
    category="statement line",
    projection=ACCOUNT_STATEMENT.name,
    key="version",
    columns=(
        "position",
        "booked_on",
        "reference",
        "amount",
        "balance",
        "version",
        "updated_at",
    ),
    rows=statement_lines,
    # Whether there is such an account; see `account_exists`. So for its balance.
    reads_also=(ACCOUNT_SUMMARY.name,),
)

TOTALS = Query(
    name="daily-totals",
    category="day",
    projection=DAILY_TOTALS.name,
    key="booked_on",
    columns=(
        "booked_on",
        "deposit_count",
        "deposited",
        "withdrawal_count",
        "withdrawn",
        "version",
        "updated_at",
    ),
    rows=daily_totals,
)

#: One row, so that no key is needed to find it.
OVERVIEW = Query(
    name="overview",
    category="overview",
    projection=TENANT_OVERVIEW.name,
    key="tenant_id",
    columns=(
        "person_count",
        "user_count",
        "account_count",
        "open_account_count",
        "total_balance",
        "transfer_count",
        "completed_transfer_count",
        "failed_transfer_count",
        "version",
        "updated_at",
    ),
    rows=overviews,
)

#: Each has a list and a detail under `/api/`, and its place in the API's description.
QUERIES = (PERSONS, ACCOUNTS, TRANSFERS, USERS)
