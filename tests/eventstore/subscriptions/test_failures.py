"""An event that cannot be projected stops its projection there, for all to see, and no other."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection
from django.db.models import F

from eventstore import fault_points, subscriptions
from eventstore.errors import NotCaughtUp
from eventstore.events import RecordedEvent
from eventstore.models import Subscription
from eventstore.subscription_log import PAUSE
from eventstore.tenancy import Actor
from tests.eventstore.sample_tables import Item
from tests.eventstore.subscriptions.domain import Noted, Scene, make_due, scene, standing
from tests.eventstore.subscriptions.failing import fail_at, work_until_stopped
from tests.eventstore.support import append


def test_a_projection_stands_at_the_event_that_it_cannot_take_and_others_go_on(
    two: Scene, failing: list[int]
) -> None:
    two.work()

    failed = standing()
    assert two.texts() == ["a", "b"]
    assert (failed.status, failed.position, failed.failed_position, failed.attempts) == (
        "active", failing[1], failing[2], 1,
    )  # fmt: skip
    assert "ValueError: cannot take c" in failed.error
    assert "in fail" in failed.error, "a traceback tells the place"
    assert two.numbers() == [1, 2, 3, 4]
    assert standing("places").position == failing[3]


def test_after_five_attempts_it_is_stopped_and_not_tried_again(
    two: Scene, failing: list[int]
) -> None:
    tried: list[int] = []
    fail = two.hooks.item

    def count(recorded: RecordedEvent[Any]) -> None:
        if recorded.position == failing[2]:
            tried.append(recorded.position)
        fail(recorded)

    two.hooks.item = count
    two.work()  # Also in larger batches, until it is found: no attempt of its own.
    of_first = len(tried)
    for _ in range(10):
        two.work()

    assert (standing().status, standing().attempts) == ("stopped", 5)
    assert len(tried) == of_first + 4
    two.note("e")
    assert two.work() == 1, "places alone"
    assert two.texts() == ["a", "b"]


def test_each_attempt_waits_longer_for_the_next_one(tables: None, member: Actor) -> None:
    patient = scene(member, retry_after=(1, 60, 600))
    patient.hooks.item = fail_at(*patient.note("a"))
    waits = []
    for _ in range(4):
        patient.work()
        noted = standing()
        waits.append(round((noted.lease_until - noted.updated_at).total_seconds()))
        assert patient.work() == 0
        assert standing().attempts == noted.attempts, "before its time"
        make_due()
    assert waits == [1, 60, 600, 600]


def test_a_reader_does_not_try_what_is_to_be_tried_later(tables: None, member: Actor) -> None:
    patient = scene(member, retry_after=(60,))
    patient.hooks.item = fail_at(*patient.note("a"))
    patient.work()

    with pytest.raises(NotCaughtUp, match="tried again soon"):
        patient.application.subscriptions.catch_up(patient.projection())
    assert standing().attempts == 1


def test_code_that_is_mended_before_the_fifth_attempt_goes_on_by_itself(
    two: Scene, failing: list[int]
) -> None:
    two.work()
    two.work()
    two.hooks.item = lambda recorded: None
    two.work()

    assert two.texts() == ["a", "b", "c", "d"]
    assert (standing().status, standing().attempts, standing().error) == ("active", 0, "")


def test_a_row_that_its_table_refuses_is_found_at_its_event_too(two: Scene) -> None:
    """It is refused only when the batch's rows are written."""
    two.hooks.item = lambda recorded: None
    last = two.note("a", "b")[-1]
    two.work()
    third, _ = two.note("c", "d")
    raises = {third: 1_000_000}

    def break_the_table(recorded: RecordedEvent[Any]) -> None:
        if recorded.position in raises:
            Item.objects.filter(item_id=two.notebook).update(count=F("count") + 999_997)

    two.hooks.item = break_the_table
    work_until_stopped(two)

    failed = standing()
    assert (failed.position, failed.failed_position) == (last, third)
    assert "sample_item_small" in failed.error
    assert IntegrityError.__name__ in failed.error
    assert two.texts() == ["a", "b"]
    assert Item.objects.get().count == 2


def test_an_unreadable_event_of_a_type_that_it_takes_stops_it(
    two: Scene,
) -> None:
    two.note("a")
    unreadable = insert_raw(two, "notebook.noted")
    two.note("b")
    for _ in range(5):
        two.work()

    for name in ("items", "places"):
        failed = standing(name)
        assert (failed.status, failed.position, failed.failed_position) == (
            "stopped", unreadable - 1, unreadable,
        )  # fmt: skip
        assert "UnknownEventType" in failed.error
    assert two.texts() == ["a"]


@pytest.mark.parametrize("type_name", ["notebook.scribbled", "another.thing"])
def test_an_unreadable_event_of_another_type_stops_nobody(two: Scene, type_name: str) -> None:
    two.note("a")
    insert_raw(two, type_name)
    two.note("b")
    two.work()

    assert two.texts() == ["a", "b"]


RAW = """
INSERT INTO eventstore_event
    (stream_id, version, tenant_id, type, schema_version, data, metadata, recorded_at, hash)
SELECT s.id, s.version + 1, s.tenant_id, %s, 99, '{}', e.metadata, now(), e.hash
FROM eventstore_stream AS s JOIN eventstore_event AS e
    ON e.stream_id = s.id AND e.version = s.version
WHERE s.aggregate_id = %s
RETURNING position
"""


def insert_raw(two: Scene, type_name: str) -> int:
    """The position of an event as newer code writes it, in a notebook of its own."""
    other = uuid4()
    two.note("from today", notebook=other)
    with connection.cursor() as cursor:
        cursor.execute(RAW, [type_name, other])
        position: int = cursor.fetchone()[0]
        cursor.execute("UPDATE eventstore_stream SET version = 2 WHERE aggregate_id = %s", [other])
    return position


@pytest.mark.long
def test_an_event_is_found_among_five_thousand_with_few_batches(two: Scene) -> None:
    notebook = uuid4()
    events = [Noted(text="x")] * (subscriptions.BATCH + 500)
    recorded = append(
        two.application.store, two.actor.tenant_id, notebook, *events, category="notebook"
    )
    failing = recorded[3_987].position
    two.hooks.item = fail_at(failing)
    two.application.subscription_log.ensure()
    act_on_places(two)
    batches: list[str] = []
    fault_points.arm(batches.append)
    two.work()

    assert (standing().position, standing().failed_position) == (failing - 1, failing)
    assert len(two.texts(notebook)) == 3_987
    assert batches.count("subscription.taken") <= 40


def act_on_places(two: Scene) -> None:
    """They have no part in it."""
    two.application.subscriptions.act(PAUSE, "places", user="olga", reason="not asked")


def test_batches_grow_again_behind_a_failure(
    two: Scene, failing: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "BATCH", 64)
    two.work()
    two.hooks.item = lambda recorded: None
    two.note(*map(str, range(200)))
    act_on_places(two)
    batches: list[str] = []
    fault_points.arm(batches.append)
    two.work()

    assert len(two.texts()) == 204
    assert batches.count("subscription.taken") <= 12


def test_a_failure_is_noted_once_by_two_workers_at_the_same_attempt(
    two: Scene, failing: list[int], member: Actor
) -> None:
    two.work()
    log = two.application.subscription_log
    taken = log.take("items")
    assert taken is not None
    assert log.note_fault(taken, failing[2], "first")
    assert not log.note_fault(taken, failing[2], "second")
    assert (standing().attempts, standing().error) == (2, "first")


def test_a_late_failure_of_a_former_checkpoint_or_generation_is_not_noted(two: Scene) -> None:
    two.note("a")
    two.application.subscription_log.ensure()
    log = two.application.subscription_log
    old = log.take("items")
    assert old is not None
    two.work()
    assert not log.note_fault(old, 1, "late")
    current = log.take("items")
    assert current is not None
    Subscription.objects.update(generation=2)
    assert not log.note_fault(current, 1, "late")
    assert (standing().attempts, standing().error) == (0, "")


def test_the_end_of_a_long_traceback_is_kept(two: Scene) -> None:
    def fail(recorded: RecordedEvent[Any]) -> None:
        raise ValueError("x" * 20_000 + "the end")

    two.hooks.item = fail
    two.note("a")
    two.work()

    assert re.search("x+the end\n$", standing().error)
    assert len(standing().error) <= 8_000
