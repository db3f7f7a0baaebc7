"""The command log: claims each command id once, and keeps its answer for the next sender."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from eventstore.command_content import fingerprint, stored_data
from eventstore.command_types import CommandType
from eventstore.commands import Envelope, RecordedEventReference, Result
from eventstore.database import Database
from eventstore.errors import Boxed, Busy, CommandIdReused, NotFound, Refusal, ReplayedRefusal
from eventstore.process_managers import CommandRefused
from eventstore.serialization import decode_json, encode_text
from eventstore.store import StreamHead

# Take the command id, or learn that it is taken; waits while another transaction holds it.
# The row says `completed` from the start: nobody sees it before the transaction commits, and a
# status that does not change later spares every index of the table a second entry.
# On the way back it brings the head of the target's stream as it was when the claim began: a
# cached aggregate that stands there needs no round trip of its own. If it has moved on since, the
# append finds out, and the command is tried again; a refusal holds for that moment.
# No constraint keeps rows from a tenant that is removed meanwhile, so each insert here asks.
CLAIM = """
WITH claimed AS (
    INSERT INTO eventstore_command
        (tenant_id, id, type, data, fingerprint, aggregate_id, expected_version, "user",
         correlation_id, causation_id, attempts, status, code, received_at)
    SELECT c.*, 'completed', '', clock_timestamp()
    FROM (VALUES (%s::uuid, %s::uuid, %s, %s::json, %s::bytea, %s::uuid, %s::bigint, %s, %s::uuid,
                  %s::uuid, %s::int)) AS c(tenant_id)
    WHERE EXISTS (SELECT FROM eventstore_tenant AS t WHERE t.id = c.tenant_id)
    ON CONFLICT (tenant_id, id) DO NOTHING
    RETURNING tenant_id, aggregate_id, received_at
)
SELECT c.received_at, s.category, s.status, s.version, s.head_hash, s.incarnation
FROM claimed AS c
LEFT JOIN eventstore_stream AS s
    ON s.tenant_id = c.tenant_id AND s.aggregate_id = c.aggregate_id
"""

# The same for a command that stands in the log and is to be done: a process manager's, or one for
# later.
CLAIM_PENDING = """
WITH claimed AS (
    UPDATE eventstore_command SET status = 'completed', code = '', result = NULL
    WHERE tenant_id = %s AND id = %s AND status IN ('pending', 'scheduled')
    RETURNING tenant_id, aggregate_id, clock_timestamp() AS claimed_at
)
SELECT c.claimed_at, s.category, s.status, s.version, s.head_hash, s.incarnation
FROM claimed AS c
LEFT JOIN eventstore_stream AS s
    ON s.tenant_id = c.tenant_id AND s.aggregate_id = c.aggregate_id
"""

# Keep a refusal as the command's answer, unless somebody else has answered it meanwhile.
REFUSE = """
INSERT INTO eventstore_command
    (tenant_id, id, type, data, fingerprint, aggregate_id, expected_version, "user",
     correlation_id, causation_id, attempts, status, code, result, received_at, ended_at)
SELECT c.*, 'refused', %s, %s::jsonb, clock_timestamp() - make_interval(secs => %s),
       clock_timestamp()
FROM (VALUES (%s::uuid, %s::uuid, %s, %s::json, %s::bytea, %s::uuid, %s::bigint, %s, %s::uuid,
              %s::uuid, %s::int)) AS c(tenant_id)
WHERE EXISTS (SELECT FROM eventstore_tenant AS t WHERE t.id = c.tenant_id)
ON CONFLICT (tenant_id, id) DO NOTHING
RETURNING number
"""

# The same for a command that was for later.
REFUSE_SCHEDULED = """
UPDATE eventstore_command
SET status = 'refused', code = %s, result = %s::jsonb, ended_at = clock_timestamp(),
    data = CASE WHEN %s THEN '{}' ELSE data END
WHERE tenant_id = %s AND id = %s AND status IN ('pending', 'scheduled')
RETURNING number
"""

# Keep a command for later; for a time that is past, as soon as somebody comes to it.
SCHEDULE = """
INSERT INTO eventstore_command
    (tenant_id, id, type, data, fingerprint, aggregate_id, expected_version, "user",
     correlation_id, causation_id, attempts, status, due_at, code, received_at)
SELECT c.*, 0, CASE WHEN %s <= clock_timestamp() THEN 'pending' ELSE 'scheduled' END, %s, '',
       clock_timestamp()
FROM (VALUES (%s::uuid, %s::uuid, %s, %s::json, %s::bytea, %s::uuid, %s::bigint, %s, %s::uuid,
              %s::uuid)) AS c(tenant_id)
WHERE EXISTS (SELECT FROM eventstore_tenant AS t WHERE t.id = c.tenant_id)
ON CONFLICT (tenant_id, id) DO NOTHING
RETURNING status
"""

# End a command that appended nothing; the append call ends the others.
END_UNCHANGED = """
UPDATE eventstore_command SET status = %s, result = %s::jsonb, ended_at = clock_timestamp()
WHERE tenant_id = %s AND id = %s
"""

# End a process manager's command that changed nothing, and let the process manager react to that.
# The instance's row is locked before the reaction's id is drawn, so that reactions commit in the
# order of their ids.
ANSWER_SENDER = """
WITH answered AS (
    UPDATE eventstore_command
    SET status = %(status)s, code = %(code)s, result = %(result)s::jsonb,
        ended_at = clock_timestamp()
    WHERE tenant_id = %(tenant_id)s AND id = %(command_id)s AND status = %(before)s
    RETURNING type, "user", correlation_id
), instance AS (
    SELECT p.tenant_id, p.process, p.instance_id
    FROM answered, eventstore_process AS p
    WHERE p.tenant_id = %(tenant_id)s AND p.process = %(process)s
      AND p.instance_id = %(instance_id)s
    FOR UPDATE OF p
)
INSERT INTO eventstore_reaction
    (tenant_id, process, instance_id, kind, name, data, "user", correlation_id, attempts,
     lease_until, created_at)
SELECT instance.tenant_id, instance.process, instance.instance_id, 'refusal', answered.type,
       %(outcome)s::json, answered."user", answered.correlation_id, 1,
       clock_timestamp() + %(lease)s, clock_timestamp()
FROM answered, instance
RETURNING id
"""

# The stored answer of a command id.
STORED_ANSWER = """
SELECT fingerprint, status, aggregate_id, correlation_id, code, result::text, due_at
FROM eventstore_command WHERE tenant_id = %s AND id = %s
"""


#: What a process manager's command is before a worker, or an operator's retry, has done it.
UNDONE = ("pending", "failed")
#: What a command for later is as long as it has no answer of its own.
WAITING = ("scheduled", "pending", "cancelled", "failed")


class Claim(NamedTuple):
    """A command id taken: the database's time then, and where its target's stream stood."""

    received_at: datetime
    target_head: StreamHead | None


class CommandLog:
    def __init__(self, database: Database, *, lease_seconds: float = 10) -> None:
        """`lease_seconds`: how long a reaction to a refusal is its sender's own."""
        self._database = database
        self._lease = timedelta(seconds=lease_seconds)

    def claim(self, command_type: CommandType, envelope: Envelope) -> Claim | None:
        """Take the command id; None where it is taken."""
        if envelope.is_in_log:
            row = self._database.row(CLAIM_PENDING, _key(envelope))
        else:
            row = self._database.row(CLAIM, _identity(command_type, envelope))
        if row is None:
            return None
        received_at, *head = row
        return Claim(received_at, StreamHead(*head) if head[0] is not None else None)

    def schedule(self, command_type: CommandType, envelope: Envelope) -> str | None:
        """Keep a command until it is due; its status then, or None where the id is taken."""
        due_at = envelope.due_at
        parameters = (due_at, due_at, *_identity(command_type, envelope)[:-1])
        row = self._database.row(SCHEDULE, parameters)
        return None if row is None else row[0]

    def end_unchanged(
        self,
        command_type: CommandType,
        envelope: Envelope,
        *,
        is_overridden: bool,
        detail: str = "",
    ) -> None:
        """End a command that recorded nothing, by the tenant's own handler or by everybody's.

        A process manager that has sent it is told: no event will say that it was done.
        """
        status = "overridden" if is_overridden else "completed"
        if envelope.sender:
            code = "overridden" if is_overridden else "nothing_changed"
            outcome = _refused(command_type, envelope, code, "")
            self._answer_sender(envelope, status, outcome, before="completed")
        else:
            answer = encode_text({"detail": detail}) if detail else None
            self._database.execute(END_UNCHANGED, (status, answer, *_key(envelope)))

    def refuse(
        self, command_type: CommandType, envelope: Envelope, refusal: Refusal, *, after: float
    ) -> bool:
        """Store the refusal as the answer; False where the id was answered meanwhile.

        `after` is how many seconds ago the command came; its claim was rolled back.
        """
        if envelope.sender:
            refused = _refused(command_type, envelope, refusal.code, str(refusal))
            return self._answer_sender(envelope, "refused", refused, before="pending")
        answer = encode_text({"detail": str(refusal)})
        # What is asked of an aggregate in cold storage is not kept outside of it.
        is_boxed = isinstance(refusal, Boxed)
        if envelope.is_in_log:
            told = (refusal.code, answer, is_boxed, *_key(envelope))
            return self._database.row(REFUSE_SCHEDULED, told) is not None
        identity = _identity(command_type, envelope)
        if is_boxed:  # In the place of `data` among the columns.
            identity = (*identity[:3], "{}", *identity[4:])
        parameters = (refusal.code, answer, after, *identity)
        return self._database.row(REFUSE, parameters) is not None

    def _answer_sender(
        self, envelope: Envelope, status: str, refused: CommandRefused, *, before: str
    ) -> bool:
        assert envelope.sender, "a command from outside has no process manager that waits for it"
        parameters = {
            **envelope.sender.instance._asdict(),
            "command_id": envelope.command_id,
            "status": status,
            "before": before,
            "code": refused.code if status == "refused" else "",
            "result": encode_text({"detail": refused.detail}),
            "outcome": encode_text(refused),
            "lease": self._lease,
        }
        return self._database.row(ANSWER_SENDER, parameters) is not None

    def replay(self, command_type: CommandType, envelope: Envelope) -> Result:
        """The first answer again: a Result, or the refusal raised as ReplayedRefusal.

        Raises CommandIdReused when the id was used for other content; what comes from the log
        has the content that is there.
        """
        row = self._database.row(STORED_ANSWER, _key(envelope))
        if row is None:
            # It could not be claimed, and is not there: its tenant was removed.
            raise NotFound("tenant any more that this command could be for")
        stored_fingerprint, status, aggregate_id, correlation_id, code, answer, due_at = row
        sent = fingerprint(command_type, envelope.command, envelope.client_fields, envelope.due_at)
        if bytes(stored_fingerprint) != sent and not envelope.is_in_log:
            raise CommandIdReused(envelope.command_id)
        stored = decode_json(answer) if answer else {}
        if status == "refused":
            raise ReplayedRefusal(code, stored["detail"])
        if status in UNDONE and not envelope.due_at:
            raise Busy(f"the command is {status} and not done yet")
        return Result(
            command_id=envelope.command_id,
            status=status,
            category=stored.get("category"),
            aggregate_id=aggregate_id,
            version=stored.get("version"),
            position=stored.get("position"),
            correlation_id=correlation_id,
            events=tuple(RecordedEventReference(**event) for event in stored.get("events", ())),
            created=stored.get("created", False),
            replayed=True,
            due_at=due_at if status in WAITING else None,
            detail=stored.get("detail", "") if status == "completed" else "",
        )


def _key(envelope: Envelope) -> tuple[Any, Any]:
    return envelope.actor.tenant_id, envelope.command_id


def _refused(
    command_type: CommandType, envelope: Envelope, code: str, detail: str
) -> CommandRefused:
    return CommandRefused(
        command=command_type.name,
        command_id=envelope.command_id,
        aggregate_id=envelope.command.aggregate_id,
        code=code,
        detail=detail,
    )


def _identity(command_type: CommandType, envelope: Envelope) -> Sequence[Any]:
    """The columns that a claim and a refusal write alike."""
    return (
        *_key(envelope),
        command_type.name,
        stored_data(command_type, envelope.command),
        fingerprint(command_type, envelope.command, envelope.client_fields, envelope.due_at),
        envelope.command.aggregate_id,
        envelope.expected_version,
        envelope.actor.user,
        envelope.correlation_id,
        envelope.causation_id,
        envelope.attempt,
    )
