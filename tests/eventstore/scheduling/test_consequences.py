"""What a command for later brings about, and which are kept for later at all."""

import logging
from decimal import Decimal
from uuid import uuid4

import pytest

from eventstore.application import Application, pipeline_from_settings
from eventstore.commands import Envelope, Result
from eventstore.errors import CommandIdReused, NotSchedulable, Refusal, ValidationFailed
from eventstore.models import (
    ProcessInstance,
    StoredCommand,
    StoredEvent,
    StoredStream,
)
from eventstore.pipeline import Proceed, Services
from ledger.transfers.commands import StartTransfer
from tests.eventstore.scheduling.domain import (
    PageFull,
    Scene,
    Whisper,
    Write,
    logged,
    register,
    schedule,
    statuses,
)
from tests.eventstore.support import World, stored_counts


@pytest.fixture(autouse=True)
def silence(caplog: pytest.LogCaptureFixture) -> None:
    """pytest-xdist cannot pass on what the log says of a failed command."""
    for name in ("reactions", "projections"):
        caplog.set_level(logging.CRITICAL, logger=f"daybook.{name}")


def test_a_transfer_for_later_is_drained_to_its_end(world: World) -> None:
    source, target = world.account("100.00"), world.account()
    transfer = StartTransfer(
        aggregate_id=uuid4(), from_account_id=source, to_account_id=target, amount=Decimal(69)
    )
    schedule(world, transfer)
    assert not ProcessInstance.objects.exists()

    assert world.application.scheduling.run_due() == 1

    assert ProcessInstance.objects.get().waits_for == ""
    assert StoredEvent.objects.latest("position").type == "transfer.completed"
    assert (world.balance(source), world.balance(target)) == (Decimal(31), Decimal(69))
    assert not StoredCommand.objects.exclude(status="completed").exists()


def test_its_events_name_its_sender_and_it(scene: Scene) -> None:
    correlation_id = uuid4()
    result = scene.later("signed", correlation_id=correlation_id)
    scene.run()
    event = StoredEvent.objects.get()
    assert f'"{correlation_id}"' in event.metadata
    assert f'"{result.command_id}"' in event.metadata
    assert '"mary"' in event.metadata
    assert StoredStream.objects.get().version == 1


def test_a_secret_is_never_kept_for_later(scene: Scene) -> None:
    with pytest.raises(NotSchedulable, match="without `at`"):
        scene.schedule(Whisper(aggregate_id=uuid4(), word="psst"))
    assert stored_counts() == (0, 0, 0)


def test_a_command_made_in_python_is_validated_when_it_is_scheduled(scene: Scene) -> None:
    with pytest.raises(ValidationFailed) as refused:
        scene.schedule(Write(aggregate_id=uuid4(), word=""))
    assert set(refused.value.errors) == {"word"}
    assert stored_counts() == (0, 0, 0)


class NotToday:
    """A team's own step, which refuses a word."""

    def __init__(self, proceed: Proceed, services: Services) -> None:
        self._proceed = proceed

    def __call__(self, envelope: Envelope) -> Result:
        if isinstance(envelope.command, Write) and envelope.command.word == "no":
            raise PageFull
        return self._proceed(envelope)


def test_a_refusal_while_it_is_scheduled_is_its_answer_and_nobody_elses(scene: Scene) -> None:
    application = Application(pipeline=[*pipeline_from_settings(), NotToday])
    register(application)
    refusing = Scene(application, scene.actor, scene.diary)
    waiting = scene.later("yes", after=3600)

    command, command_id = Write(aggregate_id=uuid4(), word="no"), uuid4()
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            refusing.schedule(command, command_id=command_id)
        assert refused.value.code == PageFull.code
    with pytest.raises(CommandIdReused):
        refusing.later("no", after=3600, command_id=waiting.command_id)

    assert statuses() == {"refused": 1, "pending": 1}
    assert logged(waiting).status == "pending"
