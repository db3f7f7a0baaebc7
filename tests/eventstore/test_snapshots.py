"""Snapshots: taken after the commit, every so many events, and passed over when in doubt."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.db import connection

from eventstore.application import Application, pipeline_from_settings
from eventstore.commands import Envelope, Result
from eventstore.database import Database
from eventstore.models import Snapshot, StoredStream
from eventstore.pipeline import Proceed, Services
from eventstore.repository import Repository
from ledger.accounts.aggregate import Account, AccountState
from ledger.persons.aggregate import Person
from tests.eventstore.own import MoveMoney, own_application
from tests.eventstore.support import World, raw_connection

EVERY = 10


@pytest.fixture
def world(world: World) -> World:
    """Mary's, in a process that takes a snapshot every ten events and caches nothing."""
    application = own_application(snapshot_every=EVERY, cache_size=0)
    return World(application, world.actor)


def account_with(world: World, deposits: int) -> UUID:
    """The account's id; its version is one more than its deposits."""
    account = world.account()
    for _ in range(deposits):
        world.deposit(account)
    return account


def versions() -> list[int]:
    return list(Snapshot.objects.order_by("version").values_list("version", flat=True))


def change_snapshots(sql: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE eventstore_snapshot SET {sql}", parameters)


def load(world: World, account: UUID) -> Any:
    return world.application.loader.load(world.actor.tenant_id, Account, account)


def test_a_snapshot_is_taken_every_so_many_events(world: World) -> None:
    account = account_with(world, 20)

    stream = StoredStream.objects.get(aggregate_id=account)
    first, second = Snapshot.objects.order_by("version")
    assert (first.stream_id, first.version, first.state) == (
        stream.id,
        10,
        '{"balance":"9.00","is_closed":false}',
    )
    assert (second.version, second.state) == (20, '{"balance":"19.00","is_closed":false}')


def test_the_last_two_snapshots_of_a_stream_stay(world: World) -> None:
    account_with(world, 8)
    account_with(world, 39)

    assert versions() == [30, 40]


def test_the_next_load_reads_one_snapshot_and_the_events_after_it(world: World) -> None:
    account = account_with(world, 21)
    schema = world.application.snapshots.schema_of(Account)

    head, _, snapshot, events = world.application.store.load(
        world.actor.tenant_id, account, state_schema=schema
    )

    assert (head.version, snapshot.version, len(events)) == (22, 20, 2)
    loaded = load(world, account)
    assert (loaded.aggregate.version, loaded.snapshot_version) == (22, 20)
    assert loaded.aggregate.state == AccountState(balance=Decimal("21.00"))


def deposit_often(command: MoveMoney, repository: Repository) -> None:
    account = repository.load(Account, command.aggregate_id)
    for _ in range(25):
        account.deposit(command.amount, None, "")
    repository.save(account)


class FailBeforeTheCommit:
    """A step of the pipeline, after the handler, the append and the rows."""

    def __init__(self, proceed: Proceed, services: Services) -> None:
        self._proceed = proceed

    def __call__(self, envelope: Envelope) -> Result:
        self._proceed(envelope)
        raise RuntimeError("before the commit")


def test_a_command_of_many_events_is_followed_by_one_snapshot(world: World) -> None:
    account = world.account()
    many = MoveMoney(aggregate_id=account, to_account_id=account, amount=Decimal("1.00"))

    World(own_application(deposit_often, snapshot_every=EVERY), world.actor).send(many)

    assert versions() == [26]


def test_neither_snapshot_nor_cache_knows_what_was_rolled_back(world: World) -> None:
    account = world.account()
    many = MoveMoney(aggregate_id=account, to_account_id=account, amount=Decimal("1.00"))
    steps = [*pipeline_from_settings(), FailBeforeTheCommit]
    application = own_application(deposit_often, steps=steps, snapshot_every=EVERY)

    with pytest.raises(RuntimeError, match="before the commit"):
        World(application, world.actor).send(many)

    assert versions() == []
    assert len(application.cache) == 0


@pytest.mark.parametrize(
    ("change", "parameters"),
    [
        ("state_schema = 'older'", []),
        ('state = \'{"balance": "nothing"}\'::json', []),
        ("state = '[]'::json", []),
        ("state = 'null'::json", []),
        ("version = 99", []),
        ("state = replace(state::text, '9.00', '900.00')::json", []),
        ("version = 9", []),
    ],
)
def test_a_snapshot_that_cannot_be_used_is_passed_over(
    world: World, change: str, parameters: list[Any]
) -> None:
    """Of an older schema, not to be read, beyond the stream, or changed by hand."""
    account = account_with(world, 11)
    expected = load(world, account).aggregate.state
    change_snapshots(change, *parameters)

    loaded = load(world, account)

    assert loaded.aggregate.state == expected == AccountState(balance=Decimal("11.00"))
    assert (loaded.aggregate.version, loaded.snapshot_version) == (12, 0)


def test_a_snapshot_takes_the_place_of_one_that_could_not_be_used(world: World) -> None:
    account = account_with(world, 9)
    change_snapshots("state = '[]'::json")

    world.deposit(account)

    assert versions() == [10, 11]
    assert load(world, account).snapshot_version == 11


def test_states_of_another_shape_or_meaning_have_another_schema(application: Application) -> None:
    @dataclass(slots=True)
    class Wider:
        balance: Decimal = Decimal(0)
        is_closed: bool = False
        limit: Decimal = Decimal(0)

    class WiderAccount(Account):
        state_type = Wider

    class NewAccount(Account):
        state_version = 2

    classes = (Account, WiderAccount, NewAccount, Person)
    assert len({application.snapshots.schema_of(each) for each in classes}) == 4


def test_a_snapshot_that_cannot_be_stored_does_not_fail_the_command(world: World) -> None:
    world = World(own_application(snapshot_every=EVERY), world.actor)
    account = account_with(world, 8)
    with raw_connection() as other:
        other.execute("LOCK eventstore_snapshot IN SHARE MODE")
        Database().execute("SET lock_timeout = '100ms'")

        result = world.deposit(account)

        other.rollback()
    Database().execute("RESET lock_timeout")
    assert (result.version, versions()) == (10, [])
    cached = world.application.cache.get(world.actor.tenant_id, "account", account)
    assert cached is not None
    assert (cached.head.version, cached.snapshot_version) == (10, 0)
    world.deposit(account)
    assert versions() == [11]


def test_a_connection_that_breaks_before_the_snapshot_is_made_anew(world: World) -> None:
    account = account_with(world, 8)
    take = world.application.snapshots.take

    def take_on_a_broken_connection(*of_account: Any) -> bool:
        with raw_connection(autocommit=True) as other:
            pid = connection.connection.info.backend_pid
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        return take(*of_account)

    with patch.object(world.application.snapshots, "take", take_on_a_broken_connection):
        result = world.deposit(account)

    assert (result.version, versions()) == (10, [])
    assert world.deposit(account).version == 11
    assert versions() == [11]


def test_a_state_without_a_form_in_json_fails_no_command(world: World) -> None:
    account = account_with(world, 3)
    loaded = load(world, account)
    loaded.aggregate.state.balance = object()

    taken = world.application.snapshots.take(
        Account, world.actor.tenant_id, account, loaded.head, loaded.aggregate.state
    )

    assert not taken


def test_no_snapshot_lands_on_a_boxed_stream_or_on_another_incarnation(world: World) -> None:
    account = account_with(world, 3)
    loaded = load(world, account)
    take = world.application.snapshots.take
    of_account = (Account, world.actor.tenant_id, account, loaded.head, loaded.aggregate.state)

    StoredStream.objects.filter(aggregate_id=account).update(status="boxed")
    assert take(*of_account) is False
    StoredStream.objects.filter(aggregate_id=account).update(status="active", incarnation=1)
    assert take(*of_account) is False
    StoredStream.objects.filter(aggregate_id=account).update(incarnation=0)
    assert take(*of_account) is True


def test_a_snapshot_does_not_wait_for_whoever_is_boxing_the_stream(world: World) -> None:
    account = account_with(world, 3)
    loaded = load(world, account)
    with raw_connection() as other:
        other.execute(
            "SELECT FROM eventstore_stream WHERE aggregate_id = %s FOR UPDATE", [account]
        )

        taken = world.application.snapshots.take(
            Account, world.actor.tenant_id, account, loaded.head, loaded.aggregate.state
        )

        other.rollback()
    assert not taken
