"""Workers beside a rebuild, and several who ask for it."""

from uuid import uuid4

import pytest
from django.db import DatabaseError

from eventstore import subscription_log
from eventstore.errors import AlreadyRunning, NotFound
from eventstore.models import Rebuild
from eventstore.tenancy import Actor
from tests.eventstore.boxes.stowing import stow
from tests.eventstore.rebuilding.meanwhile import Meanwhile, paused_at
from tests.eventstore.rebuilding.support import (
    differing,
    do,
    last_run,
    order,
    rebuild,
    xmins,
)
from tests.eventstore.sample_tables import ITEMS, PLACES, Item
from tests.eventstore.subscriptions.domain import Scene, standing
from tests.replay import live_rows

pytestmark = pytest.mark.usefixtures("tables")


# Who works beside it -----------------------------------------------------------------------------


def test_a_worker_in_its_batch_is_waited_for(two: Scene) -> None:
    two.note("a", "b")
    with paused_at("subscription.moved", two.work) as worker:
        rebuilding = Meanwhile(lambda: rebuild(two.application, "items"))
        two.note("c")
        assert rebuilding.is_alive()
        worker.end()
        assert not isinstance(worker.outcome, Exception), worker.outcome
        assert not isinstance(rebuilding.end(), Exception), rebuilding.outcome
    two.work()
    assert two.texts() == ["a", "b", "c"]
    assert differing(two.application, "items") == 0


def test_a_worker_that_stood_still_in_its_batch_cannot_commit_over_the_new_rows(
    two: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription_log, "MOST_IDLE", 0.5)
    two.note("a", "b")
    with paused_at("subscription.moved", two.work) as worker:
        rebuild(two.application, "items")
        before = standing(), xmins("sample_item")
        worker.end()
        assert isinstance(worker.outcome, DatabaseError), worker.outcome
    assert (standing(), xmins("sample_item")) == before
    two.work()
    assert two.texts() == ["a", "b"]
    assert differing(two.application, "items") == 0


def test_another_generation_is_written_by_nobody_who_works_for_the_former_one(
    two: Scene,
) -> None:
    """Even where both stand at the same event."""
    two.note("a")
    two.work()
    with two.application.database.transaction():
        taken = two.application.subscription_log.take("items")
    assert taken is not None
    rebuild(two.application, "items")
    position = two.note("b")[0]
    assert standing().position == taken.position
    assert not two.application.subscription_log.advance(taken, position)
    assert not two.application.subscription_log.note_fault(taken, position, "too late")


# Who asks ----------------------------------------------------------------------------------------


def test_one_that_is_not_registered_is_not_found(two: Scene) -> None:
    with pytest.raises(NotFound):
        rebuild(two.application, "nothing")
    assert not Rebuild.objects.exists()


@pytest.mark.parametrize("kind", ["rebuild", "check", "fix"])
def test_two_cannot_do_the_same_one_at_once_and_others_can(two: Scene, kind: str) -> None:
    two.note("a")
    two.work()
    with paused_at("rebuild.filled", lambda: rebuild(two.application, "items")) as first:
        with pytest.raises(AlreadyRunning):
            do(two.application, kind, "items")
        do(two.application, kind, "places")
        first.end()
    assert not isinstance(first.outcome, Exception), first.outcome
    assert set(Rebuild.objects.values_list("status", flat=True)) == {"done"}
    do(two.application, kind, "items")


def test_what_was_asked_for_is_done_once_however_many_workers_there_are(two: Scene) -> None:
    two.note("a")
    two.work()
    number = two.application.rebuilding.log.ask(order("rebuild", "items"))
    with paused_at("rebuild.filled", two.application.rebuilding.work) as first:
        # This one has found it before the first one began.
        late = Meanwhile(
            lambda: two.application.rebuilding.run(order("rebuild", "items"), print, number)
        )
        assert isinstance(late.end(), AlreadyRunning), late.outcome
        first.end()
    generation = standing().generation
    with pytest.raises(AlreadyRunning):
        two.application.rebuilding.run(order("rebuild", "items"), print, number)
    assert standing().generation == generation
    assert (last_run().status, last_run().attempts) == ("done", 1)


def test_one_order_that_fails_holds_no_other_one_up(two: Scene, failing: list[int]) -> None:
    for name in ("items", "nothing", "places"):
        two.application.rebuilding.log.ask(order("rebuild", name))
    two.application.rebuilding.work()
    done = dict(Rebuild.objects.values_list("projection", "status"))
    assert done["items"] == "failed"
    assert done["places"] == "done"
    assert two.numbers() == [1, 2, 3, 4]


def test_streams_in_cold_storage_are_read_like_all_others(two: Scene, member: Actor) -> None:
    two.note("a", "b")
    two.note("c", notebook=uuid4())
    two.work()
    before = {name: live_rows(table) for name, table in (("items", ITEMS), ("places", PLACES))}
    stow(two.application, two.notebook)
    Item.objects.all().delete()
    for tenant_id in (None, member.tenant_id):
        assert differing(two.application, "items", tenant_id=tenant_id) == 2
    assert do(two.application, "fix", "items", tenant_id=member.tenant_id) == (2, 3, None)
    assert live_rows(ITEMS) == before["items"]
    Item.objects.all().delete()
    assert rebuild(two.application, "items") == (2, 3, None)
    rebuild(two.application, "places")
    assert {"items": live_rows(ITEMS), "places": live_rows(PLACES)} == before
