"""Accounts that version 1 of the events has written go on under today's code."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from eventstore.application import Application
from eventstore.database import Database
from eventstore.errors import Refusal
from eventstore.event_types import EventTypes
from eventstore.events import Event
from eventstore.models import StoredEvent
from eventstore.store import EventStore
from eventstore.tenancy import Actor
from eventstore.testing import replay
from ledger.accounts.aggregate import Account
from ledger.accounts.commands import WithdrawMoney
from ledger.accounts.events import AccountOpened, MoneyDeposited, MoneyWithdrawn
from ledger.accounts.upcasters import upcast_money_deposited_1_to_2, upcast_money_withdrawn_1_to_2
from projections.accounts import ACCOUNT_SUMMARY
from projections.models import AccountSummary
from tests.eventstore.support import append


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositedOnce(Event):
    """`account.money_deposited` as it was in schema version 1."""

    amount: Decimal
    booked_on: date | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnOnce(Event):
    """`account.money_withdrawn` as it was in schema version 1."""

    amount: Decimal
    booked_on: date | None = None
    reference: str = ""


@pytest.fixture
def old_account(application: Application, member: Actor) -> UUID:
    """An account with 9.00 that was used while there was only schema version 1."""
    events = EventTypes()
    events.name(AccountOpened, "account.opened")
    events.name(DepositedOnce, "account.money_deposited")
    events.name(WithdrawnOnce, "account.money_withdrawn")
    account_id = uuid4()
    append(
        EventStore(Database(), events),
        member.tenant_id,
        account_id,
        AccountOpened(owner_id=uuid4(), code="1"),
        DepositedOnce(amount=Decimal("10.00")),
        WithdrawnOnce(amount=Decimal("1.00"), booked_on=date(2024, 2, 29), reference="Rent"),
    )
    return account_id


def test_an_old_account_is_loaded_with_its_balance(
    application: Application, member: Actor, old_account: UUID
) -> None:
    loaded = application.loader.load(member.tenant_id, Account, old_account)

    assert loaded is not None
    assert loaded.aggregate.version == 3
    assert loaded.aggregate.state.balance == Decimal("9.00")


def test_an_old_account_is_read_as_events_of_today_under_their_stored_version(
    application: Application, member: Actor, old_account: UUID
) -> None:
    _, paid_in, paid_out = application.reader.read_stream(member.tenant_id, "account", old_account)

    assert paid_in.event == MoneyDeposited(amount=Decimal("10.00"), reference=None)
    assert paid_out.event == MoneyWithdrawn(
        amount=Decimal("1.00"), booked_on=date(2024, 2, 29), reference="Rent"
    )
    assert (paid_in.schema_version, paid_out.schema_version) == (1, 1)


def test_an_old_account_fills_a_new_projection(
    application: Application, old_account: UUID
) -> None:
    rows = replay(ACCOUNT_SUMMARY, application.reader.read_log())

    (row,) = rows.tables[AccountSummary].values()
    assert (row["balance"], row["version"]) == (Decimal("9.00"), 3)


def test_a_command_to_an_old_account_decides_on_all_its_history(
    application: Application, member: Actor, old_account: UUID
) -> None:
    command = WithdrawMoney(aggregate_id=old_account, amount=Decimal("9.01"))

    with pytest.raises(Refusal, match=r"holds 9\.00"):
        application.bus.send(command, actor=member)


def test_no_reference_was_stored_as_an_empty_text_and_is_stored_as_null(
    application: Application, member: Actor, old_account: UUID
) -> None:
    account = application.loader.load(member.tenant_id, Account, old_account).aggregate
    account.deposit(Decimal("1.00"), None, "")

    assert account.pending == [MoneyDeposited(amount=Decimal("1.00"), reference=None)]
    assert '"reference":""' in StoredEvent.objects.get(version=2).data


@pytest.mark.parametrize("upcast", [upcast_money_deposited_1_to_2, upcast_money_withdrawn_1_to_2])
@pytest.mark.parametrize(
    ("stored", "reference"),
    [({"reference": ""}, None), ({"reference": "Rent"}, "Rent"), ({}, None)],
)
def test_only_an_empty_reference_changes(upcast, stored, reference) -> None:
    data = {"amount": "1.00", "booked_on": "2024-02-29", **stored}

    assert upcast(data) == {**data, "reference": reference}
