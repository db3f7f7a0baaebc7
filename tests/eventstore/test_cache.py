"""The cache of aggregates: filled by commits, brought up to date, and never the truth."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventstore.cache import AggregateCache, CachedState
from eventstore.errors import AlreadyExists, Refusal
from eventstore.models import StoredStream, Tenant
from eventstore.repository import Repository
from eventstore.store import StreamHead
from eventstore.tenancy import Actor, Role
from ledger.accounts.aggregate import Account, AccountState
from ledger.accounts.commands import CloseAccount
from ledger.errors import InsufficientFunds
from tests.eventstore.own import MoveMoney, own_application
from tests.eventstore.support import World, at_once

TENANT = uuid4()


@pytest.fixture
def world(world: World) -> World:
    """Mary's, in a process of its own."""
    return World(own_application(), world.actor)


def another_process(world: World, **options: int) -> World:
    return World(own_application(**options), world.actor)


def cached(world: World, account: UUID) -> CachedState | None:
    return world.application.cache.get(world.actor.tenant_id, "account", account)


def entry(version: int = 1, incarnation: int = 0, head_hash: bytes = b"") -> CachedState:
    head = StreamHead("account", "active", version, head_hash, incarnation)
    return CachedState(AccountState(), head, 0)


def test_the_least_recently_used_go_first() -> None:
    cache = AggregateCache(2)
    first, second, third = uuid4(), uuid4(), uuid4()
    cache.put(TENANT, first, entry())
    cache.put(TENANT, second, entry())
    cache.get(TENANT, "account", first)

    cache.put(TENANT, third, entry())

    assert len(cache) == 2
    assert cache.get(TENANT, "account", second) is None
    assert cache.get(TENANT, "account", first)
    assert cache.get(TENANT, "account", third)


def test_a_cache_of_no_size_keeps_nothing() -> None:
    cache = AggregateCache(0)
    cache.put(TENANT, TENANT, entry())

    assert len(cache) == 0


def test_a_late_commit_does_not_replace_a_later_one() -> None:
    cache = AggregateCache(2)
    cache.put(TENANT, TENANT, entry(version=7))
    cache.put(TENANT, TENANT, entry(version=6))
    assert cache.get(TENANT, "account", TENANT).head.version == 7

    cache.put(TENANT, TENANT, entry(version=1, incarnation=1))
    assert cache.get(TENANT, "account", TENANT).head.version == 1


def test_a_committed_command_leaves_its_aggregates_behind(world: World) -> None:
    source, target = world.account("10.00"), world.account()

    world.send(MoveMoney(aggregate_id=source, to_account_id=target, amount=Decimal("4.00")))

    assert cached(world, source).state == AccountState(balance=Decimal("6.00"))
    assert cached(world, target).state == AccountState(balance=Decimal("4.00"))


def test_a_refused_command_leaves_nothing_behind(world: World) -> None:
    source, target = world.account("10.00"), world.account()

    with pytest.raises(InsufficientFunds):
        world.send(MoveMoney(aggregate_id=source, to_account_id=target, amount=Decimal("40.00")))

    assert cached(world, target).state == AccountState()
    world.deposit(target, "1.00")
    assert cached(world, target).state == AccountState(balance=Decimal("1.00"))


def test_what_other_processes_did_meanwhile_is_loaded(world: World) -> None:
    account = world.account("10.00")
    other = another_process(world)

    other.withdraw(account, "10.00")
    with pytest.raises(InsufficientFunds):
        world.withdraw(account, "0.01")
    other.send(CloseAccount(aggregate_id=account))
    with pytest.raises(Refusal, match="is closed"):
        world.deposit(account)


def test_a_cached_aggregate_is_not_believed_after_a_box(world: World) -> None:
    """An unbox raises the incarnation; the state in another process may be of before."""
    account = world.account("10.00")
    StoredStream.objects.filter(aggregate_id=account).update(incarnation=1)
    tampered = cached(world, account)
    tampered.state.balance = Decimal("1000.00")

    with pytest.raises(InsufficientFunds):
        world.withdraw(account, "10.01")


@pytest.mark.parametrize(
    "change", [{"version": 99}, {"head_hash": b"another past"}, {"version": 1}]
)
def test_a_cached_aggregate_of_another_past_is_not_believed(
    world: World, change: dict[str, object]
) -> None:
    """As after the database was restored from a backup; version 1 has another hash than 2."""
    account = world.account("10.00")
    now = cached(world, account)
    head = StreamHead(**{name: getattr(now.head, name) for name in now.head.__slots__} | change)
    world.application.cache.clear()
    wrong = CachedState(AccountState(balance=Decimal("1000.00")), head, 0)
    world.application.cache.put(world.actor.tenant_id, account, wrong)

    with pytest.raises(InsufficientFunds):
        world.withdraw(account, "10.01")


def test_tenants_with_the_same_id_have_a_cached_aggregate_each(world: World) -> None:
    account = world.account("10.00")
    umbrella = Tenant.objects.create(slug="umbrella", name="Umbrella")
    elsewhere = World(
        world.application, Actor(tenant_id=umbrella.id, user="otto", role=Role.MEMBER)
    )
    load = world.application.loader.load

    assert load(umbrella.id, Account, account) is None
    assert cached(elsewhere, account) is None
    assert load(world.actor.tenant_id, Account, account).aggregate.state.balance == 10


def test_a_loaded_aggregate_can_be_changed_without_changing_the_cache(world: World) -> None:
    account = world.account("10.00")

    loaded = world.application.loader.load(world.actor.tenant_id, Account, account)
    loaded.aggregate.withdraw(Decimal("10.00"), None, "")

    assert cached(world, account).state == AccountState(balance=Decimal("10.00"))


def load_twice(command: MoveMoney, repository: Repository) -> None:
    first = repository.load(Account, command.aggregate_id)
    again = repository.load(Account, command.aggregate_id)
    assert first is again
    first.deposit(command.amount, None, "")
    repository.save(again)
    repository.load(Account, command.aggregate_id).deposit(command.amount, None, "")
    repository.save(first)


def test_an_aggregate_that_a_handler_loads_twice_is_one(world: World) -> None:
    account = world.account("10.00")
    twice = World(own_application(load_twice, snapshot_every=1), world.actor)

    twice.send(MoveMoney(aggregate_id=account, to_account_id=account, amount=Decimal("5.00")))

    assert cached(twice, account).head.version == 4
    twice.withdraw(account, "20.00")
    another_process(world).deposit(account, "1.00")


def save_a_stranger(command: MoveMoney, repository: Repository) -> None:
    repository.load(Account, command.aggregate_id)
    stranger = Account(command.aggregate_id)
    stranger.deposit(command.amount, None, "")
    repository.save(stranger)


def create_twice(command: MoveMoney, repository: Repository) -> None:
    for _ in range(2):
        repository.create(Account, command.to_account_id).open(command.aggregate_id, "1")


@pytest.mark.parametrize(
    ("handler", "error"), [(save_a_stranger, ValueError), (create_twice, AlreadyExists)]
)
def test_a_repository_knows_each_aggregate_once(
    world: World, handler: Any, error: type[Exception]
) -> None:
    account = world.account("10.00")
    confused = World(own_application(handler), world.actor)

    with pytest.raises(error):
        confused.send(
            MoveMoney(aggregate_id=account, to_account_id=uuid4(), amount=Decimal("5.00"))
        )

    assert cached(confused, account) is None


def test_threads_that_share_a_cache_lose_nothing(world: World) -> None:
    accounts = [world.account("100.00") for _ in range(3)]

    def work() -> None:
        for number in range(30):
            world.withdraw(accounts[number % 3], "1.00")

    assert at_once(*[work] * 4) == [None] * 4
    for account in accounts:
        fresh = another_process(world, cache_size=0)
        loaded = fresh.application.loader.load(world.actor.tenant_id, Account, account)
        assert loaded.aggregate.state.balance == Decimal("60.00")
        assert cached(world, account).state == loaded.aggregate.state
