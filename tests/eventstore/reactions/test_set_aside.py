"""What fails: it is tried five times, and then set aside, visibly, with nobody else held up."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db.models.functions import Now

from eventstore.models import ProcessInstance, Reaction, StoredCommand
from eventstore.tenancy import Actor
from tests.eventstore.reactions.domain import Play, Raise, counter_of, play
from tests.eventstore.reactions.test_work import forget, remember

Seen = Callable[[UUID], list[str]]


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
    scene.note_again(bad)
    scene.application.reactions.work()

    assert seen(other) == ["again 1", "end"]
    assert seen(bad) == []
    assert list(
        Reaction.objects.filter(instance_id=bad).order_by("id").values_list("status", flat=True)
    ) == ["parked", "pending"]


def test_a_retry_does_what_was_set_aside_and_all_behind_it_in_order(
    scene: Play, seen: Seen
) -> None:
    scene.process.before = fail_at("bad")
    bad = scene.begin("bad")
    scene.application.reactions.work()
    scene.note_again(bad)
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
    assert failed.result["error"] == "KeyError: 'lost'"

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
    monkeypatch.setattr(left.application.reactions._logged, "do", lambda envelope: None)
    left.begin("again 1")
    remember(monkeypatch)
    for _ in range(4):
        assert left.application.pending_commands.claim() is not None

    left.application.reactions.work()

    failed = StoredCommand.objects.get(type="raise")
    assert (failed.status, failed.code) == ("failed", "fatal")


def test_what_failed_waits_before_it_is_tried_again(database: None, member: Actor) -> None:
    patient = play(member, retry_after=(1, 60))
    patient.process.before = fail_at("bad")

    patient.begin("bad")

    reaction = Reaction.objects.get()
    waits = reaction.lease_until - reaction.created_at
    assert timedelta(seconds=1) <= waits < timedelta(seconds=10)
    assert patient.application.reactions.work() == 0


def test_a_command_out_of_its_bounds_says_which_and_where(scene: Play) -> None:
    scene.begin("nothing")

    assert Reaction.objects.get().error == (
        "UnsendableCommand: Fix cannot be sent: reason must have 1 to 10 characters. "
        "Mend `react`, then retry this step."
    )


def test_a_state_with_a_field_that_the_code_does_not_know_is_not_lost(
    scene: Play, seen: Seen
) -> None:
    """As after a deploy that has renamed it: the instance waits for code that reads it."""
    run = scene.begin("start")
    older = ProcessInstance.objects.get().state.replace("seen", "heard")
    ProcessInstance.objects.update(state=older)

    scene.note_again(run)
    scene.application.reactions.work()

    reaction = Reaction.objects.get(status="parked")
    assert reaction.error.startswith(
        "UnreadableData: What is stored is no RunState (it has heard)."
    )
    assert ProcessInstance.objects.get().state == older
    ProcessInstance.objects.update(state=older.replace("heard", "seen"))
    assert scene.application.reactions.retry_reaction(scene.actor.tenant_id, reaction.id)
    scene.application.reactions.work()
    assert seen(run) == ["start", "later"]
