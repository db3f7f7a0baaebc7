"""Steps of process managers: done in the sender's call, in order, each once."""

from collections.abc import Callable
from uuid import UUID, uuid4, uuid5

import pytest

from eventstore import reactions
from eventstore.commands import Instance, Result
from eventstore.errors import NotFound
from eventstore.events import event_id
from eventstore.models import ProcessInstance, Reaction, StoredCommand, StoredEvent
from tests.eventstore.lock_waits import until_waiting
from tests.eventstore.reactions.domain import LIMIT, Begin, Play, Raise, counter_of
from tests.eventstore.support import PATIENCE, at_once, raw_connection
from tests.eventstore.test_statements import traced

Seen = Callable[[UUID], list[str]]


def test_an_event_causes_commands_to_the_very_aggregate_that_raised_it(
    scene: Play, seen: Seen
) -> None:
    run = scene.begin("again 3")

    assert seen(run) == ["again 3", "again 2", "again 1", "end"]
    assert StoredEvent.objects.filter(stream__aggregate_id=counter_of(run)).count() == 4
    assert ProcessInstance.objects.get().waits_for == ""


def test_the_answer_is_of_the_sent_command_alone(scene: Play) -> None:
    run = scene.begin("again 2")

    first = StoredCommand.objects.get(type="begin")
    assert first.result is not None
    assert first.result["version"] == 1
    assert [event["version"] for event in first.result["events"]] == [1]
    assert StoredEvent.objects.filter(stream__aggregate_id=counter_of(run)).count() == 3


def test_commands_name_their_cause_and_carry_the_correlation_on(scene: Play) -> None:
    run = scene.begin("again 1")

    begun, raised = StoredCommand.objects.order_by("number")
    reaction = Reaction.objects.order_by("id")[0]
    assert raised.id == uuid5(reaction.uid, "0")
    assert raised.reaction_id == reaction.id
    assert raised.causation_id == event_id(begun.tenant_id, "counter", counter_of(run), 1)
    assert raised.correlation_id == begun.correlation_id
    assert (raised.user, raised.status) == (begun.user, "completed")


def test_two_commands_of_one_step_are_done_in_their_order(scene: Play, seen: Seen) -> None:
    run = scene.begin("twice")

    assert seen(run) == ["twice", "1", "2"]


def test_a_refused_command_is_told_to_its_process(scene: Play, seen: Seen) -> None:
    run = scene.begin(f"by {LIMIT}")

    assert seen(run) == [f"by {LIMIT}", "refused raise too_high"]
    refused = StoredCommand.objects.get(type="raise")
    assert (refused.status, refused.code) == ("refused", "too_high")
    reaction = Reaction.objects.get(kind="refusal")
    assert (reaction.status, reaction.name) == ("done", "raise")


def test_a_command_that_only_processes_send_is_unknown_to_everybody_else(scene: Play) -> None:
    run = scene.begin("end")

    with pytest.raises(NotFound):
        scene.send(Raise(aggregate_id=counter_of(run), by=1, note="end", run=run))
    with pytest.raises(NotFound):
        scene.application.commands.named("raise")


def test_a_process_cannot_send_what_must_not_be_stored(scene: Play) -> None:
    scene.begin("whisper")

    reaction = Reaction.objects.get()
    assert reaction.status == "pending"
    assert "word must not be stored" in reaction.error
    assert not StoredCommand.objects.filter(type="whisper").exists()


def test_a_step_is_four_statements(scene: Play) -> None:
    """BEGIN, lock and read, write all, COMMIT; a step's commands have theirs."""
    scene.begin("again 5")
    sent: list[str] = []
    with traced(sent):
        scene.begin("end")

    # BEGIN, claim, append, COMMIT, and the step.
    assert len(sent) == 8, "\n".join(sent)


def test_reactions_of_one_instance_commit_in_the_order_of_their_ids(
    scene: Play, seen: Seen
) -> None:
    """The second writer draws no id before the first has committed: it waits for the instance."""
    run = scene.begin("start")
    last = Reaction.objects.latest("id").id
    elsewhere = Begin(aggregate_id=uuid4(), by=1, note="elsewhere", run=run)

    with raw_connection() as first:
        first.execute(LOCK, (run,))

        def release_when_somebody_waits() -> None:
            until_waiting()
            first.execute(DRAW)
            first.commit()

        outcomes = at_once(lambda: scene.send(elsewhere), release_when_somebody_waits)

    assert isinstance(outcomes[0], Result), outcomes
    assert Reaction.objects.latest("id").id == last + 2, "the id was drawn before the lock"
    assert seen(run) == ["start", "elsewhere"]


LOCK = "SELECT 1 FROM eventstore_process WHERE instance_id = %s FOR UPDATE"
DRAW = "SELECT nextval('eventstore_reaction_id_seq')"


@pytest.mark.parametrize("patience", [PATIENCE, 0], ids=["patient", "impatient"])
def test_a_sender_waits_a_moment_for_an_instance_that_somebody_is_at(
    scene: Play, seen: Seen, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    run = scene.begin("start")
    Reaction.objects.update(status="pending")
    monkeypatch.setattr(reactions, "PATIENCE", patience)
    with raw_connection() as other:
        other.execute(LOCK, (run,))
        # What it does between two looks, in the test's hands.
        monkeypatch.setattr(reactions.time, "sleep", lambda seconds: other.rollback())
        instance = Instance(scene.actor.tenant_id, "run", run)
        correlation_id = Reaction.objects.get().correlation_id
        scene.application.reactions.drain([instance], correlation_id)

    assert seen(run) == (["start", "start"] if patience else ["start"])
    assert Reaction.objects.get().status == ("done" if patience else "pending")
