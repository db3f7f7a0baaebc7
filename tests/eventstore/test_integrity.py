"""Whatever a superuser changes with the triggers off is found, named, and ends with 4."""

from collections.abc import Callable
from decimal import Decimal
from threading import Event
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import transaction

from eventstore.application import Application
from eventstore.database import Database
from eventstore.errors import Refusal
from eventstore.event_types import EventTypes
from eventstore.integrity import Scope, one_moment
from eventstore.management.verification import Verification
from eventstore.models import Snapshot, StoredCommand, StoredEvent, StoredStream
from eventstore.store import EventStore
from ledger.accounts.events import AccountOpened
from tests.eventstore.forgeries import FORGERIES, NO_COMMAND
from tests.eventstore.forgery import ForgedEvent, forge, verify
from tests.eventstore.own import LookAtAccount, MoveMoney, own_application
from tests.eventstore.support import World, append, at_once
from tests.eventstore.test_damaged_streams import Forgotten

EVERY = 3


class Store(NamedTuple):
    """Accounts at version 4 with a snapshot at 3: two of Mary's, one of Otto's between them."""

    account: StoredStream
    elsewhere: StoredStream
    other: StoredStream

    def forge(self, *statements: str) -> None:
        forge(
            *statements,
            account=self.account.id,
            account_uuid=self.account.aggregate_id,
            other=self.other.id,
            tenant=self.elsewhere.tenant_id,
        )

    def named(self, name: str) -> str:
        """The stream as it is called in a finding."""
        of_account = {
            "row of account": f"stream {self.account.id}",
            "person": f"person-{self.account.aggregate_id}",
        }
        return of_account.get(name) or str(getattr(self, name, name))


def account_of(world: World) -> StoredStream:
    account_id = world.account("10.00")
    world.deposit(account_id, "20.00")
    world.withdraw(account_id, "5.00")
    return StoredStream.objects.get(aggregate_id=account_id)


def with_snapshots(world: World) -> World:
    return World(own_application(snapshot_every=EVERY, cache_size=0), world.actor)


@pytest.fixture
def store(world: World, elsewhere: World) -> Store:
    mary, otto = with_snapshots(world), with_snapshots(elsewhere)
    accounts = Store(account_of(mary), account_of(otto), account_of(mary))
    assert Snapshot.objects.count() == 3
    return accounts


def findings_of(application: Application, advance: Callable[[], object] = lambda: None) -> int:
    return len(list(Verification(application, Scope(), advance).findings()))


@pytest.mark.parametrize(("statements", "places"), FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forgery_is_found_and_named(
    store: Store, statements: tuple[str, ...], places: list[tuple[str, int]]
) -> None:
    assert verify().exit_code == 0
    store.forge(*statements)

    verified = verify()

    expected = [(store.named(name), version) for name, version in places]
    assert verified.exit_code == 4
    assert (verified.first, verified.places) == (expected[0], set(expected))
    assert "000.00" not in verified.problems, "amounts are nobody's business here"


def test_positions_that_two_streams_have_swapped_are_found(store: Store) -> None:
    """Each stream is in order; only the commands know where their events stood."""
    swap = "UPDATE eventstore_event SET position = %(position)s WHERE stream_id = %(stream)s"
    ends = [StoredEvent.objects.get(stream=s, version=4) for s in (store.account, store.other)]
    one, two = ((event.stream_id, event.position) for event in ends)
    for stream, position in ((one[0], -1), (two[0], one[1] + 1_000), (one[0], two[1])):
        forge(f"{swap} AND version = 4", stream=stream, position=position)

    verified = verify()

    assert verified.exit_code == 4
    assert verified.places == {(str(store.account), 4), (str(store.other), 4)}


def test_positions_swapped_within_a_stream_are_found_without_any_command(world: World) -> None:
    account = uuid4()
    opened = AccountOpened(owner_id=uuid4(), code="1")
    append(world.application.store, world.actor.tenant_id, account, opened, opened)
    first = StoredEvent.objects.get(version=1).position
    swap = "UPDATE eventstore_event SET position = %(to)s WHERE version = %(version)s"
    for version, to in ((1, 0), (2, first), (1, first + 1)):
        forge(swap, version=version, to=to)

    verified = verify()

    assert (verified.exit_code, verified.first) == (4, (f"account-{account}", 2))
    assert f"not above {first + 1}" in verified.problems


@pytest.mark.parametrize("mend_stream", [False, True])
def test_a_forged_event_with_the_right_version_is_found(store: Store, mend_stream: bool) -> None:
    ForgedEvent(stream=store.account).append(right_hash=False, mend_stream=mend_stream)

    verified = verify()

    assert (verified.exit_code, verified.places) == (4, {(str(store.account), 5)})
    assert "Its hash is 000000000000" in verified.problems


def test_a_forged_event_with_the_right_hash_is_found_by_the_streams_row(store: Store) -> None:
    ForgedEvent(stream=store.account).append(mend_stream=False)

    verified = verify()

    assert (verified.exit_code, verified.places) == (4, {(str(store.account), 5)})
    assert "The stream says version 4, its events end at 5." in verified.problems


def test_a_forged_event_is_found_by_the_command_that_it_names(store: Store) -> None:
    last = StoredCommand.objects.filter(aggregate_id=store.account.aggregate_id).last()
    ForgedEvent(stream=store.account, causation_id=last.id).append()

    verified = verify()

    assert (verified.exit_code, verified.places) == (4, {(str(store.account), 5)})
    assert f"says that command {last.id} caused it" in verified.problems


def test_the_limit_a_rightly_hashed_event_that_names_no_command_is_not_found(
    store: Store,
) -> None:
    """Programs may append without a command. What helps is in the help of `verify`."""
    ForgedEvent(stream=store.account).append()

    assert verify().exit_code == 0


def test_the_limit_a_tail_cut_off_everywhere_is_not_found(store: Store) -> None:
    store.forge(*FORGERIES["a deleted tail, the stream mended"][0])
    forge(NO_COMMAND.replace("'3'", "'4'"), account_uuid=store.account.aggregate_id)

    assert verify().exit_code == 0


def test_a_store_at_work_has_nothing_to_find(world: World, elsewhere: World) -> None:
    mary, otto = with_snapshots(world), with_snapshots(elsewhere)
    for each in (mary, otto):
        one, two = each.account("100.00"), each.account()
        for _ in range(7):
            each.send(MoveMoney(aggregate_id=one, to_account_id=two, amount=Decimal(5)))
        with pytest.raises(Refusal):  # After the other account was saved.
            each.send(MoveMoney(aggregate_id=one, to_account_id=two, amount=Decimal(500)))
        each.send(LookAtAccount(aggregate_id=one))
        command_id = uuid4()
        each.deposit(one, command_id=command_id)
        assert each.deposit(one, command_id=command_id).replayed
    shared = uuid4()
    append_by_program(mary, shared)
    append_by_program(otto, shared)

    verified = verify()

    assert verified.exit_code == 0, verified.problems
    assert verified.answer["looked_at"]["streams"] == StoredStream.objects.count() == 10
    assert verified.answer["looked_at"]["events"] == StoredEvent.objects.count()
    assert verified.answer["looked_at"]["snapshots"] == Snapshot.objects.count() > 6
    assert verified.answer["passed_over"] == {}


def append_by_program(world: World, account_id: UUID) -> None:
    """Without a command, and with a savepoint that is rolled back: its position stays a gap."""
    opened = AccountOpened(owner_id=uuid4(), code="1")
    with transaction.atomic():
        savepoint = transaction.savepoint()
        append(world.application.store, world.actor.tenant_id, uuid4(), opened)
        transaction.savepoint_rollback(savepoint)
        append(world.application.store, world.actor.tenant_id, account_id, opened)


def test_writers_at_work_are_no_findings(world: World) -> None:
    accounts = [world.account("1.00") for _ in range(3)]
    ended = Event()

    def write() -> int:
        count = 0
        while not ended.is_set():
            world.deposit(accounts[count % 3])
            count += 1
        return count

    def verify_again_and_again() -> list[int]:
        try:
            return [findings_of(world.application) for _ in range(15)]
        finally:
            ended.set()

    *written, found = at_once(write, write, verify_again_and_again)

    assert found == [0] * 15
    assert all(isinstance(count, int) and count > 15 for count in written)


def test_one_pass_sees_one_moment(world: World) -> None:
    account = world.account("1.00")
    with one_moment(Database()) as connection:
        count = "SELECT count(*) FROM eventstore_event"
        before = connection.execute(count).fetchone()
        world.deposit(account)

        assert connection.execute(count).fetchone() == before
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("UPDATE eventstore_stream SET version = 7")


def test_a_stream_that_is_boxed_without_a_box_excuses_nothing(store: Store) -> None:
    """One that claims to be long enough to hold whatever the command log misses."""
    store.forge(
        "DELETE FROM eventstore_event WHERE stream_id = %(account)s",
        "DELETE FROM eventstore_snapshot WHERE stream_id = %(account)s",
        "DELETE FROM eventstore_stream WHERE id = %(account)s",
        "INSERT INTO eventstore_stream (tenant_id, category, aggregate_id, version, head_hash,"
        " status, incarnation) SELECT id, 'account', gen_random_uuid(), 1000000, '', 'boxed', 0"
        " FROM eventstore_tenant LIMIT 1",
    )

    verified = verify()

    assert verified.exit_code == 4
    assert "no box of all its events is registered" in verified.problems
    assert "and it is not there" in verified.problems


def test_snapshots_that_the_code_cannot_judge_are_said_to_be_passed_over(store: Store) -> None:
    forge(
        "UPDATE eventstore_snapshot SET state_schema = 'older' WHERE stream_id = %(account)s",
        account=store.account.id,
    )
    types = EventTypes()
    types.name(Forgotten, "bond.forgotten")
    older = EventStore(Database(), types)
    for category in ("bond", "account"):
        append(older, store.account.tenant_id, uuid4(), Forgotten(), category=category)
    forge(
        "INSERT INTO eventstore_snapshot"
        " (stream_id, version, state_schema, state, digest, taken_at)"
        " SELECT stream_id, version, 'any', '{}', '', now() FROM eventstore_event"
        " WHERE type = 'bond.forgotten'"
    )

    verified = verify()

    assert verified.exit_code == 0, verified.problems
    assert verified.answer["looked_at"] == {"streams": 8, "events": 17, "snapshots": 2}
    unknown = "snapshots: Event type bond.forgotten, schema version 1, is not registered. "
    without = "snapshots: Category bond has no aggregate. "
    assert {what.partition(". ")[0]: n for what, n in verified.answer["passed_over"].items()} == {
        "snapshots of another state schema": 1,
        unknown.strip(". "): 1,
        without.strip(". "): 1,
    }


def test_an_event_that_the_domain_cannot_apply_hides_no_other_stream(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object, event: object) -> None:
        raise ArithmeticError("whatever")

    monkeypatch.setattr("ledger.accounts.aggregate.AccountState.apply", refuse)
    store.forge(*FORGERIES["a changed head"][0])

    verified = verify()

    assert verified.first == (str(store.account), 4)
    assert verified.answer["passed_over"] == {
        "snapshots: account.opened cannot be applied (ArithmeticError).": 3
    }
