"""Who tries what, how often it counts, and what is kept of why it failed."""

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from psycopg import Connection

from eventstore.command_log import Claim
from eventstore.command_types import CommandType
from eventstore.commands import Envelope, Result
from eventstore.models import Reaction, StoredCommand
from eventstore.reaction_log import NEXT_STEP
from eventstore.reactions import MOST_SECONDS
from tests.eventstore.reactions.domain import Play, Raise, counter_of
from tests.eventstore.reactions.test_set_aside import fail_command
from tests.eventstore.reactions.test_work import forget
from tests.eventstore.support import raw_connection

Seen = Callable[[UUID], list[str]]


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

    monkeypatch.setattr(left.application.reactions._logged, "do", lambda envelope: None)
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
    scene.note_again(run)
    scene.note_again(run)

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
    scene.note_again(run)

    assert seen(run) == []
    Reaction.objects.update(lease_until=Now())
    scene.application.reactions.work()
    assert seen(run) == ["deadly", "later"]


@pytest.mark.parametrize("text", ["nul \0 in it", "half a pair \ud800"], ids=["NUL", "surrogate"])
def test_an_error_is_kept_whatever_it_says(
    scene: Play, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("daybook.reactions", "daybook.effects"):
        caplog.set_level(logging.CRITICAL, logger=name)  # pytest-xdist cannot pass them on.

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
    monkeypatch.setattr(left.application.reactions._logged, "do", lambda envelope: None)
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
    deliver = scene.application.reactions._logged._deliver

    def frozen(envelope: Envelope) -> Result:
        if envelope.sender:
            StoredCommand.objects.filter(id=envelope.command_id, status="pending").update(
                status="failed"
            )
        return deliver(envelope)

    monkeypatch.setattr(scene.application.reactions._logged, "_deliver", frozen)
    run = scene.begin("twice")

    statuses = StoredCommand.objects.filter(type="raise").order_by("number")
    assert list(statuses.values_list("status", flat=True)) == ["failed", "pending"]
    assert seen(run) == ["twice"]


def test_a_step_is_found_by_an_index_however_long_the_history(scene: Play) -> None:
    run = scene.begin("start")
    with raw_connection() as raw:
        raw.execute(LONG_HISTORY, (run,))
        raw.execute("ANALYZE eventstore_reaction")
        instance = (scene.actor.tenant_id, "run", run)
        plan = raw.execute(f"EXPLAIN {NEXT_STEP}", instance).fetchall()

    text = "\n".join(line for (line,) in plan)
    assert "eventstore_reaction_open" in text, text


LONG_HISTORY = """
INSERT INTO eventstore_reaction (tenant_id, process, instance_id, kind, name, "user",
    correlation_id, status, attempts, lease_until, created_at)
SELECT tenant_id, process, instance_id, kind, name, "user", correlation_id, 'done', 1,
       lease_until, created_at
FROM eventstore_reaction, generate_series(1, 5000) WHERE instance_id = %s
"""


def test_a_sender_waits_for_a_locked_stream_once_and_not_five_times(
    scene: Play, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command stands in the log: a worker does it when the stream is free."""
    claims: list[int] = []
    deliver = scene.application.command_log.claim

    def counted(command_type: CommandType, envelope: Envelope) -> Claim | None:
        if envelope.sender:
            claims.append(envelope.attempt)
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '50ms'")
        return deliver(command_type, envelope)

    monkeypatch.setattr(scene.application.command_log, "claim", counted)
    with raw_connection() as other:
        run = uuid4()
        scene.process.before = lambda note: lock_stream(other, run)
        scene.begin("again 1", run=run)

    pending = StoredCommand.objects.get(type="raise")
    assert (pending.status, pending.code, claims) == ("pending", "busy", [1])
    scene.process.before = lambda note: None
    scene.application.reactions.work()
    assert seen(run) == ["again 1", "end"]


def lock_stream(other: Connection[Any], run: UUID) -> None:
    other.execute(
        "SELECT 1 FROM eventstore_stream WHERE aggregate_id = %s FOR UPDATE", (counter_of(run),)
    )


def test_a_sender_whose_time_is_over_leaves_the_next_command_to_a_worker_at_once(
    scene: Play, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("eventstore.reactions.time.monotonic", lambda: now[0])

    def take_long(command: Raise) -> None:
        now[0] += MOST_SECONDS + 1

    scene.counters.before_raise = take_long
    run = scene.begin("twice")

    statuses = StoredCommand.objects.filter(type="raise").order_by("number")
    assert list(statuses.values_list("status", flat=True)) == ["completed", "pending"]
    monkeypatch.undo()
    scene.application.reactions.work()
    assert seen(run) == ["twice", "1", "2"]
