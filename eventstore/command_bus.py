"""Sends commands: through the pipeline's steps to the handler, and back with a result."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import InterfaceError, OperationalError

from eventstore.command_log import Claim
from eventstore.commands import Command, Envelope, RecordedEventReference, Result
from eventstore.database import Database
from eventstore.drafts import Recording
from eventstore.errors import ProjectionFailed
from eventstore.events import Event, Origin, RecordedEvent
from eventstore.loading import AggregateLoader
from eventstore.pipeline import Proceed, Services, Step
from eventstore.projections import Projection, Projections
from eventstore.repository import Repository
from eventstore.rows import InlineRows
from eventstore.store import EventStore
from eventstore.tenancy import Actor

logger = logging.getLogger("daybook.projections")


@dataclass(frozen=True, slots=True)
class CommandExecution:
    """The innermost step: claim, handler, rows. Runs inside the transaction of its caller."""

    services: Services
    store: EventStore
    loader: AggregateLoader
    projections: Projections

    def __call__(self, envelope: Envelope) -> Result:
        command_type = self.services.command_types.of(type(envelope.command))
        log = self.services.command_log
        # Claimed before anything is decided: a late claim would let a second sender of the
        # same id be refused by the effects of the first.
        claim = log.claim(command_type.name, envelope)
        if claim is None:
            return log.replay(command_type.name, envelope)
        repository = self._repository(envelope, claim)
        command_type.handler(envelope.command, repository)
        if repository.recorded:
            project_inline(self.services.database, self.projections, repository.recorded)
        else:
            log.complete(envelope)
        self.services.database.after_commit(repository.keep)
        return _result(envelope, repository.recorded)

    def _repository(self, envelope: Envelope, claim: Claim) -> Repository:
        origin = Origin(
            user=envelope.actor.user,
            correlation_id=envelope.correlation_id,
            causation_id=envelope.command_id,
        )
        return Repository(
            self.store,
            self.loader,
            Recording(
                tenant_id=envelope.actor.tenant_id,
                origin=origin,
                recorded_at=claim.received_at,
                command_id=envelope.command_id,
            ),
            target_id=envelope.command.aggregate_id,
            target_head=claim.target_head,
            expected_version=envelope.expected_version,
            in_line=envelope.attempt > 1,
        )


def project_inline(
    database: Database, projections: Projections, recorded: Sequence[RecordedEvent[Event]]
) -> None:
    """Bring every inline projection up to date; raises ProjectionFailed.

    All projections run in the order of their registration, so that commands lock rows alike.
    """
    types = {type(envelope.event) for envelope in recorded}
    for projection in projections:
        if types.intersection(projection.events):
            _project(database, projection, recorded)


def _project(
    database: Database, projection: Projection, recorded: Sequence[RecordedEvent[Event]]
) -> None:
    rows = InlineRows(database, projection, recorded[0].tenant_id)
    position = recorded[0].position
    try:
        for envelope in recorded:
            position = envelope.position
            if type(envelope.event) in projection.events:
                projection.project(envelope, rows)
        rows.flush()
    except (OperationalError, InterfaceError):
        raise  # A deadlock or a lost connection is not the projection's fault: the retry decides.
    except Exception as error:
        # Whatever a team's projection raises refuses the command, and is seen in the log.
        place = {"projection": projection.name, "position": position}
        logger.exception("projection_failed", extra=place)
        raise ProjectionFailed(projection.name, position) from error


def _result(envelope: Envelope, recorded: Sequence[RecordedEvent[Event]]) -> Result:
    target = envelope.command.aggregate_id
    of_target = [event for event in recorded if event.aggregate_id == target]
    return Result(
        command_id=envelope.command_id,
        status="completed",
        category=of_target[-1].category if of_target else None,
        aggregate_id=target,
        version=of_target[-1].version if of_target else None,
        position=recorded[-1].position if recorded else None,
        correlation_id=envelope.correlation_id,
        created=bool(of_target) and of_target[0].version == 1,
        events=tuple(
            RecordedEventReference(type=event.type, version=event.version, position=event.position)
            for event in recorded
        ),
    )


class CommandBus:
    """The one way in for commands, whoever sends them."""

    def __init__(
        self, execution: Proceed, services: Services, steps: Sequence[type[Step]]
    ) -> None:
        """`steps` stand outermost first, as in `EVENTSTORE["PIPELINE"]`."""
        proceed = execution
        for step in reversed(steps):
            proceed = step(proceed, services)
        self._first_step = proceed

    def send(
        self,
        command: Command,
        *,
        actor: Actor,
        command_id: UUID | None = None,
        expected_version: int | None = None,
        correlation_id: UUID | None = None,
        causation_id: UUID | None = None,
        client_fields: frozenset[str] | None = None,
    ) -> Result:
        """Do the command once, and answer the same whenever its `command_id` comes again.

        Raises a Refusal when the domain says no, and other DaybookErrors when nothing was stored.
        """
        command_id = command_id or uuid4()
        return self._first_step(
            Envelope(
                command=command,
                command_id=command_id,
                actor=actor,
                correlation_id=correlation_id or command_id,
                causation_id=causation_id,
                expected_version=expected_version,
                client_fields=client_fields,
            )
        )
