"""Does a command that stands in the log: on its way again, and what came of it noted with it."""

import logging
from collections.abc import Sequence

from eventstore.command_types import CommandTypes
from eventstore.commands import Envelope, Instance
from eventstore.database import Database
from eventstore.errors import (
    DaybookError,
    EventTooLarge,
    Forbidden,
    NotFound,
    Refusal,
    StaleVersion,
    ValidationFailed,
)
from eventstore.fault_points import reach
from eventstore.pending_commands import PendingCommand, PendingCommands
from eventstore.pipeline import Proceed
from eventstore.serialization import decode_as
from eventstore.tenancy import Actor, Role

logger = logging.getLogger("daybook.reactions")

#: What a sender would have been told at once. No second attempt would end otherwise.
FINAL = (EventTooLarge, Forbidden, NotFound, StaleVersion, ValidationFailed)


class LoggedCommands:
    def __init__(
        self,
        database: Database,
        *,
        pending: PendingCommands,
        command_types: CommandTypes,
        deliver: Proceed,
    ) -> None:
        self._database = database
        self._pending = pending
        self._command_types = command_types
        self._deliver = deliver

    def envelope(self, pending: PendingCommand, role: Role = Role.MEMBER) -> Envelope | None:
        """The command on its way again; None, and noted, where this code does not know it."""
        try:
            command_type = self._command_types.stored_as(pending.type_name)
            command = decode_as(command_type.command_class, pending.data)
        except DaybookError as error:
            self._pending.note_fault(pending.tenant_id, pending.id, pending.attempts, error)
            return None
        return Envelope(
            command=command,
            command_id=pending.id,
            actor=Actor(tenant_id=pending.tenant_id, user=pending.user, role=role),
            correlation_id=pending.correlation_id,
            causation_id=pending.causation_id,
            expected_version=pending.expected_version,
            sender=pending.sender,
            due_at=pending.due_at,
            is_in_log=True,
        )

    def do(self, envelope: Envelope, attempts: int = 1) -> Sequence[Instance] | None:
        """Do a command; what has to react to it, or to its refusal.

        None: it could not be done, which is noted with it.
        """
        try:
            caused = self._deliver(envelope).caused
            reach("command.committed")
            return caused
        except Refusal:
            return [envelope.sender.instance] if envelope.sender else []
        except Exception as error:
            # A handler's, a projection's or the database's fault: it is tried again, or set aside.
            if not isinstance(error, DaybookError):
                logger.exception("command_failed", extra={"command_id": envelope.command_id})
            self._database.close_if_broken()
            self._pending.note_fault(
                envelope.actor.tenant_id,
                envelope.command_id,
                attempts,
                error,
                is_final=envelope.due_at is not None and isinstance(error, FINAL),
            )
            return None
