"""What a worker does: all that senders have left, each once; what fails is set aside."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from eventstore import reactions
from eventstore.models import ProcessInstance, Reaction, StoredCommand
from eventstore.tenancy import Actor
from tests.eventstore.reactions.domain import Begin, Play, Raise, counter_of, play
from tests.eventstore.support import at_once

Seen = Callable[[UUID], list[str]]


def forget(scene: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let senders die between their commit and what it has caused."""
    monkeypatch.setattr(scene.application.reactions, "drain", lambda caused: None)


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
    monkeypatch.setattr(scene.application.reactions, "_send", lambda envelope: None)
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


def test_a_failing_step_is_no_error_of_its_command_and_is_set_aside_after_five_attempts(
    scene: Play, seen: Seen
) -> None:
    scene.process.before = fail_at("bad")

    bad = scene.begin("bad")
    assert Reaction.objects.get().attempts == 1
    assert Reaction.objects.get().error == "ValueError: no such note"
    assert scene.application.reactions.work() == 4

    reaction = Reaction.objects.get()
    assert (reaction.status, reaction.attempts) == ("parked", 5)
    assert seen(bad) == []
    assert ProcessInstance.objects.get().waits_for == "its first step"


def fail_at(note: str) -> Callable[[str], None]:
    def before(came: str) -> None:
        if came == note:
            raise ValueError("no such note")

    return before


def test_what_is_set_aside_holds_up_its_own_instance_and_no_other(scene: Play, seen: Seen) -> None:
    scene.process.before = fail_at("bad")
    bad = scene.begin("bad")
    scene.application.reactions.work()

    other = scene.begin("again 1")
    _note_again(scene, bad)
    scene.application.reactions.work()

    assert seen(other) == ["again 1", "end"]
    assert seen(bad) == []
    assert list(
        Reaction.objects.filter(instance_id=bad).order_by("id").values_list("status", flat=True)
    ) == ["parked", "pending"]


def _note_again(scene: Play, run: UUID) -> None:
    """A second event for the same instance."""
    scene.send(Begin(aggregate_id=uuid4(), by=1, note="later", run=run))


def test_a_retry_does_what_was_set_aside_and_all_behind_it_in_order(
    scene: Play, seen: Seen
) -> None:
    scene.process.before = fail_at("bad")
    bad = scene.begin("bad")
    scene.application.reactions.work()
    _note_again(scene, bad)
    reaction = Reaction.objects.get(status="parked")
    retry = scene.application.reactions.retry_reaction

    scene.process.before = lambda note: None
    assert retry(scene.actor.tenant_id, reaction.id)
    assert not retry(scene.actor.tenant_id, reaction.id), "it waits for a worker"
    Reaction.objects.update(lease_until=Now() - timedelta(seconds=1))
    scene.application.reactions.work()

    assert seen(bad) == ["bad", "later"]


def test_nobody_retries_for_another_tenant(scene: Play) -> None:
    scene.process.before = fail_at("bad")
    scene.begin("bad")
    scene.application.reactions.work()
    stranger = counter_of(scene.actor.tenant_id)

    reaction = Reaction.objects.get()
    assert not scene.application.reactions.retry_reaction(stranger, reaction.id)
    assert Reaction.objects.get().status == "parked"


def test_a_failing_command_of_a_process_is_given_up_after_five_attempts(
    scene: Play, seen: Seen
) -> None:
    scene.counters.before_raise = fail_command
    run = scene.begin("again 1")
    assert StoredCommand.objects.get(type="raise").status == "pending"
    scene.application.reactions.work()

    failed = StoredCommand.objects.get(type="raise")
    assert (failed.status, failed.attempts, failed.code) == ("failed", 5, "internal")
    assert failed.result == {"detail": "KeyError: 'lost'"}

    scene.counters.before_raise = lambda command: None
    retry = scene.application.reactions.retry_command
    assert not retry(counter_of(scene.actor.tenant_id), failed.id)
    assert retry(scene.actor.tenant_id, failed.id)
    scene.application.reactions.work()
    assert seen(run) == ["again 1", "end"]
    done = StoredCommand.objects.get(type="raise")
    assert (done.status, done.code) == ("completed", "")


def test_a_command_that_cannot_be_done_holds_up_those_behind_it(scene: Play, seen: Seen) -> None:
    """A process manager lists its commands in an order that it means."""

    def fail_first(command: Raise) -> None:
        if command.note == "1":
            raise KeyError("lost")

    scene.counters.before_raise = fail_first
    run = scene.begin("twice")
    StoredCommand.objects.filter(status="pending").update(lease_until=Now())
    scene.application.reactions.work()

    statuses = StoredCommand.objects.filter(type="raise").order_by("number")
    assert list(statuses.values_list("status", flat=True)) == ["failed", "pending"]
    scene.counters.before_raise = lambda command: None
    StoredCommand.objects.filter(status="pending").update(lease_until=Now())
    scene.application.reactions.retry_command(scene.actor.tenant_id, statuses[0].id)
    scene.application.reactions.work()
    assert seen(run) == ["twice", "1", "2"]


def fail_command(command: object) -> None:
    raise KeyError("lost")


def test_what_kills_its_process_five_times_is_set_aside(
    left: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim counts before the attempt; who claims and dies has counted."""
    forget(left, monkeypatch)
    left.begin("again 1")
    for _ in range(4):
        assert left.application.reaction_log.claim_step() is not None

    left.application.reactions.work()

    reaction = Reaction.objects.get()
    assert (reaction.status, reaction.attempts) == ("parked", 5)
    assert "ended before it was done" in reaction.error


def test_a_command_that_kills_its_process_five_times_is_given_up(
    left: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left.application.reactions, "_send", lambda envelope: None)
    left.begin("again 1")
    remember(monkeypatch)
    for _ in range(4):
        assert left.application.pending_commands.claim() is not None

    left.application.reactions.work()

    failed = StoredCommand.objects.get(type="raise")
    assert (failed.status, failed.code) == ("failed", "fatal")


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
    def fail(instance: object) -> None:
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


def test_what_failed_waits_before_it_is_tried_again(database: None, member: Actor) -> None:
    patient = play(member, retry_after=(1, 60))
    patient.process.before = fail_at("bad")

    patient.begin("bad")

    reaction = Reaction.objects.get()
    waits = reaction.lease_until - reaction.created_at
    assert timedelta(seconds=1) <= waits < timedelta(seconds=10)
    assert patient.application.reactions.work() == 0
