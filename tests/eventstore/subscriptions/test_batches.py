"""A batch is one transaction: rows and checkpoint or neither, for one worker at a time."""

import logging
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from eventstore import fault_points, subscriptions
from eventstore.models import Subscription
from eventstore.subscription_log import Taken
from tests.eventstore.sample_tables import Item
from tests.eventstore.subscriptions.domain import Scene, make_due, standing
from tests.eventstore.support import raw_connection


class Death(BaseException):
    """The end of a process, as far as its database can tell."""


def die_at(point: str) -> None:
    def strike(reached: str) -> None:
        if reached == point:
            raise Death

    fault_points.arm(strike)


def test_work_projects_what_has_happened_and_says_how_much(two: Scene) -> None:
    positions = two.note("a", "b", "c")
    scribbled = two.scribble()
    assert Item.objects.count() == 0

    assert two.work() == 6

    assert two.texts() == ["a", "b", "c"]
    assert two.numbers() == [1, 2, 3]
    assert positions[-1] < standing("items").position == standing("places").position == scribbled
    assert two.work() == 0


@pytest.mark.parametrize("point", ["taken", "projected", "moved"])
def test_who_dies_before_the_commit_leaves_neither_rows_nor_checkpoint(
    two: Scene, point: str
) -> None:
    two.note("a")
    two.work()
    before = standing().position
    two.note("b", "c")
    die_at(f"subscription.{point}")
    with pytest.raises(Death):
        two.work()

    assert two.texts() == ["a"]
    assert standing().position == before
    fault_points.arm(None)
    two.work()
    assert two.texts() == ["a", "b", "c"]


def test_who_dies_after_the_commit_leaves_both(two: Scene) -> None:
    last = two.note("a", "b")[-1]
    die_at("subscription.committed")
    with pytest.raises(Death):
        two.work()

    assert (two.texts(), standing().position) == (["a", "b"], last)


CHANGES: dict[str, dict[str, Any]] = {
    "a newer generation": {"generation": 2},
    "a checkpoint that moved": {"position": 1},
    "another mode": {"mode": "scheduled"},
    "an operator's pause": {"status": "paused"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_batch_that_finds_it_changed_at_its_end_writes_nothing(
    two: Scene, change: dict[str, Any]
) -> None:
    """Compare and set: as if the row's lock had not held."""
    two.note("a", "b")

    def overtake(point: str) -> None:
        if point == "subscription.projected":
            Subscription.objects.update(**change)

    fault_points.arm(overtake)
    assert two.work() == 0
    assert not Item.objects.exists()
    assert standing().position == 0


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_checkpoint_is_moved_only_from_where_it_was_taken(
    two: Scene, change: dict[str, Any]
) -> None:
    log = two.application.subscription_log
    log.ensure()

    def taken() -> Taken:
        with transaction.atomic():
            found = log.take("items")
        assert found is not None
        return found

    old = taken()
    Subscription.objects.update(**change)
    assert not log.advance(old, 7)
    assert standing().position != 7
    if change != {"status": "paused"}:
        assert log.advance(taken(), 8)
        assert standing().position == 8


def test_a_reader_of_the_checkpoint_sees_rows_of_all_events_up_to_it(
    two: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "BATCH", 2)
    two.note(*"abcdefg")
    until = iter([False, True])
    assert two.application.subscriptions.work(until=lambda: next(until)) == 2

    assert [*map(two.as_replayed, ("items", "places"))] == [True, True]
    assert two.texts() == ["a", "b"]
    two.work()
    assert two.texts() == list("abcdefg")


def test_projections_take_turns_a_batch_at_a_time(
    two: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "BATCH", 1)
    order: list[str] = []
    two.hooks.item = lambda recorded: order.append("item")
    two.hooks.place = lambda recorded: order.append("place")
    two.note(*"abc")
    two.work()

    assert order == ["item", "place"] * 3


def test_a_gap_at_the_end_is_looked_at_without_a_word_or_a_write(
    two: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    last = two.note("a")[-1]
    two.work()
    with raw_connection() as raw:
        raw.execute("SELECT nextval('eventstore_event_position_seq')")
    caplog.set_level(logging.DEBUG, "daybook")
    caplog.clear()

    def versions() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ctid, updated_at, position FROM eventstore_subscription")
            return cursor.fetchall()

    before = versions()
    taken: list[str] = []
    fault_points.arm(taken.append)
    assert [two.work() for _ in range(5)] == [0] * 5

    assert versions() == before
    assert standing().position == last
    assert taken == ["subscription.taken", "subscription.projected", "subscription.moved",
                     "subscription.committed"] * 10  # fmt: skip
    assert caplog.records == []


def test_a_projection_that_this_process_does_not_know_is_left_alone(two: Scene) -> None:
    two.note("a")
    Subscription.objects.create(projection="of newer code", mode="async")
    assert two.work() == 2
    assert standing("of newer code").position == 0


def test_each_batch_is_told_in_one_line_with_what_it_did(
    two: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "daybook.projections")
    last = two.note("a", "b")[-1]
    caplog.clear()
    two.work()

    told = [record.__dict__ for record in caplog.records if record.name == "daybook.projections"]
    assert [(line["projection"], line["events"], line["position"]) for line in told] == [
        ("items", 2, last), ("places", 2, last),
    ]  # fmt: skip
    assert all(line["ms"] >= 0 for line in told)


def test_rows_of_two_tenants_come_in_one_batch(two: Scene, other_tenant: Any) -> None:
    umbrella = replace(two, actor=replace(two.actor, tenant_id=other_tenant.id))
    two.note("a", "b")
    umbrella.note("c", notebook=two.notebook)
    two.work()

    rows = {row.tenant_id: row.note for row in Item.objects.all()}
    assert rows == {two.actor.tenant_id: "a b ", other_tenant.id: "c "}
    assert two.as_replayed("items")


def test_a_gap_of_many_positions_is_crossed_by_an_event_after_it(two: Scene) -> None:
    two.note("a")
    with raw_connection() as raw:
        raw.execute("SELECT nextval('eventstore_event_position_seq') FROM generate_series(1, 20)")
    two.note("b", notebook=uuid4())
    two.work()
    make_due()

    assert Item.objects.count() == 2
