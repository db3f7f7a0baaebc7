"""Random histories answer the same with cache and snapshots on or off.

Four tenants live through the same history, each in two processes with caches of their own: the
first without cache and snapshots, the others with either or both. Between the commands snapshots
are spoilt and processes start anew.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from eventstore.commands import Command
from eventstore.errors import Refusal
from eventstore.models import Snapshot, StoredStream, Tenant
from eventstore.repository import Repository
from eventstore.tenancy import Actor, Role
from ledger.accounts.aggregate import Account
from ledger.accounts.commands import CloseAccount, DepositMoney, OpenAccount, WithdrawMoney
from ledger.persons.commands import RegisterPerson
from tests.eventstore.own import MoveMoney, move_money, own_application
from tests.eventstore.support import World

#: Name of the way, events to a snapshot, aggregates in the cache.
WAYS = {"neither": (0, 0), "snapshots": (3, 0), "cache": (0, 2), "both": (3, 2)}
#: Moving this much breaks the handler after it has saved both accounts.
BROKEN = Decimal("13.00")
SPOILT = (
    {"state_schema": "older"},
    {"state": "[]"},
    {"state": '{"balance":"nothing"}'},
    {"version": 10_000},
)

amounts = st.integers(1, 40).map(Decimal)
processes = st.integers(0, 1)


def move_money_or_break(command: MoveMoney, repository: Repository) -> None:
    move_money(command, repository)
    if command.amount == BROKEN:
        raise RuntimeError("broken")


@dataclass(frozen=True)
class Way:
    """A tenant and the processes that serve it."""

    name: str
    worlds: tuple[World, World]

    def answer(self, command: Command, process: int) -> Any:
        """What the sender is told, and what it says of the aggregate."""
        try:
            result = self.worlds[process].send(command)
        except (Refusal, RuntimeError) as error:
            return type(error), str(error)
        return result.status, result.version, [event.type for event in result.events]

    def state(self, account: UUID, process: int) -> Any:
        world = self.worlds[process]
        loaded = world.application.loader.load(world.actor.tenant_id, Account, account)
        assert loaded is not None
        return loaded.aggregate.version, loaded.aggregate.state

    @property
    def has_cached(self) -> bool:
        return any(len(world.application.cache) for world in self.worlds)

    @property
    def snapshots(self) -> Any:
        return Snapshot.objects.filter(stream__tenant_id=self.worlds[0].actor.tenant_id)


def make_way(name: str) -> Way:
    every, size = WAYS[name]
    tenant = Tenant.objects.create(slug=str(uuid4()), name=name)
    actor = Actor(tenant_id=tenant.id, user="mary", role=Role.MEMBER)
    first, second = (
        World(own_application(move_money_or_break, snapshot_every=every, cache_size=size), actor)
        for _ in range(2)
    )
    return Way(name, (first, second))


class Histories(RuleBasedStateMachine):
    accounts = Bundle("accounts")
    #: The ways in which, at some time of the whole run, there was a snapshot, or a cached state.
    with_snapshots: ClassVar[set[str]] = set()
    with_cached: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.ways = [make_way(name) for name in WAYS]
        self.owner = uuid4()
        self.everywhere(
            RegisterPerson(aggregate_id=self.owner, first_name="Ann", last_name="Lee"), 0
        )
        self.known: list[UUID] = []

    def everywhere(self, command: Command, process: int) -> None:
        """Send it in all four ways; all are told the same."""
        expected, *others = [(way.name, way.answer(command, process)) for way in self.ways]
        for name, answer in others:
            assert answer == expected[1], f"{name}: {answer}, without: {expected[1]}"

    @precondition(lambda self: len(self.known) < 3)
    @rule(target=accounts, process=processes)
    def open(self, process: int) -> UUID:
        account = uuid4()
        self.everywhere(OpenAccount(aggregate_id=account, owner_id=self.owner, code="1"), process)
        self.known.append(account)
        return account

    @rule(account=accounts, amount=amounts, process=processes)
    def deposit(self, account: UUID, amount: Decimal, process: int) -> None:
        self.everywhere(DepositMoney(aggregate_id=account, amount=amount), process)

    @rule(account=accounts, amount=amounts, process=processes)
    def withdraw(self, account: UUID, amount: Decimal, process: int) -> None:
        self.everywhere(WithdrawMoney(aggregate_id=account, amount=amount), process)

    @rule(payer=accounts, payee=accounts, amount=amounts | st.just(BROKEN), process=processes)
    def move(self, payer: UUID, payee: UUID, amount: Decimal, process: int) -> None:
        if payer != payee:
            command = MoveMoney(aggregate_id=payer, to_account_id=payee, amount=amount)
            self.everywhere(command, process)

    @rule(account=accounts, process=processes)
    def close(self, account: UUID, process: int) -> None:
        self.everywhere(CloseAccount(aggregate_id=account), process)

    @rule(spoilt=st.sampled_from(SPOILT))
    def spoil_the_newest_snapshots(self, spoilt: dict[str, Any]) -> None:
        for way in self.ways:
            for account in self.known:
                snapshots = way.snapshots.filter(stream__aggregate_id=account)
                newest = snapshots.order_by("-version").first()
                if newest is not None and newest.version < SPOILT[-1]["version"]:
                    Snapshot.objects.filter(id=newest.id).update(**spoilt)

    @rule(process=processes)
    def start_anew(self, process: int) -> None:
        for way in self.ways:
            way.worlds[process].application.cache.clear()

    @rule()
    def come_out_of_a_box(self) -> None:
        for stream in StoredStream.objects.filter(aggregate_id__in=self.known):
            StoredStream.objects.filter(id=stream.id).update(incarnation=stream.incarnation + 1)

    @invariant()
    def all_have_the_same_state(self) -> None:
        for account in self.known:
            states = [way.state(account, process) for way in self.ways for process in (0, 1)]
            assert states == [states[0]] * len(states)

    @invariant()
    def notes_what_is_kept(self) -> None:
        self.with_snapshots.update(way.name for way in self.ways if way.snapshots.exists())
        self.with_cached.update(way.name for way in self.ways if way.has_cached)


def run(examples: int) -> None:
    Histories.with_snapshots.clear()
    Histories.with_cached.clear()
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Histories.with_snapshots == {"snapshots", "both"}
    assert Histories.with_cached == {"cache", "both"}


@pytest.mark.usefixtures("database")
def test_random_histories_answer_the_same_with_cache_and_snapshots_on_or_off() -> None:
    run(12)


@pytest.mark.soak
@pytest.mark.usefixtures("database")
def test_many_random_histories_answer_the_same_with_cache_and_snapshots_on_or_off() -> None:
    run(400)
