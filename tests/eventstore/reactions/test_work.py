"""What a worker does: all that senders have left, each once; what fails is set aside."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from eventstore import reactions
from eventstore.models import Reaction, StoredCommand
from tests.eventstore.reactions.domain import Play
from tests.eventstore.support import at_once

Seen = Callable[[UUID], list[str]]


def forget(scene: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let senders die between their commit and what it has caused."""
    monkeypatch.setattr(scene.application.reactions, "drain", lambda caused, correlation_id: None)


def remember(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()


def test_a_forgotten_reaction_is_done_when_its_lease_is_over(
    scene: Play, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(scene, monkeypatch)
    run = scene.begin("again 2")
    remember(monkeypatch)

    assert scene.application.reactions.work() == 0, "its sender may be at it"
    Reaction.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert scene.application.reactions.work() == 1

    assert seen(run) == ["again 2", "again 1", "end"]
    # The worker's own attempt is the second; what follows from it is at its first.
    assert list(Reaction.objects.order_by("id").values_list("attempts", flat=True)) == [2, 1, 1]


def test_a_forgotten_command_is_done_when_its_lease_is_over(
    scene: Play, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene.application.reactions._logged, "do", lambda envelope: None)
    run = scene.begin("again 2")
    remember(monkeypatch)
    assert StoredCommand.objects.get(type="raise").status == "pending"

    StoredCommand.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert scene.application.reactions.work() == 1

    assert seen(run) == ["again 2", "again 1", "end"]
    assert not StoredCommand.objects.exclude(status="completed").exists()


def test_two_workers_at_once_do_each_thing_once(
    left: Play, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(left, monkeypatch)
    runs = [left.begin("twice") for _ in range(5)]
    remember(monkeypatch)

    work = left.application.reactions.work
    outcomes = at_once(work, work, work)

    assert all(isinstance(outcome, int) for outcome in outcomes), outcomes
    # What one has given back since another was at it is due in a moment.
    Reaction.objects.filter(status="pending").update(lease_until=Now())
    work()
    assert [seen(run) for run in runs] == [["twice", "1", "2"]] * 5
    assert StoredCommand.objects.filter(type="raise", status="completed").count() == 10


def test_a_sender_leaves_what_takes_long_to_a_worker(
    scene: Play, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reactions, "MOST_STEPS", 3)

    run = scene.begin("again 9")

    assert len(seen(run)) == 3
    assert scene.application.reactions.work() >= 1, "it is due at once, not after the lease"
    assert len(seen(run)) == 10
    assert seen(run)[-1] == "end"


def test_a_sender_does_not_work_for_longer_than_it_may(
    scene: Play, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reactions, "MOST_SECONDS", 0)

    run = scene.begin("again 2")

    assert seen(run) == []
    scene.application.reactions.work()
    assert seen(run)[-1] == "end"


def test_a_late_holder_of_a_step_stores_nothing(
    left: Play, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease ran out and another did the step: two have claimed it, one does it."""
    forget(left, monkeypatch)
    run = left.begin("twice")
    remember(monkeypatch)
    late = left.application.reaction_log.claim_step()
    assert late is not None
    left.application.reactions.work()

    assert left.application.reactions._steps.take(late.instance, late) == []
    assert seen(run) == ["twice", "1", "2"]


def test_of_two_who_finish_one_step_the_second_stores_nothing(
    scene: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where both have seen it open: what they store compares status and attempts."""
    stored: list[bool] = []
    finish = scene.application.reaction_log.finish_step

    def finish_twice(parameters: dict[str, object]) -> bool:
        stored.extend([finish(parameters), finish(parameters)])
        return stored[0]

    monkeypatch.setattr(scene.application.reaction_log, "finish_step", finish_twice)
    scene.begin("ring bell")

    assert stored == [True, False]
    assert Reaction.objects.filter(kind="effect").count() == 1


def test_a_fault_while_draining_is_no_error_of_the_command(
    scene: Play, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("a fault of our own")

    monkeypatch.setattr(scene.application.reactions._steps, "take", fail)
    run = scene.begin("end")
    remember(monkeypatch)

    assert StoredCommand.objects.get().status == "completed"
    Reaction.objects.update(lease_until=Now() - timedelta(seconds=1))
    scene.application.reactions.work()
    assert seen(run) == ["end"]


def test_a_database_error_is_no_fault_of_the_process(
    scene: Play, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not noted as an attempt that the process manager has failed."""
    lost = iter([True])

    def lose_once(note: str) -> None:
        if next(lost, False):
            raise OperationalError("the connection is gone")

    scene.process.before = lose_once
    run = scene.begin("end")

    assert Reaction.objects.get().error == ""
    Reaction.objects.update(lease_until=Now() - timedelta(seconds=1))
    scene.application.reactions.work()
    assert seen(run) == ["end"]
