"""Random histories with boxes opened and closed in between: boxing never changes a row.

Invariant 5 again, for all that is shipped: projections in any mode, those that come late or are
made anew among boxes, workers that die: see test_random_histories.py of the subscriptions.
"""

import shutil
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore import fault_points, subscriptions
from eventstore.errors import Refusal
from eventstore.models import Box, StoredStream, Subscription
from eventstore.projections import Mode, Projection
from eventstore.testing import wipe
from tests.eventstore.boxes.stowing import bring_back, rows_of, stow
from tests.eventstore.rebuilding.support import differing, rebuild
from tests.eventstore.subscriptions.test_random_histories import (
    SETTINGS,
    SHIPPED,
    WHAT,
    Play,
    Step,
    modes,
)
from tests.replay import assert_rows_as_replayed, bring_level

OF_BOXES = ["box", "box", "box", "unbox", "forget", "rebuild", "check"]
steps = st.builds(
    Step,
    what=st.sampled_from(WHAT + OF_BOXES * 2),
    tenant=st.integers(0, 1),
    first=st.integers(0, 30),
    second=st.integers(0, 5),
    amount=st.decimals("0.01", "99.99", places=2),
)


class BoxedPlay(Play):
    """The same, with streams that are boxed, by turns of those that there are."""

    def __init__(self, modes: dict[str, Mode], deaths: Counter[str], done: Counter[str]) -> None:
        super().__init__(modes, deaths)
        self.done = done

    def do(self, step: Step) -> None:
        if step.what not in OF_BOXES:
            super().do(step)
            return
        with suppress(Refusal, StopIteration):
            self._do(step)
            self.done[step.what] += 1

    def _do(self, step: Step) -> None:
        projection = SHIPPED[step.first % len(SHIPPED)]
        match step.what:
            case "box":
                self._each(step, "active", stow)
            case "unbox":
                self._each(step, "boxed", bring_back)
            case "forget":
                self._forget(projection)
            case "rebuild":
                rebuild(self.application, projection.name)
            case "check":
                assert differing(self.application, projection.name) == 0

    def _each(self, step: Step, status: str, act: Any) -> None:
        streams = list(StoredStream.objects.filter(status=status).order_by("id"))
        stream = next(iter(streams[step.first % len(streams) :] if streams else ()))
        act(self.application, stream.aggregate_id)

    def _forget(self, projection: Projection) -> None:
        """As if no code had had it before: it begins at the first event."""
        if self.application.projections.mode_of(projection.name) is Mode.INLINE:
            return
        Subscription.objects.filter(projection=projection.name).delete()
        for table in projection.tables:
            table.model._default_manager.all().delete()


def play(modes: dict[str, Mode], history: list[Step], done: Counter[str]) -> None:
    usual = subscriptions.BATCH
    play = BoxedPlay(modes, Counter(), done)
    try:
        for step in history:
            play.do(step)
        check(play)
    finally:
        subscriptions.BATCH = usual
        fault_points.arm(None)
        shutil.rmtree(play.application.cold_storage.root, ignore_errors=True)
        wipe()


def check(play: BoxedPlay) -> None:
    """Rows and log with boxes, after a rebuild from boxes, and without boxes: all the same."""
    application = play.application
    bring_level(application)
    boxed = list(
        Box.objects.filter(unboxed_at=None).values_list("stream__aggregate_id", flat=True)
    )
    play.done["boxed at the end"] += len(boxed)
    rows, log = rows_of(application), list(application.reader.read_log())
    for projection in SHIPPED:
        rebuild(application, projection.name)
    assert rows_of(application) == rows
    bring_back(application, *boxed)
    assert list(application.reader.read_log()) == log
    assert rows_of(application) == rows
    assert assert_rows_as_replayed(application)
    assert not Subscription.objects.exclude(status="active", attempts=0).exists()


def run(examples: int) -> Counter[str]:
    done: Counter[str] = Counter()

    @settings(SETTINGS, max_examples=examples)
    @given(modes, st.lists(steps, min_size=10, max_size=40))
    def histories(modes: dict[str, Mode], history: list[Step]) -> None:
        play(modes, history, done)

    histories()
    return done


@pytest.mark.long
@pytest.mark.usefixtures("database")
def test_boxing_never_changes_a_row_in_random_histories() -> None:
    done = run(10)
    assert set(done) == {*OF_BOXES, "boxed at the end"}, done


@pytest.mark.soak
@pytest.mark.usefixtures("database")
def test_boxing_never_changes_a_row_in_many_random_histories() -> None:
    done = run(500)
    assert min(done.values()) > 100, done
