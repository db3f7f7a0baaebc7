"""What a query may promise: up to which position its rows are, and how it waits for more."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from django.db import connections

from eventstore.errors import NotCaughtUp, NotWaitable, ValidationFailed
from eventstore.models import Subscription
from eventstore.projections import Mode
from eventstore.read_models import Freshness
from eventstore.subscription_log import PAUSE
from eventstore.tenancy import Actor
from tests.eventstore.subscriptions.domain import Scene, scene, standing
from tests.eventstore.support import raw_connection

BACKGROUND = [Mode.ASYNC, Mode.ON_DEMAND]


@pytest.fixture(autouse=True)
def _tables(tables: None) -> None:
    """Each test has the samples' tables."""


def freshness(scene: Scene, minimum: int | None = None, wait: float = 0) -> Freshness:
    return scene.application.read_models.freshness("items", minimum, wait)


@contextmanager
def working(scene: Scene, *, after: float = 0) -> Generator[None]:
    """A worker in another thread, which begins a little later."""
    ended = threading.Event()

    def work() -> None:
        ended.wait(after)
        while not ended.wait(0.005):
            scene.work()
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_inline_rows_contain_everything_that_is_settled(member: Actor) -> None:
    inline = scene(member, items=Mode.INLINE)
    last = inline.note("a", "b")[-1]
    assert freshness(inline) == (Mode.INLINE, last, None)
    assert freshness(inline, last) == (Mode.INLINE, last, None)


def test_async_rows_are_as_far_as_their_checkpoint(member: Actor) -> None:
    background = scene(member)
    first = background.note("a")[0]
    background.work()
    last = background.note("b")[0]

    assert freshness(background) == (Mode.ASYNC, first, None)
    assert freshness(background, first) == (Mode.ASYNC, first, None)
    with pytest.raises(NotCaughtUp, match=f"position {first}"):
        freshness(background, last)
    background.work()
    assert freshness(background, last).position == last


def test_who_waits_for_async_rows_gets_them_as_soon_as_a_worker_is_done(member: Actor) -> None:
    background = scene(member)
    last = background.note("a")[0]
    started = time.monotonic()
    with working(scene(member, hooks=background.hooks), after=0.2):
        assert freshness(background, last, wait=20).position == last
    assert time.monotonic() - started < 10
    assert background.texts() == ["a"]


def test_who_waits_in_vain_is_told_after_his_time_and_not_before(member: Actor) -> None:
    background = scene(member)
    last = background.note("a")[0]
    started = time.monotonic()
    with pytest.raises(NotCaughtUp):
        freshness(background, last, wait=0.3)
    assert 0.3 <= time.monotonic() - started < 5


@pytest.mark.parametrize("status", ["paused", "stopped"])
def test_nobody_waits_for_rows_that_stand_still(member: Actor, status: str) -> None:
    background = scene(member)
    last = background.note("a")[0]
    freshness(background)
    Subscription.objects.update(status=status)
    started = time.monotonic()
    with pytest.raises(NotCaughtUp, match=status):
        freshness(background, last, wait=20)
    assert time.monotonic() - started < 5
    assert freshness(background).position == 0, "without a minimum they are shown as they are"


def test_rows_that_stop_while_somebody_waits_end_his_wait(member: Actor) -> None:
    background = scene(member)
    last = background.note("a")[0]
    freshness(background)

    def stop() -> None:
        background.application.subscriptions.act(PAUSE, "items", user="olga", reason="because")
        connections.close_all()

    pause = threading.Timer(0.2, stop)
    pause.start()
    with pytest.raises(NotCaughtUp, match="paused"):
        freshness(background, last, wait=20)
    pause.join()


def test_on_demand_rows_are_brought_up_to_date_by_the_question(member: Actor) -> None:
    asked = scene(member, items=Mode.ON_DEMAND)
    last = asked.note("a", "b")[-1]
    assert freshness(asked) == (Mode.ON_DEMAND, last, None)
    assert asked.texts() == ["a", "b"]
    last = asked.note("c")[0]
    assert freshness(asked, last).position == last


def test_on_demand_rows_wait_for_what_is_not_settled_yet(member: Actor) -> None:
    """An open transaction has a lower position: what lies above it comes later."""
    asked = scene(member, items=Mode.ON_DEMAND)
    first = asked.note("a")[0]
    with raw_connection() as slow:
        slow.execute("INSERT INTO eventstore_event SELECT * FROM eventstore_event WHERE false")
        last = asked.note("b")[0]
        with pytest.raises(NotCaughtUp, match=f"position {first}"):
            freshness(asked, last, wait=0.1)
        assert freshness(asked).position == first
        end = threading.Timer(0.2, slow.rollback)
        end.start()
        assert freshness(asked, last, wait=20).position == last
        end.join()
    assert asked.texts() == ["a", "b"]


def test_on_demand_rows_that_stand_still_are_not_shown_as_if_they_were_level(
    member: Actor,
) -> None:
    asked = scene(member, items=Mode.ON_DEMAND)
    asked.note("a")
    freshness(asked)
    Subscription.objects.update(status="stopped")
    asked.note("b")
    with pytest.raises(NotCaughtUp, match="stopped"):
        freshness(asked)


def test_scheduled_rows_say_from_when_they_are(member: Actor) -> None:
    planned = scene(member, items=Mode.SCHEDULED)
    assert freshness(planned) == (Mode.SCHEDULED, 0, None)
    last = planned.note("a")[0]
    planned.work()

    assert freshness(planned) == (Mode.SCHEDULED, last, standing().as_of)
    planned.note("b")
    assert freshness(planned).position == last


def test_nobody_can_wait_for_scheduled_rows(member: Actor) -> None:
    planned = scene(member, items=Mode.SCHEDULED)
    last = planned.note("a")[0]
    planned.work()
    with pytest.raises(NotWaitable):
        freshness(planned, last)


@pytest.mark.parametrize("mode", Mode)
def test_a_position_beyond_the_last_one_is_a_wrong_parameter(member: Actor, mode: Mode) -> None:
    reader = scene(member, items=mode)
    last = reader.note("a")[0]
    started = time.monotonic()
    with pytest.raises(ValidationFailed) as raised:
        freshness(reader, last + 1, wait=20)
    assert raised.value.errors == {
        "min_position": [f"lies beyond the last position, which is {last}"]
    }
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("mode", Mode)
def test_a_question_before_the_first_event_and_the_first_worker_is_answered(
    member: Actor, mode: Mode
) -> None:
    assert freshness(scene(member, items=mode)) == (mode, 0, None)


@pytest.mark.parametrize("mode", BACKGROUND)
def test_rows_read_afterwards_contain_every_event_up_to_the_position(
    member: Actor, mode: Mode
) -> None:
    """While others write and work all the time."""
    reader = scene(member, items=mode)
    noted: list[int] = []
    with working(scene(member, items=mode, hooks=reader.hooks)):
        for number in range(30):
            noted += reader.note(str(number))
            told = freshness(reader, noted[-1] if number % 3 == 0 else None, wait=20)
            expected = sum(position <= told.position for position in noted)
            assert len(reader.texts()) >= expected
            if number % 3 == 0:
                assert expected == len(noted)
