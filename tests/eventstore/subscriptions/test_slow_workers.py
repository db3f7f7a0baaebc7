"""Several workers at one projection, of which some are slow, or stand still in it."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event, get_ident

import pytest
from django.db import DatabaseError, OperationalError

from eventstore import fault_points, subscription_log, subscriptions
from eventstore.tenancy import Actor
from tests.eventstore.sample_tables import Place
from tests.eventstore.subscriptions.domain import Scene, scene, standing
from tests.eventstore.support import PATIENCE, at_once, raw_connection


def polls(seconds: float = PATIENCE) -> Iterator[None]:
    """Until something has happened, or the test gives up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield
        time.sleep(0.01)
    raise AssertionError("it has not happened")


def test_many_workers_project_each_event_once_and_in_order(
    two: Scene, member: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "BATCH", 3)
    texts = [str(number) for number in range(60)]
    two.note(*texts[:10])
    workers = [scene(member, hooks=two.hooks) for _ in range(4)]

    def work(worker: Scene) -> Callable[[], None]:
        def until_level() -> None:
            for _ in polls():
                worker.work()
                if standing().position >= last[0] > 0:
                    return

        return until_level

    last = [0]

    def write() -> None:
        last[0] = two.note(*texts[10:])[-1]

    outcomes = at_once(write, *map(work, workers))
    assert outcomes == [None] * 5
    two.work()
    assert two.texts() == texts
    assert two.numbers() == list(range(1, 61))
    assert set(Place.objects.values_list("count", flat=True)) == {1}


def test_a_projection_that_somebody_else_has_is_left_to_him(two: Scene) -> None:
    two.note("a")
    two.application.subscription_log.ensure()
    with raw_connection() as other:
        other.execute(
            "SELECT 1 FROM eventstore_subscription WHERE projection = 'items' FOR UPDATE"
        )
        assert two.work() == 1
        assert (two.texts(), two.numbers()) == ([], [1])
        other.rollback()
    assert two.work() == 1


def test_a_worker_that_stands_still_loses_its_batch_and_cannot_commit_it(
    two: Scene, member: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription_log, "MOST_IDLE", 0.3)
    last = two.note("a", "b")[-1]
    frozen, thawed = Event(), Event()
    sleeper = [0]

    def freeze(point: str) -> None:
        if point == "subscription.moved" and get_ident() == sleeper[0] and not frozen.is_set():
            frozen.set()
            assert thawed.wait(PATIENCE)

    def sleep() -> int:
        sleeper[0] = get_ident()
        return two.work()

    def overtake() -> int:
        assert frozen.wait(PATIENCE)
        other = scene(member, hooks=two.hooks)
        try:
            for _ in polls():
                other.work()
                if standing().position == last:
                    return last
        finally:
            thawed.set()
        return 0

    fault_points.arm(freeze)
    slept, overtaken = at_once(sleep, overtake)
    assert isinstance(slept, DatabaseError), slept
    assert overtaken == last
    two.work()
    assert (two.texts(), two.numbers()) == (["a", "b"], [1, 2])
    assert (standing().attempts, standing().status) == (0, "active")


def test_a_projection_too_slow_for_a_whole_batch_gets_through_in_smaller_ones(
    two: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription_log, "MOST_IDLE", 0.2)
    two.hooks.item = lambda recorded: time.sleep(0.03)
    texts = [str(number) for number in range(24)]
    last = two.note(*texts)[-1]
    batches: list[str] = []
    fault_points.arm(batches.append)
    for _ in polls():
        with suppress(DatabaseError):
            two.work()
        if standing().position == last:
            break
    lost = batches.count("subscription.taken") - batches.count("subscription.committed")
    assert 1 <= lost <= 8
    assert two.texts() == texts
    assert (standing().attempts, standing().error) == (0, "")


@pytest.mark.long
def test_an_event_that_is_too_slow_alone_stops_its_projection_for_all_to_see(
    two: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be tried for ever, without a word, if that were nobody's fault."""
    monkeypatch.setattr(subscription_log, "MOST_IDLE", 0.1)
    first = two.note("fast")[0]
    slow = two.note("slow")[0]
    two.hooks.item = lambda recorded: time.sleep(0.4 if recorded.position == slow else 0)
    for _ in polls():
        with suppress(DatabaseError):
            two.work()
        if standing().status == "stopped":
            break
    stopped = standing()
    assert (stopped.position, stopped.failed_position, stopped.attempts) == (first, slow, 5)
    assert "idle-in-transaction" in stopped.error
    assert two.numbers() == [1, 2]


def test_a_projection_whose_table_is_locked_holds_no_other_one_up(two: Scene) -> None:
    """What a database refuses may concern this one alone; `places` comes after `items`."""
    two.note("a")
    two.work()
    two.note("b")
    with raw_connection() as other:
        other.execute("LOCK TABLE sample_item IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        with pytest.raises(OperationalError):
            two.work()
        # Shorter than a command waits, which is five seconds.
        assert time.monotonic() - started < 4
        assert two.numbers() == [1, 2]
        other.rollback()
    two.work()
    assert two.texts() == ["a", "b"]
    assert (standing().attempts, standing().error) == (0, "")
