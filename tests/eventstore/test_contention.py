"""Commands that get in each other's way: retried on fresh state, or told that they came late."""

from collections import Counter
from decimal import Decimal
from functools import partial
from threading import Barrier
from uuid import uuid4

import pytest

from eventstore.commands import Result
from eventstore.errors import Busy, StaleVersion, WrongExpectedVersion
from eventstore.models import StoredEvent, StoredStream
from eventstore.repository import Repository
from ledger.accounts.aggregate import Account
from ledger.errors import InsufficientFunds
from ledger.persons.commands import RegisterPerson
from tests.eventstore.own import MoveMoney, own_application
from tests.eventstore.support import PATIENCE, World, at_once, raw_connection, stored_counts


def test_two_commands_on_one_aggregate_both_succeed(world: World) -> None:
    account = world.account("10.00")

    outcomes = at_once(
        partial(world.deposit, account, "5.00"), partial(world.withdraw, account, "10.00")
    )

    assert all(isinstance(outcome, Result) for outcome in outcomes), outcomes
    assert world.balance(account) == Decimal("5.00")


def test_two_commands_that_have_both_loaded_the_aggregate_both_succeed(world: World) -> None:
    account, other = world.account("10.00"), world.account("0.00")
    both_have_loaded = Barrier(2)
    attempts: Counter[str] = Counter()

    def deposit_after_both_have_loaded(command: MoveMoney, repository: Repository) -> None:
        loaded = repository.load(Account, command.aggregate_id)
        reference = str(command.amount)
        attempts[reference] += 1
        if attempts[reference] == 1:
            both_have_loaded.wait(PATIENCE)
        loaded.deposit(command.amount, None, reference)
        repository.save(loaded)

    own = World(own_application(deposit_after_both_have_loaded), world.actor)

    def send(amount: str) -> Result:
        return own.send(
            MoveMoney(aggregate_id=account, to_account_id=other, amount=Decimal(amount))
        )

    outcomes = at_once(partial(send, "1.00"), partial(send, "2.00"))

    assert all(isinstance(outcome, Result) for outcome in outcomes), outcomes
    assert sorted(attempts.values()) == [1, 2]
    assert world.balance(account) == Decimal("13.00")


def test_twenty_deposits_at_once_all_succeed_and_the_sum_is_right(world: World) -> None:
    account = world.account("0.00")
    amounts = [f"{n}.01" for n in range(1, 21)]

    outcomes = at_once(*[partial(world.deposit, account, amount) for amount in amounts])

    versions = [outcome.version for outcome in outcomes if isinstance(outcome, Result)]
    assert sorted(versions) == list(range(2, 22)), outcomes
    assert world.balance(account) == sum(map(Decimal, amounts))


def test_of_withdrawals_at_once_as_many_succeed_as_there_is_money_for(world: World) -> None:
    account = world.account("5.00")

    outcomes = at_once(*[partial(world.withdraw, account, "1.00")] * 12)

    assert Counter(map(type, outcomes)) == {Result: 5, InsufficientFunds: 7}
    assert world.balance(account) == Decimal("0.00")


def test_of_commands_with_one_expected_version_exactly_one_wins(world: World) -> None:
    account = world.account("10.00")
    streams, events, commands = stored_counts()

    outcomes = at_once(*[partial(world.deposit, account, expected_version=2)] * 10)

    assert Counter(map(type, outcomes)) == {Result: 1, StaleVersion: 9}
    assert stored_counts() == (streams, events + 1, commands + 1)
    assert world.balance(account) == Decimal("11.00")


def test_of_commands_that_begin_one_aggregate_exactly_one_wins(world: World) -> None:
    command = RegisterPerson(aggregate_id=uuid4(), first_name="A", last_name="B")

    outcomes = at_once(*[partial(world.send, command)] * 8)

    codes = Counter(getattr(outcome, "code", "done") for outcome in outcomes)
    assert codes == {"done": 1, "already_exists": 7}
    assert StoredEvent.objects.count() == StoredStream.objects.count() == 1


def test_a_deadlock_is_retried_until_both_succeed(world: World) -> None:
    one, other = world.account("100.00"), world.account("100.00")
    each_has_saved_one = Barrier(2)
    attempts: list[str] = []

    def deposit_to_both(command: MoveMoney, repository: Repository) -> None:
        attempts.append(str(command.aggregate_id))
        is_first = attempts.count(str(command.aggregate_id)) == 1
        for account_id in (command.aggregate_id, command.to_account_id):
            account = repository.load(Account, account_id)
            account.deposit(command.amount, None, "")
            repository.save(account)
            if is_first and account_id == command.aggregate_id:
                each_has_saved_one.wait(PATIENCE)

    own = World(own_application(deposit_to_both), world.actor)
    there = MoveMoney(aggregate_id=one, to_account_id=other, amount=Decimal("1.00"))
    back = MoveMoney(aggregate_id=other, to_account_id=one, amount=Decimal("2.00"))

    outcomes = at_once(partial(own.send, there), partial(own.send, back))

    assert all(isinstance(outcome, Result) for outcome in outcomes), outcomes
    assert len(attempts) >= 3  # one of them was PostgreSQL's victim
    assert (world.balance(one), world.balance(other)) == (Decimal(103), Decimal(103))


def test_a_lock_that_comes_too_late_is_busy(world: World) -> None:
    account = world.account("10.00")
    world.application.database.execute("SET lock_timeout = '20ms'")
    before = stored_counts()

    with raw_connection() as holder:
        holder.execute("SELECT FROM eventstore_stream FOR UPDATE")
        with pytest.raises(Busy):
            world.deposit(account)
        holder.rollback()

    assert stored_counts() == before
    world.deposit(account)


def test_a_conflict_that_never_ends_is_a_version_conflict_after_five_attempts(
    world: World,
) -> None:
    account = world.account("10.00")
    attempts = []

    def lose_every_race(command: MoveMoney, repository: Repository) -> None:
        attempts.append(1)
        raise WrongExpectedVersion("account", account, 1, 2)

    own = World(own_application(lose_every_race), world.actor)
    command = MoveMoney(aggregate_id=account, to_account_id=account, amount=Decimal("1.00"))
    before = stored_counts()

    with pytest.raises(WrongExpectedVersion):
        own.send(command)

    assert len(attempts) == 5
    assert stored_counts() == before
