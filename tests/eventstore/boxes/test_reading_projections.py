"""A projection that comes late reads what is in cold storage, or waits until it can be read."""

from uuid import uuid4

import pytest

from eventstore import boxed_events, subscriptions
from eventstore.errors import NotCaughtUp
from eventstore.models import Subscription
from eventstore.projections import Mode
from eventstore.tenancy import Actor
from tests.eventstore.boxes.stowing import bring_back, stow
from tests.eventstore.management.rebuild_command import said
from tests.eventstore.rebuilding.support import differing, rebuild
from tests.eventstore.sample_tables import ITEMS, PLACES
from tests.eventstore.subscriptions.domain import Scene, make_due, scene, standing
from tests.eventstore.subscriptions.failing import fail_at
from tests.replay import live_rows

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture
def two_boxed(member: Actor) -> tuple[Scene, list[int]]:
    """Three notebooks by turns, written while there was no `items`; the first and last are boxed.

    With the events' positions.
    """
    early = scene(member, without_items=True)
    books = [uuid4() for _ in range(3)]
    positions = [early.note(f"{n}", notebook=book)[0] for n in range(4) for book in books]
    early.work()
    stow(early.application, books[0], books[2])
    early.notebook = books[0]
    return early, positions


def late(early: Scene, mode: Mode = Mode.ASYNC) -> Scene:
    """A process of the next release, which has `items` too."""
    later = scene(early.actor, items=mode)
    later.notebook = early.notebook
    return later


def bring_level(later: Scene, mode: Mode) -> None:
    if mode is Mode.INLINE:
        rebuild(later.application, "items")
    elif mode is Mode.ON_DEMAND:
        later.application.subscriptions.catch_up(later.projection())
    else:
        later.work()


@pytest.mark.parametrize(
    ("mode", "batch"),
    [(Mode.ASYNC, 1), (Mode.ON_DEMAND, 2), (Mode.SCHEDULED, 5), (Mode.INLINE, 10_000)],
)
def test_a_new_projection_fills_itself_from_boxes_and_table_in_any_mode(
    two_boxed: tuple[Scene, list[int]], mode: Mode, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "BATCH", batch)
    early, positions = two_boxed
    later = late(early, mode)
    places = live_rows(PLACES)

    bring_level(later, mode)

    assert later.texts() == ["0", "1", "2", "3"]
    if mode is not Mode.INLINE:
        assert standing().position == positions[-1]
    rows = live_rows(ITEMS)
    assert (differing(later.application, "items"), differing(later.application, "places")) == (
        0,
        0,
    )
    rebuild(later.application, "items")
    rebuild(later.application, "places")
    bring_back(later.application, *(row[1] for row in rows if row[1] != later.notebook))
    assert (live_rows(ITEMS), live_rows(PLACES)) == (rows, places)


@pytest.mark.parametrize("which", [0, 1, 4, 8])
def test_an_event_that_it_cannot_take_is_found_among_boxed_ones(
    two_boxed: tuple[Scene, list[int]], which: int
) -> None:
    early, positions = two_boxed
    later = late(early)
    later.hooks.item = fail_at(positions[which])

    for _ in range(50):
        later.work()

    stopped = standing()
    assert (stopped.status, stopped.failed_position) == ("stopped", positions[which])
    assert stopped.position == (positions[which - 1] if which else 0)


def test_a_projection_waits_for_a_box_that_is_gone_and_goes_on_by_itself(
    two_boxed: tuple[Scene, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxed_events, "IDLE", 0)
    early, _ = two_boxed
    file = next(early.application.cold_storage.root.rglob("*.jsonl"))
    content = file.read_bytes()
    later = late(early)
    file.write_bytes(content[:-2])

    for _ in range(10):  # More often than an event is tried.
        later.work()

    waiting = standing()
    assert (waiting.status, waiting.position, waiting.attempts) == ("active", 0, 0)
    assert waiting.failed_position is None, "nothing that an operator could skip"
    assert f"{file.name} cannot be used" in waiting.error
    assert later.texts() == []
    written = later.note("after", notebook=uuid4())[0]
    later.work()
    assert standing("places").position == written, "the other one goes on"

    file.write_bytes(content)
    later.work()

    level = standing()
    assert (level.status, level.position, level.error) == ("active", written, "")
    assert later.as_replayed("items")


def test_a_box_that_is_gone_is_waited_for_with_a_pause(
    two_boxed: tuple[Scene, list[int]],
) -> None:
    early, _ = two_boxed
    for file in early.application.cold_storage.root.rglob("*.jsonl"):
        file.unlink()
    patient = scene(early.actor, retry_after=(60, 600))

    patient.work()
    first = standing().updated_at
    patient.work()

    assert standing().updated_at == first, "it is not tried again at once"
    assert 59 < (standing().lease_until - first).total_seconds() < 61
    make_due()
    patient.work()
    assert standing().updated_at > first


def test_who_reads_on_demand_is_told_to_come_again(two_boxed: tuple[Scene, list[int]]) -> None:
    early, _ = two_boxed
    later = late(early, Mode.ON_DEMAND)
    for file in early.application.cold_storage.root.rglob("*.jsonl"):
        file.unlink()

    with pytest.raises(NotCaughtUp, match="a box that it has to read cannot be read"):
        later.application.read_models.freshness("items")
    assert "cannot be used" in standing().error


def test_the_list_of_projections_says_what_one_waits_for(
    two_boxed: tuple[Scene, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    early, _ = two_boxed
    later = late(early)
    for file in early.application.cold_storage.root.rglob("*.jsonl"):
        file.unlink()
    later.work()
    monkeypatch.setattr(
        "eventstore.management.commands.projections.get_application", lambda: later.application
    )

    told = said(command="projections")

    assert f"  It waits, and tries again: {standing().error}" in told.lines
    assert said("retry", "items", command="projections").code == 1, "it has no failed event"
    assert said("pause", "items", "--reason", "so", command="projections").code == 0
    assert Subscription.objects.get(projection="items").status == "paused"
