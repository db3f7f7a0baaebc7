"""Commands that stand in the log and are to be done: from process managers, and for later.

They are claimed as reactions are (see `eventstore.reaction_log`), and done like any command, under
the id that they have.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
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

# The tenants with something scheduled that is due, by the database's clock or at another time.
TENANTS_DUE = """
SELECT t.id FROM eventstore_tenant AS t
WHERE EXISTS (
    SELECT FROM eventstore_command AS c
    WHERE c.tenant_id = t.id AND c.status IN ('scheduled', 'pending') AND c.reaction_id IS NULL
      AND c.due_at <= coalesce(%s, statement_timestamp()) AND c.attempts < %s
      AND (c.lease_until IS NULL OR c.lease_until <= statement_timestamp()))
ORDER BY t.id
"""

# Claim what has been due the longest in a tenant; of one aggregate nothing before what was due
# earlier there, however often that fails. OFFSET 0 keeps that a question about each row in turn,
# until one is found: as a join it would first read all that the tenant has waiting.
CLAIM_DUE = """
WITH due AS (
    SELECT number FROM eventstore_command AS next
    WHERE tenant_id = %(tenant_id)s AND status IN ('scheduled', 'pending') AND reaction_id IS NULL
      AND due_at <= coalesce(%(now)s, statement_timestamp()) AND attempts < %(most)s
      AND (lease_until IS NULL OR lease_until <= statement_timestamp())
      AND NOT EXISTS (
        SELECT FROM eventstore_command AS earlier
        WHERE earlier.tenant_id = next.tenant_id AND earlier.aggregate_id = next.aggregate_id
          AND earlier.status IN ('scheduled', 'pending') AND earlier.reaction_id IS NULL
          AND (earlier.due_at, earlier.number) < (next.due_at, next.number)
        OFFSET 0)
    ORDER BY due_at, number LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE eventstore_command AS c
SET attempts = c.attempts + 1, lease_until = clock_timestamp() + %(lease)s
FROM due
WHERE c.number = due.number
RETURNING c.id, c.type, c.data::text, c."user", c.correlation_id, c.causation_id, c.attempts,
          c.tenant_id, c.expected_version, c.due_at
"""

# Give up what was claimed five times by somebody who did not live to say what came of it.
FAIL_FATAL = """
UPDATE eventstore_command
SET status = 'failed', code = 'fatal', ended_at = clock_timestamp(),
    result = coalesce(result, '{"detail": "Each process that tried it ended before it was done."}')
WHERE number IN (
    SELECT number FROM eventstore_command
    WHERE status IN ('pending', 'scheduled') AND due_at <= statement_timestamp()
      AND lease_until <= statement_timestamp() AND attempts >= %s
    FOR UPDATE SKIP LOCKED)
"""

# Note why it could not be done; try it again later, or give it up.
NOTE_FAULT = """
UPDATE eventstore_command
SET code = %s, result = jsonb_build_object('detail', %s::text, 'error', %s::text),
    lease_until = clock_timestamp() + %s,
    status = CASE WHEN attempts >= %s THEN %s ELSE status END,
    ended_at = CASE WHEN attempts >= %s THEN clock_timestamp() END
WHERE tenant_id = %s AND id = %s AND status IN ('pending', 'scheduled') AND attempts = %s
"""

# Leave commands to whoever comes next.
RELEASE = """
UPDATE eventstore_command SET lease_until = clock_timestamp()
WHERE tenant_id = %s AND id = ANY(%s) AND status = 'pending' AND attempts = 1
"""

RETRY = """
UPDATE eventstore_command AS c
SET status = 'pending', attempts = 0, lease_until = clock_timestamp(), ended_at = NULL,
    code = '', result = NULL, due_at = least(due_at, clock_timestamp())
WHERE tenant_id = %s AND id = %s AND status = 'failed' AND NOT EXISTS (
    SELECT FROM eventstore_stream AS s
    WHERE s.tenant_id = c.tenant_id AND s.aggregate_id = c.aggregate_id AND s.status = 'boxed')
"""

CANCEL = """
UPDATE eventstore_command
SET status = 'cancelled', ended_at = clock_timestamp(), code = '',
    result = jsonb_build_object('cancelled_by', %s::text, 'reason', %s::text)
WHERE tenant_id = %s AND id = %s AND status = 'scheduled'
"""

DO_NOW = """
UPDATE eventstore_command
SET due_at = least(due_at, clock_timestamp()), lease_until = least(lease_until, clock_timestamp())
WHERE tenant_id = %s AND id = %s AND status IN ('scheduled', 'pending') AND reaction_id IS NULL
"""

STATUS = "SELECT status FROM eventstore_command WHERE tenant_id = %s AND id = %s"


#: What a sender reads of an error that is not ours.
UNEXPECTED = "An unexpected error. It is tried again, five times in all; operators see what it is."


class PendingCommand(NamedTuple):
    """A command as the log holds it; `data` is the JSON of its fields."""

    tenant_id: UUID
    id: UUID
    type_name: str
    data: str
    user: str
    correlation_id: UUID
    causation_id: UUID | None
    attempts: int
    #: None for a command for later, which has a time in its place.
    sender: Sender | None
    expected_version: int | None
    due_at: datetime | None


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
        return PendingCommand._make((sender.instance.tenant_id, *row[:7], sender, None, None))

    def tenants_due(self, now: datetime | None = None) -> list[UUID]:
        """Those with scheduled commands that are due, at `now` or by the database's clock."""
        return [tenant_id for (tenant_id,) in self._database.rows(TENANTS_DUE, (now, ATTEMPTS))]

    def claim_due(self, tenant_id: UUID, now: datetime | None = None) -> PendingCommand | None:
        """What a tenant has scheduled and nobody is doing, the oldest first."""
        parameters = {"tenant_id": tenant_id, "now": now, "most": ATTEMPTS, "lease": self._lease}
        row = self._database.row(CLAIM_DUE, parameters)
        if row is None:
            return None
        return PendingCommand._make((row[7], *row[:7], None, *row[8:]))

    def note_fault(
        self,
        tenant_id: UUID,
        command_id: UUID,
        attempts: int,
        error: Exception,
        *,
        is_final: bool = False,
    ) -> None:
        """Note it, for another attempt unless this was the last one; or `is_final`, as its answer.

        Senders see our own errors; what any other says is for operators, in the admin.
        """
        code, detail = "internal", UNEXPECTED
        if isinstance(error, DaybookError):
            code, detail = error.code, str(error)
        wait = wait_after(attempts, self._retry_after)
        most, ended = (attempts, "refused") if is_final else (ATTEMPTS, "failed")
        of_command = (most, ended, most, tenant_id, command_id, attempts)
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

    # For later -----------------------------------------------------------------------------------

    def cancel(self, tenant_id: UUID, command_id: UUID, *, user: str, reason: str) -> bool:
        """Whether it was scheduled, and will never be done."""
        parameters = (storable(user), storable(reason), tenant_id, command_id)
        return self._database.execute(CANCEL, parameters).rowcount > 0

    def do_now(self, tenant_id: UUID, command_id: UUID) -> bool:
        """Whether it was waiting for its time, and is due now."""
        return self._database.execute(DO_NOW, (tenant_id, command_id)).rowcount > 0

    def status(self, tenant_id: UUID, command_id: UUID) -> str | None:
        row = self._database.row(STATUS, (tenant_id, command_id))
        return None if row is None else row[0]
