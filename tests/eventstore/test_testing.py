"""The helpers that the backbone ships for a domain's tests."""

from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import connection

from eventstore.errors import AggregateNotFound, AlreadyExists
from eventstore.models import Tenant
from eventstore.testing import Outcome, Stream, given, wipe
from ledger.accounts.aggregate import Account
from ledger.accounts.commands import DepositMoney, OpenAccount
from ledger.accounts.events import AccountOpened, MoneyDeposited, MoneyWithdrawn
from ledger.accounts.handlers import deposit_money, open_account
from ledger.errors import InsufficientFunds
from ledger.persons.aggregate import Person
from tests.eventstore.own import MoveMoney, move_money
from tests.eventstore.support import World, stored_counts

ONE, OTHER = uuid4(), uuid4()
OPENED = AccountOpened(owner_id=UUID(int=1), code="1")
PAID_IN = MoneyDeposited(amount=Decimal("5.00"))
DEPOSIT = DepositMoney(aggregate_id=ONE, amount=Decimal("5.00"))
MOVE = MoveMoney(aggregate_id=ONE, to_account_id=OTHER, amount=Decimal("5.00"))


def outcome_of_a_deposit() -> Outcome:
    return given(Stream(Account, ONE, OPENED)).when(DEPOSIT, deposit_money)


def test_then_passes_when_exactly_these_events_were_saved() -> None:
    outcome_of_a_deposit().then(PAID_IN)


def test_then_fails_on_other_more_or_fewer_events() -> None:
    with pytest.raises(AssertionError, match="is not"):
        outcome_of_a_deposit().then(MoneyDeposited(amount=Decimal("5.01")))
    with pytest.raises(AssertionError):
        outcome_of_a_deposit().then()
    with pytest.raises(AssertionError):
        outcome_of_a_deposit().then(PAID_IN, PAID_IN)


def test_then_fails_on_a_refusal_and_shows_it() -> None:
    with pytest.raises(AssertionError, match="AggregateNotFound"):
        given().when(DEPOSIT, deposit_money).then(PAID_IN)


def test_then_refused_fails_without_a_refusal_or_with_another_one() -> None:
    with pytest.raises(AssertionError, match="expected InsufficientFunds, got"):
        outcome_of_a_deposit().then_refused(InsufficientFunds)
    with pytest.raises(AssertionError, match="expected InsufficientFunds, got AggregateNotFound"):
        given().when(DEPOSIT, deposit_money).then_refused(InsufficientFunds)
    given().when(DEPOSIT, deposit_money).then_refused(AggregateNotFound)


def test_a_handler_may_save_several_aggregates() -> None:
    rich = Stream(Account, ONE, OPENED, PAID_IN)

    given(rich, Stream(Account, OTHER, OPENED)).when(MOVE, move_money).then(
        PAID_IN, MoneyWithdrawn(amount=Decimal("5.00"))
    )


def test_a_refusal_after_a_save_leaves_nothing_saved() -> None:
    outcome = given(Stream(Account, ONE, OPENED), Stream(Account, OTHER, OPENED)).when(
        MOVE, move_money
    )

    outcome.then_refused(InsufficientFunds)
    assert outcome.events == []


def test_a_handler_sees_what_it_has_saved_before() -> None:
    to_itself = MoveMoney(aggregate_id=ONE, to_account_id=ONE, amount=Decimal("5.00"))

    given(Stream(Account, ONE, OPENED)).when(to_itself, move_money).then(
        PAID_IN, MoneyWithdrawn(amount=Decimal("5.00"))
    )


def test_the_memory_refuses_what_the_database_refuses(world: World) -> None:
    person, account = world.person(), world.account()
    streams = Stream(Person, person), Stream(Account, account)
    cases = [
        (OpenAccount(aggregate_id=uuid4(), owner_id=account, code="1"), AggregateNotFound),
        (OpenAccount(aggregate_id=uuid4(), owner_id=uuid4(), code="1"), AggregateNotFound),
        (OpenAccount(aggregate_id=account, owner_id=person, code="1"), AlreadyExists),
        (OpenAccount(aggregate_id=person, owner_id=person, code="1"), AlreadyExists),
    ]

    for command, refusal in cases:
        given(*streams).when(command, open_account).then_refused(refusal)
        with pytest.raises(refusal):
            world.send(command)


def test_wipe_empties_the_database_and_begins_positions_anew(world: World) -> None:
    world.account("10.00")

    wipe()

    assert stored_counts() == (0, 0, 0)
    assert not Tenant.objects.exists()
    tenant = Tenant.objects.create(id=world.actor.tenant_id, slug="again", name="Again")
    assert tenant.slug == "again"
    assert world.deposit(world.account()).position == 3


def test_wipe_leaves_the_guard_on(world: World, raw: object) -> None:
    wipe()

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgenabled FROM pg_trigger WHERE tgname = 'eventstore_event_append_only'"
        )
        assert cursor.fetchone() == ("A",)


def test_wipe_refuses_a_database_that_is_not_for_tests(
    database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as renamed:
        renamed.setitem(connection.settings_dict, "NAME", "daybook")
        with pytest.raises(RuntimeError, match="daybook is no test database"):
            wipe()
