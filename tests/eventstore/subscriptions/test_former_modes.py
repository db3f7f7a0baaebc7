"""A mode that is being changed: processes that know both go by whichever is active."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from eventstore.errors import ProjectionModeDiffers
from eventstore.models import Subscription
from eventstore.projection_batches import NOTHING
from eventstore.projections import Mode
from eventstore.read_models import Freshness
from eventstore.rebuild_log import Order
from eventstore.tenancy import Actor
from eventstore.wakeups import Work
from tests.eventstore.subscriptions.domain import Scene, scene, standing
from tests.eventstore.support import raw_connection

pytestmark = pytest.mark.usefixtures("tables")

# What a switch to a worker's mode commits, when it has read all that there is.
SWITCH = """
UPDATE eventstore_subscription
SET mode = %s, generation = generation + 1,
    position = (SELECT coalesce(max(position), 0) FROM eventstore_event)
WHERE projection = 'items'
"""
CHANGES = [
    (Mode.INLINE, Mode.ASYNC),
    (Mode.ASYNC, Mode.INLINE),
    (Mode.INLINE, Mode.ON_DEMAND),
    (Mode.SCHEDULED, Mode.INLINE),
    (Mode.ON_DEMAND, Mode.SCHEDULED),
]


def knowing_both(actor: Actor, former: Mode, mode: Mode) -> Scene:
    """A process of the release that changes the mode."""
    both = scene(actor, items=mode)
    both.application.projections.former_modes["items"] = former
    return both


def read(asked: Scene, position: int, wait: float = 0) -> Freshness:
    return asked.application.read_models.freshness("items", position, wait)


def rebuild(asked: Scene) -> None:
    asked.application.rebuilding.run(Order("rebuild", "items", "me"), lambda progress: None)


@pytest.mark.parametrize(("former", "mode"), CHANGES)
def test_both_releases_work_side_by_side_until_the_rebuild_and_the_new_one_after_it(
    member: Actor, former: Mode, mode: Mode
) -> None:
    old, new = scene(member, items=former), knowing_both(member, former, mode)
    old.application.subscription_log.ensure()
    for count, each in enumerate((old, new), 1):
        (position,) = each.note("a", notebook=new.notebook)
        new.work()
        if former is not Mode.SCHEDULED:
            assert read(new, position).position >= position
            assert new.texts() == ["a"] * count
    assert standing().mode == former

    rebuild(new)
    assert standing().mode == mode
    assert new.texts() == ["a", "a"]
    new.note("b")
    with pytest.raises(ProjectionModeDiffers):
        old.application.read_models.freshness("items")
    if mode is not Mode.INLINE:
        assert new.texts() == ["a", "a"], "left to others"
        new.application.subscriptions.catch_up(new.projection())
    assert new.texts() == ["a", "a", "b"]


@pytest.mark.parametrize("former", [Mode.INLINE, Mode.ASYNC])
def test_a_mode_that_changes_within_a_command_is_the_one_that_its_rows_go_by(
    member: Actor, former: Mode
) -> None:
    """Between the claim and the append: at the latest moment that a switch can commit."""
    mode = Mode.ASYNC if former is Mode.INLINE else Mode.INLINE
    scene(member, items=former).application.subscription_log.ensure()
    both = knowing_both(member, former, mode)
    both.note("a")
    assert former is Mode.ASYNC or both.texts() == ["a"]
    both.work()

    def switch() -> None:
        with raw_connection(autocommit=True) as operator:
            operator.execute(SWITCH, [mode.value])

    both.hooks.handler = switch
    both.note("b")
    assert both.texts() == (["a"] if mode is Mode.ASYNC else ["a", "b"])
    both.hooks.handler = lambda: None
    both.work()
    assert both.texts() == ["a", "b"]


def test_a_third_mode_is_refused(member: Actor) -> None:
    active = scene(member, items=Mode.SCHEDULED)
    active.application.subscription_log.ensure()
    active.note("a")
    both = knowing_both(member, Mode.INLINE, Mode.ASYNC)
    assert both.note("b"), "not inline: no matter to a command"
    both.work()
    with pytest.raises(ProjectionModeDiffers):
        both.application.read_models.freshness("items")
    assert both.texts() == []
    Subscription.objects.filter(projection="items").update(mode="inline")
    with pytest.raises(ProjectionModeDiffers):
        knowing_both(member, Mode.SCHEDULED, Mode.ASYNC).note("c")


def test_a_reader_who_waits_for_a_worker_is_answered_when_the_mode_becomes_inline(
    member: Actor,
) -> None:
    both = knowing_both(member, Mode.ASYNC, Mode.INLINE)
    scene(member, items=Mode.ASYNC).application.subscription_log.ensure()
    (position,) = both.note("a")

    def wait() -> float:
        started = time.monotonic()
        try:
            read(both, position, 20)
        finally:
            connections.close_all()
        return time.monotonic() - started

    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(wait)
        rebuild(both)
        assert waiting.result() < 15
    assert both.texts() == ["a"]


def test_a_worker_who_comes_for_rows_that_have_become_inline_leaves_them_alone(
    member: Actor,
) -> None:
    both = knowing_both(member, Mode.INLINE, Mode.ASYNC)
    scene(member, items=Mode.INLINE).note("a")
    assert both.application.batches.advance(both.projection(), 10, in_line=True) == NOTHING
    assert standing().position == 0


def test_neither_mode_is_a_complaint_and_both_are_work_for_a_worker(member: Actor) -> None:
    old = scene(member, items=Mode.ASYNC, places=Mode.ON_DEMAND)
    old.application.subscription_log.ensure()
    old.note("a")
    both = scene(member, items=Mode.INLINE, places=Mode.ON_DEMAND)
    both.application.projections.former_modes["items"] = Mode.ASYNC
    lag = both.application.lag.projection("items")
    assert lag is not None
    assert (lag.mode, lag.registered_mode) == (Mode.ASYNC, Mode.ASYNC)
    assert both.application.wakeups.due() == [Work.PROJECTIONS]
