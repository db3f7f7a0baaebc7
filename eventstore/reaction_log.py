"""The durable to-do list of process managers and effects, and every statement on it.

A reaction is claimed before it is tried: its attempt is counted and its lease set, in a commit of
its own, so that one which kills its worker is known for it. Who has appended, or done a step, has
claimed at once what follows from it. Leases save work and decide nothing: whatever is stored of a
reaction compares `status` and `attempts` first, so that of two who hold one, one is too late.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from eventstore.attempts import ATTEMPTS, LOOK_AGAIN, told, wait_after
from eventstore.commands import Instance
from eventstore.database import Database

# Lock an instance and read its oldest step that is open, with its event. The row that was locked
# is read as it is now, the reaction as it was when the statement began: FINISH_STEP finds out.
NEXT_STEP = """
SELECT p.state::text, r.id, r.uid, r.kind, r.name, r.data::text, r.status, r.attempts,
       r.error = '', r."user", r.correlation_id,
       s.category, s.aggregate_id, e.version, e.schema_version, e.data::text
FROM eventstore_process AS p
JOIN LATERAL (
    SELECT * FROM eventstore_reaction AS open
    WHERE open.tenant_id = p.tenant_id AND open.process = p.process
      AND open.instance_id = p.instance_id AND open.status <> 'done' AND open.kind <> 'effect'
    ORDER BY open.id LIMIT 1
) AS r ON true
LEFT JOIN eventstore_event AS e ON e.position = r.event_id
LEFT JOIN eventstore_stream AS s ON s.id = e.stream_id
WHERE p.tenant_id = %s AND p.process = %s AND p.instance_id = %s
FOR UPDATE OF p NOWAIT
"""

# End a step: its state, commands and effects, all or, where somebody else was faster, nothing.
FINISH_STEP = """
WITH done AS (
    UPDATE eventstore_reaction SET status = 'done', error = '', ended_at = clock_timestamp()
    WHERE id = %(reaction_id)s AND status = 'pending' AND attempts = %(attempts)s
    RETURNING id, tenant_id, process, instance_id, "user", correlation_id
), advanced AS (
    UPDATE eventstore_process AS p
    SET state = %(state)s::json, waits_for = %(waits_for)s, updated_at = clock_timestamp()
    FROM done
    WHERE p.tenant_id = done.tenant_id AND p.process = done.process
      AND p.instance_id = done.instance_id
), sent AS (
    INSERT INTO eventstore_command
        (tenant_id, id, type, data, fingerprint, aggregate_id, "user", correlation_id,
         causation_id, status, due_at, attempts, lease_until, reaction_id, code, received_at)
    SELECT done.tenant_id, c.id, c.type, c.data::json, c.fingerprint, c.aggregate_id, done."user",
           done.correlation_id, %(causation_id)s, 'pending', clock_timestamp(), 1,
           clock_timestamp() + %(lease)s, done.id, '', clock_timestamp()
    FROM done, unnest(%(ids)s::uuid[], %(types)s::text[], %(data)s::text[],
        %(fingerprints)s::bytea[], %(aggregate_ids)s::uuid[])
        WITH ORDINALITY AS c(id, type, data, fingerprint, aggregate_id, n)
    ORDER BY c.n
), asked AS (
    INSERT INTO eventstore_reaction
        (tenant_id, process, instance_id, kind, name, data, cause_id, "user", correlation_id,
         attempts, lease_until, created_at)
    SELECT done.tenant_id, done.process, done.instance_id, 'effect', f.name, f.data::json, done.id,
           done."user", done.correlation_id, 0, clock_timestamp(), clock_timestamp()
    FROM done, unnest(%(effects)s::text[], %(effect_data)s::text[])
        WITH ORDINALITY AS f(name, data, n)
    ORDER BY f.n
)
SELECT id FROM done
"""

# Set aside what was claimed five times by somebody who did not live to say what came of it.
PARK_FATAL = """
UPDATE eventstore_reaction
SET status = 'parked', ended_at = clock_timestamp(),
    error = coalesce(nullif(error, ''), 'Each process that tried it ended before it was done.')
WHERE id IN (
    SELECT id FROM eventstore_reaction
    WHERE status = 'pending' AND lease_until <= statement_timestamp() AND attempts >= %s
    FOR UPDATE SKIP LOCKED)
"""

# Claim a step that nobody is doing: the oldest open one of its instance.
CLAIM_STEP = """
UPDATE eventstore_reaction
SET attempts = attempts + 1, lease_until = clock_timestamp() + %s
WHERE id = (
    SELECT r.id FROM eventstore_reaction AS r
    WHERE r.status = 'pending' AND r.kind <> 'effect' AND r.lease_until <= statement_timestamp()
      AND r.attempts < %s
      AND NOT EXISTS (
        SELECT FROM eventstore_reaction AS earlier
        WHERE earlier.tenant_id = r.tenant_id AND earlier.process = r.process
          AND earlier.instance_id = r.instance_id AND earlier.id < r.id
          AND earlier.status <> 'done' AND earlier.kind <> 'effect')
    ORDER BY r.lease_until LIMIT 1
    FOR UPDATE SKIP LOCKED)
RETURNING id, attempts, tenant_id, process, instance_id
"""

CLAIM_EFFECT = """
UPDATE eventstore_reaction
SET attempts = attempts + 1, lease_until = clock_timestamp() + %s
WHERE id = (
    SELECT id FROM eventstore_reaction
    WHERE status = 'pending' AND kind = 'effect' AND lease_until <= statement_timestamp()
      AND attempts < %s
    ORDER BY lease_until LIMIT 1
    FOR UPDATE SKIP LOCKED)
RETURNING id, attempts, tenant_id, process, instance_id, uid, name, data::text, correlation_id
"""

# Of a claim whose step somebody else was at: it was no attempt.
GIVE_BACK = """
UPDATE eventstore_reaction SET attempts = attempts - 1, lease_until = clock_timestamp() + %s
WHERE id = %s AND status = 'pending' AND attempts = %s
"""

RENEW = """
UPDATE eventstore_reaction SET lease_until = clock_timestamp() + %s
WHERE id = %s AND status = 'pending' AND attempts = %s
"""

# End an effect, and let its process manager react to that. The instance's row is locked before the
# reaction's id is drawn, so that reactions commit in the order of their ids.
FINISH_EFFECT = """
WITH done AS (
    UPDATE eventstore_reaction SET status = 'done', error = '', ended_at = clock_timestamp()
    WHERE id = %s AND status = 'pending' AND attempts = %s
    RETURNING *
), instance AS (
    SELECT p.id FROM done JOIN eventstore_process AS p USING (tenant_id, process, instance_id)
    FOR UPDATE OF p
)
INSERT INTO eventstore_reaction
    (tenant_id, process, instance_id, kind, name, data, cause_id, "user", correlation_id,
     attempts, lease_until, created_at)
SELECT done.tenant_id, done.process, done.instance_id, 'outcome', done.name, %s::json, done.id,
       done."user", done.correlation_id, 1, clock_timestamp() + %s, clock_timestamp()
FROM done, instance
RETURNING id
"""

# Note why it failed; try it again later, or set it aside.
NOTE_FAULT = """
UPDATE eventstore_reaction
SET error = %s, lease_until = clock_timestamp() + %s,
    status = CASE WHEN attempts >= %s THEN 'parked' ELSE status END,
    ended_at = CASE WHEN attempts >= %s THEN clock_timestamp() END
WHERE id = %s AND status = 'pending' AND attempts = %s
"""

# Leave an instance's steps to whoever comes next.
RELEASE = """
UPDATE eventstore_reaction SET lease_until = clock_timestamp()
WHERE tenant_id = %s AND process = %s AND instance_id = %s AND status = 'pending' AND attempts = 1
  AND kind <> 'effect'
"""

# Do again what was set aside. Of a refusal that is the command: to hear of it twice would lead
# nowhere, and once the cause is removed, the command may do what the process waits for.
RETRY = """
WITH parked AS (
    UPDATE eventstore_reaction
    SET status = CASE kind WHEN 'refusal' THEN 'done' ELSE 'pending' END,
        attempts = 0, lease_until = clock_timestamp(),
        ended_at = CASE kind WHEN 'refusal' THEN clock_timestamp() END
    WHERE tenant_id = %s AND id = %s AND status = 'parked'
    RETURNING tenant_id, kind, data
), command AS (
    UPDATE eventstore_command AS c
    SET status = 'pending', attempts = 0, lease_until = clock_timestamp(), ended_at = NULL,
        code = '', result = NULL
    FROM parked
    WHERE parked.kind = 'refusal' AND c.tenant_id = parked.tenant_id
      AND c.id = (parked.data ->> 'command_id')::uuid AND c.status IN ('refused', 'overridden')
)
SELECT kind FROM parked
"""


class Claimed(NamedTuple):
    """A reaction that this process may do, until its lease runs out."""

    id: int
    attempts: int
    instance: Instance


class ClaimedEffect(NamedTuple):
    """An effect that this process may perform; `uid` is its stable id, `data` its JSON."""

    claimed: Claimed
    uid: UUID
    name: str
    data: str
    correlation_id: UUID


class StoredTrigger(NamedTuple):
    """The event that an instance has to react to, as it is stored; the type is the step's name."""

    category: str
    aggregate_id: UUID
    version: int
    schema_version: int
    data: str


class Step(NamedTuple):
    """An instance's oldest open step, as it is stored."""

    state: str | None
    id: int
    uid: UUID
    kind: str
    name: str
    data: str | None
    status: str
    attempts: int
    #: Whether no attempt at it has failed.
    untried: bool
    user: str
    correlation_id: UUID
    #: None for an outcome, and for an event that is not in the event table.
    event: StoredTrigger | None


class ReactionLog:
    def __init__(
        self, database: Database, *, lease_seconds: float, retry_after: Sequence[float]
    ) -> None:
        """`retry_after` are the seconds to wait after the first failure, the second, and so on."""
        self._database = database
        self.lease = timedelta(seconds=lease_seconds)
        self._retry_after = retry_after

    def next_step(self, instance: Instance) -> Step | None:
        """The oldest open step of an instance, whose row is locked; None: nothing is open.

        Raises OperationalError (55P03) at once where somebody else holds the row.
        """
        row = self._database.row(NEXT_STEP, instance)
        if row is None:
            return None
        of_step, of_event = row[:-5], row[-5:]
        event = None if of_event[-1] is None else StoredTrigger(*of_event)
        return Step._make((*of_step, event))

    def finish_step(self, parameters: dict[str, Any]) -> bool:
        """Whether the step was still to be done, and is done now; see FINISH_STEP."""
        return self._database.row(FINISH_STEP, parameters | {"lease": self.lease}) is not None

    def claim_step(self) -> Claimed | None:
        row = self._database.row(CLAIM_STEP, (self.lease, ATTEMPTS))
        return Claimed(row[0], row[1], Instance(*row[2:])) if row else None

    def claim_effect(self) -> ClaimedEffect | None:
        row = self._database.row(CLAIM_EFFECT, (self.lease, ATTEMPTS))
        if row is None:
            return None
        return ClaimedEffect(Claimed(row[0], row[1], Instance(*row[2:5])), *row[5:])

    def give_back(self, claimed: Claimed) -> None:
        """Undo a claim that came to nothing, for the next one in a moment."""
        parameters = (timedelta(seconds=LOOK_AGAIN), claimed.id, claimed.attempts)
        self._database.execute(GIVE_BACK, parameters)

    def renew(self, claimed: Claimed) -> None:
        self._database.execute(RENEW, (self.lease, claimed.id, claimed.attempts))

    def finish_effect(self, claimed: Claimed, outcome: str) -> bool:
        """Whether it was still ours to end; `outcome` is JSON for the process manager."""
        parameters = (claimed.id, claimed.attempts, outcome, self.lease)
        return self._database.row(FINISH_EFFECT, parameters) is not None

    def note_fault(self, claimed: Claimed, error: Exception) -> None:
        wait = wait_after(claimed.attempts, self._retry_after)
        parameters = (told(error), wait, ATTEMPTS, ATTEMPTS, claimed.id, claimed.attempts)
        self._database.execute(NOTE_FAULT, parameters)

    def park_fatal(self) -> None:
        self._database.execute(PARK_FATAL, (ATTEMPTS,))

    def release(self, instance: Instance) -> None:
        self._database.execute(RELEASE, instance)

    def retry(self, tenant_id: UUID, reaction_id: int) -> bool:
        """Whether it was set aside, and is to be done again."""
        return self._database.row(RETRY, (tenant_id, reaction_id)) is not None
