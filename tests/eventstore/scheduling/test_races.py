"""Several at once: runners, cancellers and senders. Each command is done once, or never."""

from functools import partial
from uuid import uuid4

import pytest

from eventstore.application import Application
from eventstore.commands import Result
from eventstore.errors import CommandIdReused, NotCancellable
from eventstore.models import StoredCommand
from eventstore.tenancy import Actor
from tests.eventstore.scheduling.domain import LATER, START, Scene, Write, logged, statuses, words
from tests.eventstore.support import at_once

RUNNERS = 4
ROUNDS = 15


def test_runners_at_once_do_each_due_command_once(scene: Scene) -> None:
    pages = [scene.page() for _ in range(5)]
    for second in range(60):
        scene.later(f"{second:02}", after=second, page=pages[second % 5])

    tried = at_once(*[scene.run] * RUNNERS)

    assert sum(tried) == 60  # type: ignore[arg-type]  # an error is none
    assert sorted(words()[5:]) == [f"{second:02}" for second in range(60)]
    for page in range(5):
        of_page = [word for word in words()[5:] if int(word) % 5 == page]
        assert of_page == sorted(of_page), "an aggregate's commands in their order"
    attempts = StoredCommand.objects.exclude(due_at=None).values_list("attempts", flat=True)
    assert set(attempts) == {1}
    assert statuses() == {"completed": 65}


def test_a_runner_that_outlives_its_lease_and_its_successor_do_it_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = scene.later("once")
    due = scene.application.pending_commands.claim_due(scene.actor.tenant_id)
    assert due is not None
    StoredCommand.objects.update(lease_until=START)
    assert scene.run() == 1
    monkeypatch.setattr(
        scene.application.pending_commands, "claim_due", lambda tenant_id, now: due
    )
    # It was frozen between claim and attempt, and thaws.
    scene.application.scheduling._run_one(scene.actor.tenant_id, None)
    assert words() == ["once"]
    assert logged(result).status == "completed"
    assert logged(result).attempts == 2


def test_of_a_cancel_and_a_run_exactly_one_wins(scene: Scene) -> None:
    application, tenant_id = scene.application, scene.actor.tenant_id
    for number in range(ROUNDS):
        result = scene.schedule(Write(aggregate_id=uuid4(), word=f"{number}"), at=LATER)
        cancel = partial(
            application.scheduling.cancel, tenant_id, result.command_id, user="olga", reason=""
        )
        ran, cancelled = at_once(partial(scene.run, now=LATER), cancel)
        status = logged(result).status
        assert (f"{number}" in words()) is (status == "completed")
        assert isinstance(cancelled, NotCancellable) is (status == "completed")
        assert status in ("completed", "cancelled")
        assert not isinstance(ran, Exception)
        assert len(words()) == len(set(words()))


def test_a_command_that_is_cancelled_while_it_is_tried_is_not_done(scene: Scene) -> None:
    """Claimed, not yet begun: the cancel is in time."""
    result = scene.schedule(Write(aggregate_id=uuid4(), word="never"), at=LATER)
    application, tenant_id = scene.application, scene.actor.tenant_id
    due = application.pending_commands.claim_due(tenant_id, LATER)
    assert due is not None
    application.scheduling.cancel(tenant_id, result.command_id, user="olga", reason="")
    envelope = application.scheduling._logged.envelope(due)
    assert envelope is not None
    application.scheduling._logged.do(envelope, due.attempts)
    assert words() == []
    assert logged(result).status == "cancelled"
    assert logged(result).result == {"cancelled_by": "olga", "reason": ""}


def test_the_same_command_scheduled_at_once_is_kept_once(scene: Scene) -> None:
    command_id, command = uuid4(), Write(aggregate_id=uuid4(), word="once")
    send = partial(scene.schedule, command, command_id=command_id)
    results = at_once(*[send] * 8)
    assert all(isinstance(result, Result) for result in results), results
    assert sorted(result.replayed for result in results) == [False] + [True] * 7  # type: ignore[union-attr]
    scene.run()
    assert words() == ["once"]


def test_the_same_id_sent_now_and_for_later_at_once_is_one_command(scene: Scene) -> None:
    application: Application = scene.application
    actor: Actor = scene.actor
    for number in range(ROUNDS):
        command_id, command = uuid4(), Write(aggregate_id=uuid4(), word=f"{number}")
        now = partial(application.bus.send, command, actor=actor, command_id=command_id)
        later = partial(scene.schedule, command, command_id=command_id)
        results = at_once(now, later)
        scene.run()
        assert [type(result) for result in results].count(CommandIdReused) == 1, results
    assert sorted(words()) == sorted(f"{number}" for number in range(ROUNDS))
