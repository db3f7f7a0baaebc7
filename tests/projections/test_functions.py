"""What the projections in the background make of events. No database."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from eventstore.errors import MissingRow
from eventstore.testing import replay
from ledger.accounts.events import AccountClosed, AccountOpened
from ledger.persons.events import PersonRegistered
from ledger.transfers.events import TransferCompleted, TransferFailed, TransferStarted
from ledger.users.events import UserRegistrationStarted, UserRegistrationSucceeded
from projections.models import (
    AccountStatementBalance,
    AccountStatementLine,
    DailyTotals,
    TenantOverview,
)
from projections.overviews import TENANT_OVERVIEW
from projections.statements import ACCOUNT_STATEMENT
from projections.totals import DAILY_TOTALS
from tests.projections.support import (
    OTHER_TENANT,
    START,
    TENANT,
    History,
    deposit,
    withdrawal,
)

ACCOUNT = uuid4()
OPENED = AccountOpened(owner_id=uuid4(), code="1")


def hour(number: int):
    return START + number * timedelta(hours=1)


def test_each_booking_is_a_line_with_the_balance_after_it() -> None:
    history = History()
    history.record(ACCOUNT, OPENED, deposit("10.00", reference="Pay"), withdrawal("3.50"))

    rows = replay(ACCOUNT_STATEMENT, history.events)

    assert rows.tables[AccountStatementLine] == {
        (TENANT, ACCOUNT, 2): {
            "position": 20,
            "booked_on": date(1994, 3, 31),
            "reference": "Pay",
            "amount": Decimal("10.00"),
            "balance": Decimal("10.00"),
            "recorded_at": hour(1),
            "updated_at": hour(1),
        },
        (TENANT, ACCOUNT, 3): {
            "position": 30,
            "booked_on": date(1994, 3, 31),
            "reference": "",
            "amount": Decimal("-3.50"),
            "balance": Decimal("6.50"),
            "recorded_at": hour(2),
            "updated_at": hour(2),
        },
    }
    assert rows.tables[AccountStatementBalance] == {
        (TENANT, ACCOUNT): {"balance": Decimal("6.50")}
    }


def test_a_late_booking_has_its_own_day_and_comes_where_it_was_recorded() -> None:
    history = History()
    history.record(ACCOUNT, OPENED, deposit("10.00"), deposit("1.00", booked_on="1994-01-02"))

    lines = replay(ACCOUNT_STATEMENT, history.events).tables[AccountStatementLine]

    late = lines[TENANT, ACCOUNT, 3]
    assert (late["booked_on"], late["recorded_at"]) == (date(1994, 1, 2), hour(2))
    assert late["balance"] == Decimal("11.00")


def test_the_same_account_id_in_two_tenants_has_two_statements() -> None:
    history = History()
    history.record(ACCOUNT, OPENED, deposit("10.00"))
    history.record(ACCOUNT, OPENED, deposit("2.00"), tenant_id=OTHER_TENANT)

    balances = replay(ACCOUNT_STATEMENT, history.events).tables[AccountStatementBalance]

    assert balances == {
        (TENANT, ACCOUNT): {"balance": Decimal("10.00")},
        (OTHER_TENANT, ACCOUNT): {"balance": Decimal("2.00")},
    }


def test_a_booking_of_an_account_that_was_never_opened_is_no_line() -> None:
    history = History()
    history.record(ACCOUNT, deposit("10.00"))

    with pytest.raises(MissingRow):
        replay(ACCOUNT_STATEMENT, history.events)


def test_bookings_are_added_up_by_the_day_they_count_for() -> None:
    history = History()
    history.record(ACCOUNT, OPENED, deposit("10.00"), withdrawal("3.50"))
    history.record(uuid4(), deposit("1.00"), deposit("2.00", booked_on="1994-03-30"))
    history.record(ACCOUNT, withdrawal("0.25", booked_on="1994-03-30"), tenant_id=OTHER_TENANT)

    days = replay(DAILY_TOTALS, history.events).tables[DailyTotals]

    nothing = {"deposit_count": 0, "deposited": 0, "withdrawal_count": 0, "withdrawn": 0}
    assert days == {
        (TENANT, date(1994, 3, 31)): {
            "deposit_count": 2,
            "deposited": Decimal("11.00"),
            "withdrawal_count": 1,
            "withdrawn": Decimal("3.50"),
            "version": 3,
            "updated_at": hour(3),
        },
        (TENANT, date(1994, 3, 30)): {
            **nothing,
            "deposit_count": 1,
            "deposited": Decimal("2.00"),
            "version": 1,
            "updated_at": hour(4),
        },
        (OTHER_TENANT, date(1994, 3, 30)): {
            **nothing,
            "withdrawal_count": 1,
            "withdrawn": Decimal("0.25"),
            "version": 1,
            "updated_at": hour(5),
        },
    }


def test_a_tenant_has_one_row_with_all_its_numbers() -> None:
    history = History()
    history.record(uuid4(), PersonRegistered(first_name="Ada", last_name="King"))
    history.record(ACCOUNT, OPENED, deposit("10.00"), withdrawal("3.50"))
    history.record(uuid4(), OPENED, AccountClosed())
    start = TransferStarted(from_account_id=ACCOUNT, to_account_id=uuid4(), amount=Decimal(1))
    history.record(uuid4(), start, TransferCompleted())
    history.record(uuid4(), start, TransferFailed(reason="account_closed"))
    history.record(uuid4(), start)
    login = UserRegistrationStarted(login_name="ada")
    history.record(uuid4(), login, UserRegistrationSucceeded())
    history.record(uuid4(), login)
    history.record(uuid4(), OPENED, tenant_id=OTHER_TENANT)

    overviews = replay(TENANT_OVERVIEW, history.events).tables[TenantOverview]

    assert overviews[TENANT,] == {
        "person_count": 1,
        "user_count": 1,
        "account_count": 2,
        "open_account_count": 1,
        "total_balance": Decimal("6.50"),
        "transfer_count": 3,
        "completed_transfer_count": 1,
        "failed_transfer_count": 1,
        "version": 12,
        "updated_at": hour(12),
    }
    assert overviews[OTHER_TENANT,]["account_count"] == 1
