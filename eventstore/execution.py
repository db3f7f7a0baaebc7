"""What happens to a command inside its transaction: claim, handler, rows."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db import InterfaceError, OperationalError

from eventstore.active_modes import ActiveModes
from eventstore.command_log import Claim
from eventstore.commands import Envelope, RecordedEventReference, Result
from eventstore.database import Database
from eventstore.drafts import Recording
from eventstore.errors import ProjectionFailed
from eventstore.events import Event, Origin, RecordedEvent
from eventstore.fault_points import reach
from eventstore.loading import AggregateLoader
from eventstore.overrides import Overrides
from eventstore.pipeline import Services
from eventstore.process_managers import ProcessManagers
from eventstore.projections import Mode, Projection, Projections
from eventstore.repository import Repository
from eventstore.rows import TenantRows
from eventstore.store import EventStore
from eventstore.wakeups import Wakeups, Work

logger = logging.getLogger("daybook.projections")


@dataclass(frozen=True, slots=True)
class CommandExecution:
    """The innermost step: claim, handler, rows. Runs inside the transaction of its caller."""

    services: Services
    store: EventStore
    loader: AggregateLoader
    projections: Projections
    modes: ActiveModes
    processes: ProcessManagers
    overrides: Overrides
    wakeups: Wakeups

    def __call__(self, envelope: Envelope) -> Result:
        command_type = self.services.command_types.of(type(envelope.command))
        log = self.services.command_log
        # Claimed before anything is decided: a late claim would let a second sender of the
        # same id be refused by the effects of the first.
        claim = log.claim(command_type, envelope)
        if claim is None:
            return log.replay(command_type, envelope)
        reach("command.claimed")
        repository = self._repository(envelope, claim)
        override = self.overrides.handler(envelope.actor.tenant_id, command_type.command_class)
        (override or command_type.handler)(envelope.command, repository)
        reach("command.handled")
        is_overridden = override is not None and not repository.recorded
        if repository.recorded:
            inline = self.modes.inline()
            project_inline(self.services.database, inline, repository.recorded)
        else:
            log.end_unchanged(
                command_type, envelope, is_overridden=is_overridden, detail=repository.detail
            )
        reach("command.projected")
        self.services.database.after_commit(repository.keep)
        if self._feeds_background(repository.recorded):
            self.wakeups.wake(Work.PROJECTIONS)
        result = self._result(envelope, repository.recorded, is_overridden=is_overridden)
        return replace(result, detail=repository.detail) if repository.detail else result

    def _feeds_background(self, recorded: Sequence[RecordedEvent[Event]]) -> bool:
        """Whether a worker's projection takes one of the events."""
        types = {type(envelope.event) for envelope in recorded}
        accepts = self.projections.accepts
        return any(
            types.intersection(projection.events)
            for projection in self.projections
            if accepts(projection.name, Mode.ASYNC)
        )

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

    def _result(
        self, envelope: Envelope, recorded: Sequence[RecordedEvent[Event]], *, is_overridden: bool
    ) -> Result:
        target = envelope.command.aggregate_id
        of_target = [event for event in recorded if event.aggregate_id == target]
        caused = self.processes.instances(recorded)
        if envelope.sender and not recorded:
            caused = [envelope.sender.instance]
        return Result(
            command_id=envelope.command_id,
            status="overridden" if is_overridden else "completed",
            category=of_target[-1].category if of_target else None,
            aggregate_id=target,
            version=of_target[-1].version if of_target else None,
            position=recorded[-1].position if recorded else None,
            correlation_id=envelope.correlation_id,
            created=bool(of_target) and of_target[0].version == 1,
            events=tuple(
                RecordedEventReference(
                    type=event.type, version=event.version, position=event.position
                )
                for event in recorded
            ),
            caused=tuple(caused),
        )


def project_inline(
    database: Database, projections: Iterable[Projection], recorded: Sequence[RecordedEvent[Event]]
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
    rows = TenantRows(database, projection, recorded[0].tenant_id)
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
