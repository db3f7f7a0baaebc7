"""What fails: it is tried five times, and then set aside, visibly, with nobody else held up."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db.models.functions import Now

from eventstore.commands import Envelope, Result
from eventstore.models import ProcessInstance, Reaction, StoredCommand
from eventstore.tenancy import Actor
from tests.eventstore.reactions.domain import Begin, Play, Raise, counter_of, play
from tests.eventstore.reactions.test_work import forget, remember
from tests.eventstore.support import raw_connection

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
    monkeypatch.setattr(left.application.reactions, "_send", lambda envelope: None)
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


def test_a_sixth_attempt_is_never_made(left: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the fifth one dies while a worker is in the middle of its turn."""
    forget(left, monkeypatch)
    left.begin("ring bell")
    for _ in range(4):
        assert left.application.reaction_log.claim_step() is not None
    assert left.application.reaction_log.claim_step() is None

    monkeypatch.undo()
    left.begin("ring bell")
    for _ in range(5):
        assert left.application.reaction_log.claim_effect() is not None
    assert left.application.reaction_log.claim_effect() is None

    monkeypatch.setattr(left.application.reactions, "_send", lambda envelope: None)
    left.begin("again 1")
    for _ in range(4):
        assert left.application.pending_commands.claim() is not None
    assert left.application.pending_commands.claim() is None


def test_a_step_that_somebody_else_is_at_has_not_been_tried(
    left: Play, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(left, monkeypatch)
    run = left.begin("end")
    monkeypatch.undo()
    with raw_connection() as other:
        other.execute("SELECT 1 FROM eventstore_process FOR UPDATE")
        for _ in range(10):
            assert left.application.reactions.work() == 1
            Reaction.objects.update(lease_until=Now())
        assert Reaction.objects.get().attempts == 1

    left.application.reactions.work()
    assert seen(run) == ["end"]


def test_what_a_sender_has_failed_at_no_other_sender_tries(scene: Play) -> None:
    """It waits for a worker, who counts, and not for whoever comes along."""
    tries: list[str] = []

    def fail(note: str) -> None:
        tries.append(note)
        raise ValueError("no such note")

    scene.process.before = fail
    run = scene.begin("bad")
    _note_again(scene, run)
    _note_again(scene, run)

    assert tries == ["bad"]
    assert Reaction.objects.order_by("id")[0].attempts == 1


def test_a_sender_does_not_do_what_another_one_has_died_at(
    scene: Play, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be what has killed him."""
    monkeypatch.setattr("eventstore.reactions.PATIENCE", 0)
    with monkeypatch.context() as patch:
        forget(scene, patch)
        run = scene.begin("deadly")
    _note_again(scene, run)

    assert seen(run) == []
    Reaction.objects.update(lease_until=Now())
    scene.application.reactions.work()
    assert seen(run) == ["deadly", "later"]


@pytest.mark.parametrize("text", ["nul \0 in it", "half a pair \ud800"], ids=["NUL", "surrogate"])
def test_an_error_is_kept_whatever_it_says(scene: Play, text: str) -> None:
    def fail(*args: object) -> None:
        raise ValueError(text)

    scene.process.before = lambda note: fail() if note == "bad" else None
    scene.begin("bad")
    scene.counters.before_raise = fail
    scene.begin("again 1")
    scene.counters.ring = fail
    scene.begin("ring bell")
    scene.application.reactions.work()

    kept = [*Reaction.objects.exclude(error="").values_list("error", flat=True)]
    kept.append(StoredCommand.objects.get(type="raise").result["error"])
    assert len(kept) == 3
    assert all(error.startswith(f"ValueError: {text[:3]}") for error in kept), kept


def test_what_an_unexpected_error_says_is_not_for_senders(scene: Play) -> None:
    scene.counters.before_raise = fail_command
    scene.begin("again 1")

    failed = StoredCommand.objects.get(type="raise")
    assert failed.result["error"] == "KeyError: 'lost'"
    assert "lost" not in failed.result["detail"]
    assert "operators see" in failed.result["detail"]


def test_a_turn_does_not_wait_for_what_is_just_being_done(
    left: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command at its fifth attempt outlives its lease: others go on meanwhile."""
    monkeypatch.setattr(left.application.reactions, "_send", lambda envelope: None)
    left.begin("again 1")
    monkeypatch.undo()
    StoredCommand.objects.update(attempts=5)
    Reaction.objects.update(attempts=5)
    with raw_connection() as busy:
        busy.execute("SELECT 1 FROM eventstore_command FOR UPDATE")
        busy.execute("SELECT 1 FROM eventstore_reaction FOR UPDATE")
        assert left.application.reactions.work() == 0
    left.application.reactions.work()
    assert StoredCommand.objects.get(type="raise").status == "failed"


def test_a_command_that_changes_nothing_is_told_to_its_process(scene: Play, seen: Seen) -> None:
    """No event will tell; a process that waits for one would wait for ever."""
    scene.counters.does_nothing = True
    run = scene.begin("again 1")

    assert seen(run) == ["again 1", "refused raise nothing_changed"]
    assert StoredCommand.objects.get(type="raise").status == "completed"


def test_a_command_behind_one_that_was_given_up_is_not_done_by_a_late_sender(
    scene: Play, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He was frozen between two commands of a step; meanwhile a worker gave the first one up."""
    deliver = scene.application.reactions._deliver

    def frozen(envelope: Envelope) -> Result:
        if envelope.sender:
            StoredCommand.objects.filter(id=envelope.command_id, status="pending").update(
                status="failed"
            )
        return deliver(envelope)

    monkeypatch.setattr(scene.application.reactions, "_deliver", frozen)
    run = scene.begin("twice")

    statuses = StoredCommand.objects.filter(type="raise").order_by("number")
    assert list(statuses.values_list("status", flat=True)) == ["failed", "pending"]
    assert seen(run) == ["twice"]


def test_steps_are_found_by_an_index_however_long_the_history(scene: Play) -> None:
    with raw_connection() as raw:
        definition = raw.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'eventstore_reaction_open'"
        ).fetchone()
    assert definition is not None
    predicate = definition[0].partition(" WHERE ")[2]
    assert "'done'" in predicate
    assert "'effect'" in predicate
