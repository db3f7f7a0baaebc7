"""What is done first: a tenant's oldest, an aggregate's in their order, and tenants in turn."""

import logging
from collections.abc import Callable
from datetime import timedelta
from random import Random
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from eventstore.models import StoredCommand, Tenant
from tests.eventstore.scheduling.domain import LATER, START, Scene, Write, logged, scene_of, words


def fail_at(bad: str) -> Callable[[str], None]:
    def before(word: str) -> None:
        if word == bad:
            raise ValueError(f"{word} cannot be written")

    return before


@pytest.fixture(autouse=True)
def silence(caplog: pytest.LogCaptureFixture) -> None:
    """pytest-xdist cannot pass on what the log says of a failed command."""
    caplog.set_level(logging.CRITICAL, logger="daybook.reactions")


def test_what_is_due_is_done_the_oldest_first_and_the_rest_not_at_all(scene: Scene) -> None:
    seconds = list(range(12))
    Random(6).shuffle(seconds)
    for second in seconds:
        scene.later(str(second), after=second)
    tomorrow = scene.schedule(a_page("tomorrow"), at=LATER)

    assert scene.run() == 12

    assert words() == [str(second) for second in range(12)]
    assert logged(tomorrow).status == "scheduled"
    assert logged(tomorrow).attempts == 0


def a_page(word: str) -> Write:
    return Write(aggregate_id=uuid4(), word=word)


def test_of_the_same_instant_what_was_scheduled_first_is_done_first(scene: Scene) -> None:
    for word in "edcba":
        scene.later(word)
    scene.run()
    assert words() == list("edcba")


def test_one_aggregates_commands_wait_for_the_first_that_failed_and_others_go_on(
    patient: Scene,
) -> None:
    page = patient.page()
    patient.diary.before = fail_at("first")
    for after, word in enumerate(("first", "second", "third")):
        patient.later(word, after=after, page=page)
    patient.later("elsewhere", after=9)

    assert patient.run() == 2
    assert patient.run() == 0
    assert words() == ["now", "elsewhere"]
    assert patient.diary.tried == ["now", "first", "elsewhere"]

    patient.diary.before = lambda word: None
    StoredCommand.objects.filter(status="pending").update(lease_until=Now())
    assert patient.run() == 3
    assert words() == ["now", "elsewhere", "first", "second", "third"]


def test_what_was_given_up_holds_nobody_up(scene: Scene) -> None:
    page = scene.page()
    scene.diary.before = fail_at("first")
    first = scene.later("first", page=page)
    scene.later("second", after=1, page=page)

    assert scene.run() == 6

    assert logged(first).status == "failed"
    assert words() == ["now", "second"]


def test_a_later_command_for_an_aggregate_holds_up_no_earlier_one(scene: Scene) -> None:
    page = scene.page()
    scene.later("late", after=1, page=page)
    scene.later("early", page=page)
    scene.run()
    assert words() == ["now", "early", "late"]


def test_two_tenants_with_the_same_aggregate_do_not_wait_for_each_other(
    patient: Scene, other_tenant: Tenant
) -> None:
    page = patient.page()
    patient.diary.before = fail_at("bad")
    patient.later("bad", page=page)
    theirs = scene_of(other_tenant)
    theirs.schedule(Write(aggregate_id=page, word="theirs"), at=START + timedelta(1))
    patient.run()
    assert words() == ["now", "theirs"]


def test_tenants_take_turns(scene: Scene, other_tenant: Tenant) -> None:
    """Theirs are all younger than all of ours, and not one waits for the end of ours."""
    third = scene_of(Tenant.objects.create(slug="third", name="Third"))
    theirs = scene_of(other_tenant)
    for second in range(30):
        scene.later(f"ours {second}", after=second)
    for second in range(3):
        theirs.later(f"theirs {second}", after=1000 + second)
    third.later("third 0", after=9000)

    assert scene.run() == 34

    done = words()
    assert sorted(done[:3]) == ["ours 0", "theirs 0", "third 0"]
    assert sorted(done[3:7]) == ["ours 1", "ours 2", "theirs 1", "theirs 2"]
    assert done[7:] == [f"ours {second}" for second in range(3, 30)]


def test_a_runner_stops_when_it_is_told_to(scene: Scene) -> None:
    for second in range(5):
        scene.later(str(second), after=second)
    assert scene.run(until=lambda: len(scene.diary.tried) == 2) == 2
    assert words() == ["0", "1"]


def test_another_now_does_what_is_due_until_then(scene: Scene) -> None:
    soon = scene.schedule(a_page("soon"), at=LATER)
    scene.schedule(a_page("late"), at=LATER + timedelta(microseconds=1))
    assert scene.run() == 0
    assert scene.run(now=LATER) == 1
    assert words() == ["soon"]
    assert logged(soon).ended_at.year < LATER.year
