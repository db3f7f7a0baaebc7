"""The steps around every command, outermost first, as `EVENTSTORE["PIPELINE"]` lists them.

A step is made once, with the next step (`proceed`) and the services it may use, and called for
each command, like Django's middleware. To add one of your own:

    class OnlyInOfficeHours:
        def __init__(self, proceed: Proceed, services: Services) -> None:
            self._proceed = proceed

        def __call__(self, envelope: Envelope) -> Result:
            ...
            return self._proceed(envelope)
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from django.db import InterfaceError, OperationalError

from eventstore.command_log import CommandLog
from eventstore.command_types import CommandTypes
from eventstore.commands import Envelope, Result
from eventstore.database import LOCK_TIMEOUT, Database, sqlstate
from eventstore.errors import (
    Busy,
    DaybookError,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    Refusal,
    ReplayedRefusal,
    WrongExpectedVersion,
)
from eventstore.fault_points import reach
from eventstore.validation import validated

logger = logging.getLogger("daybook.commands")

Proceed = Callable[[Envelope], Result]

#: How often one command is tried when others get in its way.
ATTEMPTS = 5

#: Errors after which PostgreSQL is known to have rolled back, and trying again makes sense:
#: serialization failure, deadlock, lock timeout.
RETRYABLE = frozenset({"40001", "40P01", LOCK_TIMEOUT})


@dataclass(frozen=True, slots=True)
class Services:
    """What a step may use."""

    database: Database
    command_types: CommandTypes
    command_log: CommandLog


class Step(Protocol):
    """A class in `EVENTSTORE["PIPELINE"]`."""

    def __init__(self, proceed: Proceed, services: Services) -> None: ...

    def __call__(self, envelope: Envelope) -> Result: ...


class LogEachCommand:
    """One line for each command, with ids and milliseconds, never a payload."""

    def __init__(self, proceed: Proceed, services: Services) -> None:
        self._proceed = proceed
        self._command_types = services.command_types

    def __call__(self, envelope: Envelope) -> Result:
        started = time.perf_counter()
        outcome = "error"
        try:
            result = self._proceed(envelope)
            outcome = "replayed" if result.replayed else result.status
            return result
        except DaybookError as error:
            outcome = error.code
            raise
        finally:
            milliseconds = (time.perf_counter() - started) * 1000
            logger.info("command", extra=self._line(envelope, outcome, milliseconds))

    def _line(self, envelope: Envelope, outcome: str, milliseconds: float) -> dict[str, object]:
        return {
            "command": self._command_types.of(type(envelope.command)).name,
            "command_id": envelope.command_id,
            "tenant_id": envelope.actor.tenant_id,
            "aggregate_id": envelope.command.aggregate_id,
            "correlation_id": envelope.correlation_id,
            **({"process_manager": envelope.sender.instance.process} if envelope.sender else {}),
            "outcome": outcome,
            "ms": round(milliseconds, 1),
        }


class Authorise:
    """Only who has one of the command's roles gets any further, and every process manager."""

    def __init__(self, proceed: Proceed, services: Services) -> None:
        self._proceed = proceed
        self._command_types = services.command_types

    def __call__(self, envelope: Envelope) -> Result:
        command_type = self._command_types.of(type(envelope.command))
        if envelope.sender:
            return self._proceed(envelope)
        if command_type.only_processes:
            raise NotFound(f"command {command_type.name}")
        if envelope.actor.role not in command_type.roles:
            roles = " or ".join(sorted(command_type.roles))
            raise Forbidden(f"send {command_type.name} as {envelope.actor.role}; it takes {roles}")
        return self._proceed(envelope)


class Validate:
    """Every field within its bounds and in its normal form, also when made in Python."""

    def __init__(self, proceed: Proceed, services: Services) -> None:
        self._proceed = proceed

    def __call__(self, envelope: Envelope) -> Result:
        return self._proceed(replace(envelope, command=validated(envelope.command)))


class Retry:
    """The whole command again, on fresh state, when others got in its way."""

    def __init__(self, proceed: Proceed, services: Services) -> None:
        self._proceed = proceed

    def __call__(self, envelope: Envelope) -> Result:
        attempt = 1
        while True:
            try:
                return self._proceed(replace(envelope, attempt=attempt))
            except WrongExpectedVersion:
                if attempt == ATTEMPTS:
                    raise
            except (OperationalError, InterfaceError) as error:
                # A worker's command stands in the log: it waits for a lock once, not five times,
                # and comes again later.
                waits = envelope.is_in_log and sqlstate(error) == LOCK_TIMEOUT
                if attempt == ATTEMPTS or waits or sqlstate(error) not in RETRYABLE:
                    raise Busy(type(error.__cause__).__name__) from error
            attempt += 1


class StoreRefusals:
    """A refusal has rolled everything back; keep it as the command's one answer."""

    def __init__(self, proceed: Proceed, services: Services) -> None:
        self._proceed = proceed
        self._database = services.database
        self._command_types = services.command_types
        self._command_log = services.command_log

    def __call__(self, envelope: Envelope) -> Result:
        started = time.perf_counter()
        try:
            return self._proceed(envelope)
        except ReplayedRefusal:
            raise
        except Refusal as refusal:
            command_type = self._command_types.of(type(envelope.command))
            seconds = time.perf_counter() - started
            reach("refusal.begun")
            with whole_transaction(self._database, envelope.command_id):
                stored = self._command_log.refuse(command_type, envelope, refusal, after=seconds)
                reach("refusal.stored")
            reach("refusal.committed")
            if stored:
                raise
            # Between our rollback and now, the same id was answered elsewhere.
            return self._command_log.replay(command_type, envelope)


class InTransaction:
    """One database transaction around claim, handler, append and inline rows."""

    def __init__(self, proceed: Proceed, services: Services) -> None:
        self._proceed = proceed
        self._database = services.database
        self._command_types = services.command_types

    def __call__(self, envelope: Envelope) -> Result:
        command_type = self._command_types.of(type(envelope.command))
        is_kept_for_later = envelope.due_at is not None and not envelope.is_in_log
        if command_type.prepare and not is_kept_for_later:
            command_type.prepare(envelope.command, envelope.actor.tenant_id)
        with whole_transaction(self._database, envelope.command_id):
            return self._proceed(envelope)


@contextmanager
def whole_transaction(database: Database, command_id: UUID) -> Iterator[None]:
    """One transaction; raises OutcomeUnknown when the connection breaks at its COMMIT."""
    committing = False
    try:
        with database.transaction():
            yield
            if database.connection.needs_rollback:
                # As after a savepoint that could not be rolled back, because the connection is
                # gone. Django would roll back and say nothing, and the sender be told: completed.
                raise Busy("the transaction is broken")
            committing = True
    except (OperationalError, InterfaceError) as error:
        if committing and sqlstate(error) not in RETRYABLE:
            raise OutcomeUnknown(command_id) from error
        raise
