"""Runs that lose what they stand on while they are at work: they end, and no row is lost."""

import dataclasses
from uuid import uuid4

import pytest

from eventstore import rebuild_jobs
from eventstore.errors import NotRebuildable, ReplayFailed
from eventstore.events import RecordedEvent
from eventstore.models import Rebuild, Subscription, Tenant
from eventstore.projections import Mode, Rows
from eventstore.subscription_log import PAUSE, SKIP
from eventstore.tenancy import Actor, Role
from tests.eventstore.rebuilding.meanwhile import paused_at
from tests.eventstore.rebuilding.support import (
    differing,
    do,
    execute,
    last_run,
    order,
    query,
    rebuild,
    shadows,
)
from tests.eventstore.sample_tables import Item, Place
from tests.eventstore.subscriptions.domain import DAY, Scene, standing
from tests.eventstore.subscriptions.failing import act, fail_at, work_until_stopped

pytestmark = pytest.mark.usefixtures("tables")

#: As whoever ends all that is idle in a transaction.
END_THE_LOCK = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND classid = 3500 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
SECRET = "Alice Secret, a title that is much too long for its column"


def counts() -> list[tuple[int, int]]:
    return list(Place.objects.order_by("number").values_list("number", "count"))


@pytest.mark.parametrize("other", ["rebuild", "check", "drop"])
def test_a_replay_whose_tables_are_gone_writes_into_no_others(two: Scene, other: str) -> None:
    two.note("a", "b")
    two.work()
    before = counts()
    with paused_at("rebuild.made", lambda: rebuild(two.application, "places")) as first:
        query(END_THE_LOCK)
        if other == "drop":
            execute(f'DROP SCHEMA "{shadows()[0]}" CASCADE')
        else:
            do(two.application, other, "places")
        first.end()
    assert isinstance(first.outcome, Exception)
    assert (counts(), differing(two.application, "places"), shadows()) == (before, 0, [])


def test_a_run_whose_lock_is_gone_puts_nothing_in_place(two: Scene) -> None:
    two.note("a")
    two.work()
    with paused_at("rebuild.filled", lambda: rebuild(two.application, "items")) as first:
        query(END_THE_LOCK)
        first.end()
    assert isinstance(first.outcome, Exception)
    assert (standing().generation, shadows(), last_run().status) == (1, [], "failed")


def test_two_at_the_same_order_have_tables_of_their_own(two: Scene) -> None:
    two.note("a", "b")
    two.work()
    before = counts()
    number = two.application.rebuilding.log.ask(order("rebuild", "places"))
    with paused_at("rebuild.made", two.application.rebuilding.work) as first:
        query(END_THE_LOCK)
        two.application.rebuilding.work()
        first.end()
    run = Rebuild.objects.get(pk=number)
    assert (run.status, run.attempts) == ("done", 2)
    assert (counts(), differing(two.application, "places"), shadows()) == (before, 0, [])


def test_a_run_that_has_ended_is_not_called_failed(two: Scene) -> None:
    two.note("a")
    rebuild(two.application, "items")
    two.application.rebuilding.log.end(last_run().pk, "failed", error="too late")
    assert (last_run().status, last_run().error) == ("done", "")


def test_an_event_that_is_skipped_meanwhile_ends_a_rebuild_that_has_read_it(two: Scene) -> None:
    positions = two.note("a", "b", "c", "d")
    two.hooks.item = fail_at(positions[2])
    work_until_stopped(two)
    two.hooks.item = lambda recorded: None
    with paused_at("rebuild.filled", lambda: rebuild(two.application, "items")) as first:
        act(two, SKIP)
        first.end()
    assert isinstance(first.outcome, NotRebuildable)
    two.work()
    assert (two.texts(), differing(two.application, "items")) == (["a", "b", "d"], 0)


def test_an_order_for_a_projection_that_is_gone_is_passed_over(two: Scene) -> None:
    number = two.application.rebuilding.log.ask(order("rebuild", "of former times"))
    asked = two.application.rebuilding.log.ask(order("rebuild", "items"))
    assert two.application.rebuilding.work() == 1
    assert Rebuild.objects.get(pk=asked).status == "done"
    assert Rebuild.objects.get(pk=number).status == "waiting"


def test_a_row_of_another_tenants_is_not_quoted(
    two: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    def project(recorded: RecordedEvent, rows: Rows) -> None:
        title = recorded.event.text
        rows.insert(Item, recorded.aggregate_id, title=title, day=DAY, last=recorded.recorded_at)

    table = two.application.projections._by_name
    table["items"] = dataclasses.replace(table["items"], project=project)
    theirs = Tenant.objects.create(slug="umbrella", name="Umbrella")
    two.note(SECRET, notebook=uuid4())
    two.actor = Actor(tenant_id=theirs.id, user="otto", role=Role.MEMBER)
    two.note("b", notebook=uuid4())
    with pytest.raises(ReplayFailed):
        rebuild(two.application, "items")
    two.application.rebuilding.log.ask(order("rebuild", "items"))
    two.application.rebuilding.work()

    runs = list(Rebuild.objects.all())
    assert all(run.status == "failed" and "Alice" not in run.error for run in runs)
    told = rebuild_jobs.shown(two.application, runs, {theirs.id})
    assert all("too long" not in shown.error for shown in told)
    assert "Alice" not in caplog.text


def test_a_pause_does_not_outlive_a_change_to_inline(two: Scene) -> None:
    two.work()
    act(two, PAUSE)
    two.application.projections._modes["items"] = Mode.INLINE
    rebuild(two.application, "items")
    assert Subscription.objects.get(pk="items").status == "active"
