"""The command log: claims each command id once, and keeps its answer for the next sender."""

from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from eventstore.commands import Envelope, RecordedEventReference, Result
from eventstore.database import Database
from eventstore.errors import CommandIdReused, Refusal, ReplayedRefusal
from eventstore.serialization import decode_json, encode, encode_text, to_builtins
from eventstore.store import StreamHead

# Take the command id, or learn that it is taken; waits while another transaction holds it.
# The row says `completed` from the start: nobody sees it before the transaction commits, and a
# status that does not change later spares every index of the table a second entry.
# On the way back it brings the head of the target's stream as it was when the claim began: a
# cached aggregate that stands there needs no round trip of its own. If it has moved on since, the
# append finds out, and the command is tried again; a refusal holds for that moment.
CLAIM = """
WITH claimed AS (
    INSERT INTO eventstore_command
        (tenant_id, id, type, data, fingerprint, aggregate_id, expected_version, "user",
         correlation_id, causation_id, attempts, status, code, received_at)
    VALUES (%s, %s, %s, %s::json, %s, %s, %s, %s, %s, %s, %s, 'completed', '', clock_timestamp())
    ON CONFLICT (tenant_id, id) DO NOTHING
    RETURNING tenant_id, aggregate_id, received_at
)
SELECT c.received_at, s.category, s.status, s.version, s.head_hash, s.incarnation
FROM claimed AS c
LEFT JOIN eventstore_stream AS s
    ON s.tenant_id = c.tenant_id AND s.aggregate_id = c.aggregate_id
"""

# Keep a refusal as the command's answer, unless somebody else has answered it meanwhile.
REFUSE = """
INSERT INTO eventstore_command
    (tenant_id, id, type, data, fingerprint, aggregate_id, expected_version, "user",
     correlation_id, causation_id, attempts, status, code, result, received_at, ended_at)
VALUES (%s, %s, %s, %s::json, %s, %s, %s, %s, %s, %s, %s, 'refused', %s, %s::jsonb,
        clock_timestamp() - make_interval(secs => %s), clock_timestamp())
ON CONFLICT (tenant_id, id) DO NOTHING
RETURNING number
"""

# End a command that appended nothing; the append call ends the others.
COMPLETE = """
UPDATE eventstore_command SET ended_at = clock_timestamp() WHERE tenant_id = %s AND id = %s
"""

# The stored answer of a command id.
STORED_ANSWER = """
SELECT fingerprint, status, aggregate_id, correlation_id, code, result::text
FROM eventstore_command WHERE tenant_id = %s AND id = %s
"""


def fingerprint(type_name: str, envelope: Envelope) -> bytes:
    """SHA-256 over the name and the fields that the sender filled in, before defaults.

    An honest retry must have the same one, so nothing that we generate or hash goes in.
    """
    values = to_builtins(envelope.command)
    sent = envelope.client_fields
    fields = {name: values[name] for name in sorted(values) if sent is None or name in sent}
    return sha256(encode([type_name, fields])).digest()


class Claim(NamedTuple):
    """A command id taken: the database's time then, and where its target's stream stood."""

    received_at: datetime
    target_head: StreamHead | None


class CommandLog:
    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, type_name: str, envelope: Envelope) -> Claim | None:
        """Take the command id; None where it is taken."""
        row = self._database.row(CLAIM, _identity(type_name, envelope))
        if row is None:
            return None
        received_at, *head = row
        return Claim(received_at, StreamHead(*head) if head[0] is not None else None)

    def complete(self, envelope: Envelope) -> None:
        """End a command that changed nothing."""
        self._database.execute(COMPLETE, (envelope.actor.tenant_id, envelope.command_id))

    def refuse(
        self, type_name: str, envelope: Envelope, refusal: Refusal, *, after: float
    ) -> bool:
        """Store the refusal as the answer; False where the id was answered meanwhile.

        `after` is how many seconds ago the command came; its claim was rolled back.
        """
        answer = encode_text({"detail": str(refusal)})
        parameters = (*_identity(type_name, envelope), refusal.code, answer, after)
        return self._database.row(REFUSE, parameters) is not None

    def replay(self, type_name: str, envelope: Envelope) -> Result:
        """The first answer again: a Result, or the refusal raised as ReplayedRefusal.

        Raises CommandIdReused when the id was used for other content.
        """
        row = self._database.row(STORED_ANSWER, (envelope.actor.tenant_id, envelope.command_id))
        if row is None:
            raise LookupError(f"command {envelope.command_id} was claimed and is not in the log")
        stored_fingerprint, status, aggregate_id, correlation_id, code, answer = row
        if bytes(stored_fingerprint) != fingerprint(type_name, envelope):
            raise CommandIdReused(envelope.command_id)
        stored = decode_json(answer) if answer else {}
        if status == "refused":
            raise ReplayedRefusal(code, stored["detail"])
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
        )


def _identity(type_name: str, envelope: Envelope) -> tuple[Any, ...]:
    """The columns that a claim and a refusal write alike."""
    return (
        envelope.actor.tenant_id,
        envelope.command_id,
        type_name,
        encode_text(envelope.command),
        fingerprint(type_name, envelope),
        envelope.command.aggregate_id,
        envelope.expected_version,
        envelope.actor.user,
        envelope.correlation_id,
        envelope.causation_id,
        envelope.attempt,
    )
