"""Invariant 5 for inline projections: after any history, rows equal a replay of all events."""

import random
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import pytest

from eventstore.errors import Refusal
from eventstore.models import StoredEvent
from ledger.accounts.commands import CloseAccount, OpenAccount
from ledger.persons.commands import RenamePerson
from projections.models import AccountSummary
from tests.eventstore.own import MoveMoney, own_application
from tests.eventstore.support import World, at_once
from tests.replay import assert_rows_equal_a_replay

SEEDS = (1, 2, 3, 1887)
WRITERS = 6
STEPS = 25


class RandomUser:
    """Sends random commands to persons and accounts that others use at the same time."""

    def __init__(self, world: World, persons: list[UUID], accounts: list[UUID], seed: str) -> None:
        self._world = world
        self._persons = persons
        self._accounts = accounts
        self._random = random.Random(seed)

    def send_many(self) -> None:
        choices: list[Callable[[], object]] = [
            self._deposit, self._deposit, self._deposit, self._withdraw, self._withdraw,
            self._open, self._close, self._rename, self._move,
        ]  # fmt: skip
        for _ in range(STEPS):
            with suppress(Refusal):  # part of any history
                self._random.choice(choices)()

    def _amount(self) -> str:
        return f"{self._random.randint(1, 99)}.{self._random.randint(0, 99):02}"

    def _deposit(self) -> None:
        self._world.deposit(self._random.choice(self._accounts), self._amount())

    def _withdraw(self) -> None:
        self._world.withdraw(self._random.choice(self._accounts), self._amount())

    def _open(self) -> None:
        account_id, owner_id = uuid4(), self._random.choice(self._persons)
        self._world.send(OpenAccount(aggregate_id=account_id, owner_id=owner_id, code="2"))
        self._accounts.append(account_id)

    def _close(self) -> None:
        self._world.send(CloseAccount(aggregate_id=self._random.choice(self._accounts)))

    def _rename(self) -> None:
        person_id, name = self._random.choice(self._persons), self._amount()
        self._world.send(RenamePerson(aggregate_id=person_id, first_name=name, last_name="X"))

    def _move(self) -> None:
        source, target = self._random.choice(self._accounts), self._random.choice(self._accounts)
        amount = Decimal(self._amount())
        self._world.send(MoveMoney(aggregate_id=source, to_account_id=target, amount=amount))


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_equal_a_replay_of_a_random_history(
    world: World, elsewhere: World, seed: int
) -> None:
    print(f"seed {seed}")
    users = []
    for tenant in (world, elsewhere):
        own = World(own_application(), tenant.actor)
        persons = [own.person(), own.person()]
        accounts = [own.account("50.00", owner_id=person) for person in persons for _ in range(2)]
        writers = range(WRITERS // 2)
        users += [RandomUser(own, persons, accounts, f"{seed} {n} {own.actor}") for n in writers]

    outcomes = at_once(*[partial(user.send_many) for user in users])

    unexpected = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert not unexpected, unexpected
    assert StoredEvent.objects.count() > 40
    assert_rows_equal_a_replay(world.application)


def test_rows_that_differ_from_a_replay_are_noticed(world: World) -> None:
    """The comparison itself can fail."""
    world.account("10.00")
    AccountSummary.objects.update(balance=Decimal("10.01"))

    with pytest.raises(AssertionError):
        assert_rows_equal_a_replay(world.application)


def test_a_person_may_own_accounts_that_are_all_full(world: World) -> None:
    """Sums are wider than what is summed: DESIGN section 6 wants numeric(24, 2) for them."""
    person, most = world.person(), "999999999999999.99"
    for _ in range(11):
        account = world.account(owner_id=person)
        for _ in range(10):
            world.deposit(account, most)

    assert_rows_equal_a_replay(world.application)
