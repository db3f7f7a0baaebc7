"""Commands that stand in the log and are to be done: those that process managers have sent.

They are claimed as reactions are (see `eventstore.reaction_log`), and done like any command, under
the id that they have.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from eventstore.attempts import ATTEMPTS, storable, told, wait_after
from eventstore.commands import Envelope, Instance, Sender
from eventstore.database import Database
from eventstore.errors import DaybookError

# Claim a command of a process manager that nobody is doing: of each step the first that is open.
CLAIM = """
WITH due AS (
    SELECT number FROM eventstore_command AS next
    WHERE status = 'pending' AND reaction_id IS NOT NULL AND due_at <= statement_timestamp()
      AND lease_until <= statement_timestamp() AND attempts < %s
      AND NOT EXISTS (
        SELECT FROM eventstore_command AS earlier
        WHERE earlier.reaction_id = next.reaction_id AND earlier.number < next.number
          AND earlier.status IN ('pending', 'failed'))
    ORDER BY due_at LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE eventstore_command AS c
SET attempts = c.attempts + 1, lease_until = clock_timestamp() + %s
FROM due, eventstore_reaction AS r
WHERE c.number = due.number AND r.id = c.reaction_id
RETURNING c.id, c.type, c.data::text, c."user", c.correlation_id, c.causation_id, c.attempts,
          r.id, r.tenant_id, r.process, r.instance_id
"""

# Give up what was claimed five times by somebody who did not live to say what came of it.
FAIL_FATAL = """
UPDATE eventstore_command
SET status = 'failed', code = 'fatal', ended_at = clock_timestamp(),
    result = coalesce(result, '{"detail": "Each process that tried it ended before it was done."}')
WHERE number IN (
    SELECT number FROM eventstore_command
    WHERE status = 'pending' AND reaction_id IS NOT NULL AND due_at <= statement_timestamp()
      AND lease_until <= statement_timestamp() AND attempts >= %s
    FOR UPDATE SKIP LOCKED)
"""

# Note why it could not be done; try it again later, or give it up.
NOTE_FAULT = """
UPDATE eventstore_command
SET code = %s, result = jsonb_build_object('detail', %s::text, 'error', %s::text),
    lease_until = clock_timestamp() + %s,
    status = CASE WHEN attempts >= %s THEN 'failed' ELSE status END,
    ended_at = CASE WHEN attempts >= %s THEN clock_timestamp() END
WHERE tenant_id = %s AND id = %s AND status = 'pending' AND attempts = %s
"""

# Leave commands to whoever comes next.
RELEASE = """
UPDATE eventstore_command SET lease_until = clock_timestamp()
WHERE tenant_id = %s AND id = ANY(%s) AND status = 'pending' AND attempts = 1
"""

RETRY = """
UPDATE eventstore_command
SET status = 'pending', attempts = 0, lease_until = clock_timestamp(), ended_at = NULL,
    code = '', result = NULL
WHERE tenant_id = %s AND id = %s AND status = 'failed' AND reaction_id IS NOT NULL
"""


#: What a sender reads of an error that is not ours.
UNEXPECTED = "An unexpected error. It is tried again, five times in all; operators see what it is."


class PendingCommand(NamedTuple):
    """A command as the log holds it; `data` is the JSON of its fields."""

    sender: Sender
    id: UUID
    type_name: str
    data: str
    user: str
    correlation_id: UUID
    causation_id: UUID | None
    attempts: int


class PendingCommands:
    def __init__(
        self, database: Database, *, lease_seconds: float, retry_after: Sequence[float]
    ) -> None:
        self._database = database
        self._lease = timedelta(seconds=lease_seconds)
        self._retry_after = retry_after

    def claim(self) -> PendingCommand | None:
        row = self._database.row(CLAIM, (ATTEMPTS, self._lease))
        if row is None:
            return None
        sender = Sender(reaction_id=row[7], instance=Instance(*row[8:]))
        return PendingCommand(sender, *row[:7])

    def note_fault(
        self, tenant_id: UUID, command_id: UUID, attempts: int, error: Exception
    ) -> None:
        """Senders see our own errors; what any other says is for operators, in the admin."""
        code, detail = "internal", UNEXPECTED
        if isinstance(error, DaybookError):
            code, detail = error.code, str(error)
        wait = wait_after(attempts, self._retry_after)
        of_command = (ATTEMPTS, ATTEMPTS, tenant_id, command_id, attempts)
        self._database.execute(
            NOTE_FAULT, (code, storable(detail), told(error), wait, *of_command)
        )

    def release(self, envelopes: Sequence[Envelope]) -> None:
        """Leave these, of one tenant, to whoever comes next."""
        ids = [envelope.command_id for envelope in envelopes]
        self._database.execute(RELEASE, (envelopes[0].actor.tenant_id, ids))

    def fail_fatal(self) -> None:
        self._database.execute(FAIL_FATAL, (ATTEMPTS,))

    def retry(self, tenant_id: UUID, command_id: UUID) -> bool:
        """Whether it was given up, and is to be done again."""
        return self._database.execute(RETRY, (tenant_id, command_id)).rowcount > 0
