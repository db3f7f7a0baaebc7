"""Overlapping writers in a written order, and three readers that look after every step.

Ours delivers everything, in order, as soon as it may. A reader without a mark misses an event; a
reader by `(xid8, position)` gets a stream out of order and stands still for strangers.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import combinations
from typing import Any

import psycopg
import pytest

from tests.eventstore.high_water_mark.readers import Delivered
from tests.eventstore.high_water_mark.scene import Scene
from tests.eventstore.high_water_mark.support import PUBLISH, connection_to_another_database
from tests.eventstore.high_water_mark.verdicts import missed, out_of_order
from tests.eventstore.support import PATIENCE, raw_connection

Step = Callable[[], object]


def positions(delivered: Sequence[Delivered]) -> list[int]:
    return [event.position for event in delivered]


def test_a_commit_that_overtakes_an_earlier_position_waits_for_it(scene: Scene) -> None:
    slow, fast = scene.stream(), scene.stream()
    early = scene.first.append(slow)
    late = scene.second.append(fast)
    scene.second.connection.commit()
    scene.read()
    assert positions(scene.naive.delivered) == [late]
    assert scene.ours.delivered == []

    scene.first.connection.commit()
    scene.read()

    assert positions(scene.ours.delivered) == [early, late]
    assert missed(scene.naive.delivered, scene.committed()) == {early}


def test_a_transaction_that_writes_before_it_appends_keeps_its_streams_order(
    scene: Scene,
) -> None:
    """As every command does: its log row comes first, its transaction id with it."""
    stream = scene.stream()
    scene.first.write_command()
    before = scene.second.append(stream)
    scene.second.connection.commit()
    scene.read()
    assert positions(scene.ours.delivered) == [before], "who has not appended holds nobody back"
    assert scene.by_transaction.delivered == []

    after = scene.first.append(stream)
    scene.first.connection.commit()
    scene.read()

    assert positions(scene.ours.delivered) == [before, after]
    scene.wait_for_by_transaction()
    assert positions(scene.by_transaction.delivered) == [after, before]
    assert [event.version for event in out_of_order(scene.by_transaction.delivered)] == [2, 1]


def test_a_transaction_in_another_database_holds_nobody_back(scene: Scene) -> None:
    with connection_to_another_database() as elsewhere:
        elsewhere.execute("SELECT pg_current_xact_id()")
        position = scene.first.append(scene.stream())
        scene.first.connection.commit()
        scene.read()

        assert positions(scene.ours.delivered) == [position]
        assert scene.by_transaction.delivered == []
        elsewhere.rollback()

    scene.wait_for_by_transaction()
    assert positions(scene.by_transaction.delivered) == [position]


def test_a_transaction_is_waited_for_from_before_its_first_position(scene: Scene) -> None:
    """Its floor is published and nothing drawn yet, as in the middle of a long statement."""
    stream = scene.stream()
    scene.first.execute(PUBLISH)
    position = scene.second.append(stream)
    scene.second.connection.commit()
    scene.read()
    assert scene.ours.delivered == []

    scene.first.connection.rollback()
    scene.read()

    assert positions(scene.ours.delivered) == [position]


def test_of_several_open_writers_the_earliest_is_waited_for(scene: Scene) -> None:
    slow, fast = scene.stream(), scene.stream()
    early = scene.first.append(slow)
    between = scene.second.append(fast)
    scene.second.connection.commit()
    late = scene.second.append(fast)
    scene.read()
    assert scene.ours.delivered == []

    scene.first.connection.commit()
    scene.read()
    assert positions(scene.ours.delivered) == [early, between]

    scene.second.connection.commit()
    scene.read()
    assert positions(scene.ours.delivered) == [early, between, late]


def test_a_savepoint_rolled_back_frees_the_readers_and_not_what_comes_after(scene: Scene) -> None:
    one, other = scene.stream(), scene.stream()
    scene.first.execute("SAVEPOINT a")
    scene.first.append(one)
    between = scene.second.append(other)
    scene.second.connection.commit()
    scene.read()
    assert scene.ours.delivered == []

    scene.first.execute("ROLLBACK TO a")
    scene.read()
    assert positions(scene.ours.delivered) == [between]

    late = scene.first.append(one)
    last = scene.second.append(other)
    scene.second.connection.commit()
    scene.read()
    assert positions(scene.ours.delivered) == [between]

    scene.first.connection.commit()
    scene.read()
    assert positions(scene.ours.delivered) == [between, late, last] == scene.committed()


def test_positions_that_were_rolled_back_are_passed_over(scene: Scene) -> None:
    stream = scene.stream()
    scene.first.append(stream)
    position = scene.second.append(scene.stream())
    scene.second.connection.commit()
    scene.first.connection.rollback()
    scene.read()

    assert positions(scene.ours.delivered) == [position] == scene.committed()


def test_the_checkpoint_is_the_last_event_read_however_far_the_sequence_is(scene: Scene) -> None:
    stream = scene.stream()
    first = scene.first.append(stream)
    scene.first.connection.commit()
    scene.first.append(stream)
    scene.first.connection.rollback()
    scene.read()

    assert scene.ours.checkpoint == first


@pytest.mark.long
def test_in_every_interleaving_ours_alone_delivers_all_in_order(scene: Scene) -> None:
    """Two transactions of four steps each, in all 70 orders, with a look after each step.

    Both append to a stream of their own and to one that they share, the first one after it has
    written its command.
    """
    held_back = 0
    for order in orders(4, 4):
        shared = scene.stream()
        play(order, first_steps(scene, shared), second_steps(scene, shared), scene)
        committed = scene.committed()
        assert positions(scene.ours.delivered) == committed, f"order {order}"
        held_back += len(scene.naive.delivered) < len(committed)

    assert len(committed) > 200
    assert out_of_order(scene.ours.delivered) == []
    assert held_back
    assert missed(scene.naive.delivered, committed)
    scene.wait_for_by_transaction()
    assert not missed(scene.by_transaction.delivered, committed)
    assert out_of_order(scene.by_transaction.delivered)


def first_steps(scene: Scene, shared: int) -> list[Step]:
    writer = scene.first
    return [
        writer.write_command,
        partial(writer.append, scene.stream()),
        partial(writer.append, shared),
        writer.connection.commit,
    ]


def second_steps(scene: Scene, shared: int) -> list[Step]:
    writer = scene.second
    return [
        partial(writer.append, shared),
        writer.write_command,
        partial(writer.append, scene.stream()),
        writer.connection.commit,
    ]


def orders(first: int, second: int) -> Iterator[str]:
    """All ways to merge so many steps of the first with so many of the second: 'abab', ..."""
    steps = range(first + second)
    for places in combinations(steps, first):
        yield "".join("a" if step in places else "b" for step in steps)


def play(order: str, first: list[Step], second: list[Step], scene: Scene) -> None:
    writers = {"a": iter(first), "b": iter(second)}
    for writer in order:
        next(writers[writer])()
        scene.read()


def test_a_writer_that_waits_for_another_is_waited_for_too(scene: Scene) -> None:
    """It has drawn its position and waits at the unique index for the other one's end."""
    stream = scene.stream()
    scene.first.append(stream)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(scene.second.append_unlocked, stream)
        wait_until_blocked(scene.second.connection)
        scene.read()
        assert scene.ours.delivered == []
        scene.first.connection.rollback()
        position = waiting.result(PATIENCE)
    scene.read()
    assert scene.ours.delivered == []

    scene.second.connection.commit()
    scene.read()
    assert positions(scene.ours.delivered) == [position] == scene.committed()


def wait_until_blocked(waiting: psycopg.Connection[Any]) -> None:
    """Return once this connection's server process waits for a lock."""
    blockers = "SELECT cardinality(pg_blocking_pids(%s))"
    deadline = time.monotonic() + PATIENCE
    with raw_connection(autocommit=True) as observer:
        while not observer.execute(blockers, [waiting.info.backend_pid]).fetchone()[0]:
            assert time.monotonic() < deadline, "the writer never had to wait"
