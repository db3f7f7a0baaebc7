"""Whoever writes and reads while rows are rebuilt notices nothing, and nothing is lost."""

from itertools import cycle, islice

import pytest

from eventstore.errors import ProjectionModeDiffers
from eventstore.models import Rebuild, StoredCommand, StoredEvent
from eventstore.projections import Mode
from eventstore.tenancy import Actor
from tests.eventstore.lock_waits import waiters
from tests.eventstore.rebuilding.bustle import Bustle
from tests.eventstore.rebuilding.meanwhile import Meanwhile, paused_at
from tests.eventstore.rebuilding.support import differing, order, query, rebuild, shadows
from tests.eventstore.subscriptions.domain import scene, standing
from tests.eventstore.subscriptions.test_slow_workers import polls
from tests.eventstore.support import World, raw_connection
from tests.http import Api
from tests.replay import assert_rows_equal_a_replay

#: Rebuilt in turn: what commands write, and what a worker writes beside.
REBUILT = (
    "account_summary",
    "transfer_summary",
    "person_summary",
    "account_statement",
    "user_summary",
)


@pytest.mark.long
@pytest.mark.parametrize("times", [8, pytest.param(50, marks=pytest.mark.soak)])
def test_nobody_notices_that_rows_are_rebuilt_again_and_again(
    world: World, api: Api, times: int
) -> None:
    bustle = Bustle(world, api)
    with bustle.going_on():
        for name in islice(cycle(REBUILT), times):
            rebuild(world.application, name)
            assert differing(world.application, name) == 0
    assert not bustle.errors, bustle.errors
    print(f"the longest of {len(bustle.seconds)} commands took {max(bustle.seconds):.3f} s")
    assert bustle.looks > times
    assert len(bustle.seconds) > times
    answers = StoredCommand.objects.filter(status="completed").values_list("result", flat=True)
    assert StoredEvent.objects.count() == sum(len(answer["events"]) for answer in answers)
    assert assert_rows_equal_a_replay(world.application)
    assert shadows() == []
    assert set(Rebuild.objects.values_list("status", flat=True)) == {"done"}


# Who waits for whom.
WAITED_FOR = """
SELECT bool_or(relation = 'eventstore_event'::regclass AND mode = 'ShareLock' AND NOT granted),
       bool_or(relation = %s::regclass AND mode = 'AccessExclusiveLock')
FROM pg_locks WHERE locktype = 'relation'
"""
SHARE_LOCKS = """
SELECT relation::regclass::text FROM pg_locks
WHERE mode = 'ShareLock' AND locktype = 'relation'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def test_who_has_appended_and_not_written_his_rows_is_waited_for_with_no_table_locked(
    world: World,
) -> None:
    """In the other order each would wait for what the other one has."""
    account = world.account("10.00")
    with paused_at("append.ended", lambda: world.deposit(account, "5.00")) as writer:
        rebuilding = Meanwhile(lambda: rebuild(world.application, "account_summary"))
        for _ in polls():
            waits, holds_tables = query(WAITED_FOR, ["account_summary"])[0]
            assert not holds_tables, "readers and this writer would wait for a table"
            if waits:
                break
            assert rebuilding.is_alive(), "it has not waited for the writer"
        writer.end()
        assert not isinstance(rebuilding.end(), Exception), rebuilding.outcome
    assert not isinstance(writer.outcome, Exception), writer.outcome
    assert str(world.balance(account)) == "15.00"
    assert differing(world.application, "account_summary") == 0


@pytest.mark.parametrize("modes", [(Mode.ASYNC, Mode.INLINE), (Mode.INLINE, Mode.ASYNC)])
@pytest.mark.parametrize("point", ["append.ended", "command.projected"])
@pytest.mark.usefixtures("tables")
def test_who_has_appended_in_the_former_mode_is_waited_for(
    member: Actor, modes: tuple[Mode, Mode], point: str
) -> None:
    """Else nobody would write his event's rows, or two would."""
    before = scene(member, items=modes[0])
    after = scene(member, items=modes[1], hooks=before.hooks)
    before.note("a")
    before.work()
    with paused_at(point, lambda: before.note("b", notebook=before.notebook)) as writer:
        rebuilding = Meanwhile(lambda: rebuild(after.application, "items"))
        for _ in polls():
            if query(WAITED_FOR, ["sample_item"])[0][0] or not rebuilding.is_alive():
                break
        writer.end()
        assert not isinstance(rebuilding.end(), Exception), rebuilding.outcome
    assert not isinstance(writer.outcome, Exception), writer.outcome
    assert standing().mode == modes[1]
    after.work()
    assert before.texts() == ["a", "b"]
    assert differing(after.application, "items") == 0


@pytest.mark.parametrize("modes", [(Mode.ASYNC, Mode.INLINE), (Mode.INLINE, Mode.ASYNC)])
@pytest.mark.usefixtures("tables")
def test_who_comes_to_append_in_the_former_mode_while_it_changes_is_refused(
    member: Actor, modes: tuple[Mode, Mode]
) -> None:
    before = scene(member, items=modes[0])
    after = scene(member, items=modes[1], hooks=before.hooks)
    before.note("a")
    before.work()
    with paused_at("rebuild.locked", lambda: rebuild(after.application, "items")) as rebuilding:
        writer = Meanwhile(lambda: before.note("b", notebook=before.notebook))
        for _ in polls():
            if waiters():
                break
        rebuilding.end()
        assert isinstance(writer.end(), ProjectionModeDiffers), writer.outcome
    after.note("c", notebook=before.notebook)
    after.work()
    assert before.texts() == ["a", "c"]
    assert differing(after.application, "items") == 0


def test_who_comes_to_write_while_rows_are_put_in_place_writes_to_the_new_ones(
    world: World,
) -> None:
    account = world.account("10.00")
    with paused_at("rebuild.locked", lambda: rebuild(world.application, "account_summary")) as at:
        writer = Meanwhile(lambda: world.deposit(account, "5.00"))
        for _ in polls():
            if waiters():
                break
        at.end()
        assert not isinstance(writer.end(), Exception), writer.outcome
    assert str(world.balance(account)) == "15.00"
    assert differing(world.application, "account_summary") == 0


@pytest.mark.parametrize("table", ["eventstore_event", "account_summary"])
def test_no_command_waits_while_a_rebuild_waits_for_vacuum(world: World, table: str) -> None:
    """It gives way to who has waited for it for a second, and would never to who waits shorter."""
    account = world.account("10.00")
    with raw_connection() as vacuum:
        vacuum.execute(f"LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE")
        rebuilding = Meanwhile(lambda: rebuild(world.application, "account_summary"))
        waiting = """
            SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted
              AND mode = 'ShareUpdateExclusiveLock' AND waitstart < now() - interval '1.1 s'
        """
        for _ in polls():
            world.deposit(account, "1.00")
            assert not query(
                "SELECT 1 FROM pg_locks WHERE mode = 'ShareLock' AND NOT granted"
                " AND relation = 'eventstore_event'::regclass"
            )
            if query(waiting, [table])[0][0]:
                break
        assert rebuilding.is_alive()
        vacuum.rollback()
    assert not isinstance(rebuilding.end(), Exception), rebuilding.outcome
    assert differing(world.application, "account_summary") == 0


def test_rows_are_put_in_place_though_the_new_tables_are_vacuumed_just_then(
    world: World,
) -> None:
    account = world.account("10.00")
    with (
        raw_connection() as vacuum,
        paused_at("rebuild.filled", lambda: rebuild(world.application, "account_summary")) as at,
    ):
        (schema,) = shadows()
        vacuum.execute(f"LOCK TABLE {schema}.account_summary IN SHARE UPDATE EXCLUSIVE MODE")
        world.deposit(account, "5.00")
        at.release()
        for _ in polls():
            if waiters():
                break
        world.deposit(account, "1.00")
        vacuum.rollback()
        at.end()
    assert not isinstance(at.outcome, Exception), at.outcome
    assert str(world.balance(account)) == "16.00"
    assert differing(world.application, "account_summary") == 0


def test_a_check_is_of_one_moment(world: World) -> None:
    """What is appended between its replay and its comparison is in neither."""
    account = world.account("10.00")
    said: list[object] = []

    def deposit(progress: object) -> None:
        said.append(Meanwhile(lambda: world.deposit(account, "5.00")).end())

    outcome = world.application.rebuilding.run(order("check", "account_summary"), deposit)
    assert said
    assert not any(isinstance(each, Exception) for each in said), said
    assert outcome.rows == 0
    assert differing(world.application, "account_summary") == 0


@pytest.mark.usefixtures("tables")
def test_no_command_waits_while_a_rebuild_waits_for_a_worker(member: Actor) -> None:
    """A batch may take long; what commands write is locked when it has ended."""
    before = scene(member, items=Mode.ASYNC)
    after = scene(member, items=Mode.INLINE, hooks=before.hooks)
    before.note("a")
    with paused_at("subscription.projected", before.work) as worker:
        rebuilding = Meanwhile(lambda: rebuild(after.application, "items"))
        waits = 0
        for _ in polls():
            assert ("eventstore_event",) not in query(SHARE_LOCKS)
            waits += waiters()
            if waits > 20:
                break
        before.note("b", notebook=before.notebook)
        worker.end()
        assert not isinstance(rebuilding.end(), Exception), rebuilding.outcome
    assert differing(after.application, "items") == 0
