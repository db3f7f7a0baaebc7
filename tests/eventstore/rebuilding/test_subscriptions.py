"""What a rebuild makes of a checkpoint, of a status and of a mode."""

import pytest

from eventstore.errors import (
    ProjectionModeDiffers,
    ReplayFailed,
)
from eventstore.models import Subscription
from eventstore.projections import Mode
from eventstore.subscription_log import PAUSE, SKIP
from eventstore.tenancy import Actor
from tests.eventstore.rebuilding.support import (
    differing,
    do,
    last_run,
    rebuild,
    shadows,
    xmins,
)
from tests.eventstore.sample_tables import Item
from tests.eventstore.subscriptions.domain import Scene, make_due, scene, standing
from tests.eventstore.subscriptions.failing import act, fail_at, work_until_stopped
from tests.eventstore.support import raw_connection

pytestmark = pytest.mark.usefixtures("tables")


def test_one_that_is_behind_is_level_afterwards_and_goes_on_from_there(two: Scene) -> None:
    two.note("a")
    two.work()
    two.note("b", "c")
    last = two.scribble()
    outcome = rebuild(two.application, "items")
    assert (two.texts(), outcome.events, outcome.rows) == (["a", "b", "c"], 3, 1)
    assert standing().position == last
    two.note("d")
    two.work()
    assert two.texts() == list("abcd")
    assert Item.objects.get().count == 4


def test_one_that_has_never_run_is_filled_and_goes_on_from_there(two: Scene) -> None:
    positions = two.note("a", "b")
    Subscription.objects.all().delete()
    rebuild(two.application, "items")
    assert (two.texts(), standing().position) == (["a", "b"], positions[-1])
    two.note("c")
    two.work()
    assert two.texts() == ["a", "b", "c"]


def test_one_that_stands_before_its_time_is_not_put_back(two: Scene) -> None:
    """The mark is held back by somebody who appends; what had settled before stays."""
    positions = two.note("a", "b")
    two.work()
    with raw_connection() as slow:
        slow.execute("SELECT pg_advisory_xact_lock_shared(3499::bigint << 48)")
        rebuild(two.application, "items")
        slow.rollback()
    assert (two.texts(), standing().position) == (["a", "b"], positions[-1])
    assert differing(two.application, "items") == 0


@pytest.mark.parametrize("mode", [Mode.ASYNC, Mode.ON_DEMAND, Mode.SCHEDULED, Mode.INLINE])
def test_where_nothing_has_happened_there_is_nothing_afterwards(member: Actor, mode: Mode) -> None:
    empty = scene(member, items=mode)
    outcome = rebuild(empty.application, "items")
    assert (outcome.rows, outcome.events) == (0, 0)
    assert (standing().position, standing().generation) == (0, last_run().id + 1)
    assert differing(empty.application, "items") == 0
    empty.note("a")
    make_due()
    empty.work()
    if mode is Mode.ON_DEMAND:
        empty.application.subscriptions.catch_up(empty.projection())
    assert empty.texts() == ["a"]


def test_one_that_was_stopped_goes_on_where_its_code_was_mended(
    two: Scene, failing: list[int]
) -> None:
    work_until_stopped(two)
    two.hooks.item = lambda recorded: None
    rebuild(two.application, "items")
    now = standing()
    assert (now.status, now.error, now.attempts, now.failed_position) == ("active", "", 0, None)
    assert (now.position, two.texts()) == (failing[-1], list("abcd"))
    two.note("e")
    two.work()
    assert two.texts() == list("abcde")


def test_one_that_is_paused_stays_paused(two: Scene) -> None:
    two.note("a")
    two.work()
    act(two, PAUSE)
    positions = two.note("b")
    rebuild(two.application, "items")
    assert (standing().status, standing().position) == ("paused", positions[-1])
    two.note("c")
    two.work()
    assert two.texts() == ["a", "b"]


def test_a_projection_that_raises_is_told_by_its_event_and_changes_nothing(two: Scene) -> None:
    positions = two.note("a", "b", "c", "d")
    two.work()
    before = xmins("sample_item"), standing()
    two.hooks.item = fail_at(positions[2])
    with pytest.raises(ReplayFailed, match="cannot take c") as raised:
        rebuild(two.application, "items")
    assert raised.value.position == positions[2]
    assert (xmins("sample_item"), standing()) == before
    assert shadows() == []
    assert last_run().status == "failed"
    assert f"position {positions[2]}" in last_run().error
    with pytest.raises(ReplayFailed):
        do(two.application, "check", "items")
    assert shadows() == []


def test_a_skipped_event_stays_left_out(two: Scene, failing: list[int]) -> None:
    work_until_stopped(two)
    act(two, SKIP)
    two.work()
    assert two.texts() == ["a", "b", "d"]
    assert differing(two.application, "items") == 0
    two.hooks.item = lambda recorded: None  # It could be taken by now.
    assert differing(two.application, "items") == 0
    rebuild(two.application, "items")
    assert two.texts() == ["a", "b", "d"]
    assert two.numbers() == [1, 2, 3, 4], "it was skipped by the other projection alone"
    rebuild(two.application, "places")
    assert two.numbers() == [1, 2, 3, 4]
    assert two.as_replayed("items", without=[failing[2]])


def test_a_scheduled_one_says_as_of_when_its_rows_are(member: Actor) -> None:
    planned = scene(member, items=Mode.SCHEDULED)
    planned.note("a")
    planned.work()
    first = standing()
    planned.note("b")
    rebuild(planned.application, "items")
    assert planned.texts() == ["a", "b"]
    assert standing().as_of > first.as_of
    assert standing().due_at == first.due_at


SWITCHES = [(before, after) for before in Mode for after in Mode if before is not after]


@pytest.mark.parametrize(("before", "after"), SWITCHES)
def test_a_rebuild_by_new_code_changes_the_mode(member: Actor, before: Mode, after: Mode) -> None:
    old = scene(member, items=before)
    new = scene(member, items=after, hooks=old.hooks)
    old.note("a", "b")
    old.work()
    rebuild(new.application, "items")
    assert standing().mode == after
    new.note("c", notebook=old.notebook)
    make_due()
    new.work()
    if after is Mode.ON_DEMAND:
        new.application.subscriptions.catch_up(new.projection())
    assert old.texts() == ["a", "b", "c"]
    assert differing(new.application, "items") == 0
    if Mode.INLINE in (before, after):
        with pytest.raises(ProjectionModeDiffers):
            old.note("d")
    rebuild(old.application, "items")
    old.note("d")
    assert differing(old.application, "items") == 0


@pytest.mark.parametrize(
    ("before", "after"), [(Mode.ASYNC, Mode.INLINE), (Mode.INLINE, Mode.ASYNC)]
)
def test_only_a_whole_rebuild_changes_the_mode(member: Actor, before: Mode, after: Mode) -> None:
    old = scene(member, items=before)
    new = scene(member, items=after, hooks=old.hooks)
    old.note("a")
    old.work()
    for kind, part in (("fix", {}), ("rebuild", {"tenant_id": member.tenant_id})):
        with pytest.raises(ProjectionModeDiffers):
            do(new.application, kind, "items", **part)
    assert standing().mode == before
    assert old.texts() == ["a"]
    assert shadows() == []


def test_rows_that_cannot_be_written_are_told_with_the_last_event_that_is_in_them(
    two: Scene,
) -> None:
    """An update of a row that is not there shows when rows are written, not before."""
    positions = two.note("a", "b")
    two.work()
    broken = scene(two.actor)
    object.__setattr__(
        broken.projection(),
        "project",
        lambda recorded, rows: rows.update(Item, recorded.aggregate_id, title="c"),
    )
    before = xmins("sample_item")
    for kind in ("rebuild", "check", "fix"):
        with pytest.raises(ReplayFailed, match="MissingRow") as raised:
            do(broken.application, kind, "items")
        assert raised.value.position == positions[-1]
    assert xmins("sample_item") == before
    assert shadows() == []
