"""The checkpoints of projections, and every statement on them.

A checkpoint moves in the transaction that writes the rows, and only for whoever holds the row's
lock, finds the same mode and generation, and started where it stands: of two workers, one is too
late, and rolls its rows back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from eventstore.attempts import ATTEMPTS, storable, wait_after
from eventstore.database import Database
from eventstore.projections import Mode, Projections

# Make the rows that are missing, in the modes that are registered.
ENSURE = """
WITH missing AS MATERIALIZED (
    SELECT name, mode FROM unnest(%s::text[], %s::text[]) AS r(name, mode)
    WHERE NOT EXISTS (SELECT FROM eventstore_subscription WHERE projection = name)
), turn AS MATERIALIZED (
    SELECT pg_advisory_xact_lock(3502, 0) FROM missing LIMIT 1
)
INSERT INTO eventstore_subscription
    (projection, mode, generation, position, status, attempts, error)
SELECT name, mode, 1, 0, 'active', 0, '' FROM missing, turn
ORDER BY name
ON CONFLICT (projection) DO NOTHING
"""

# What a worker may find work for among the registered ones, and whether its row is there: in async
# mode where a position was drawn since, else by time.
DUE = """
SELECT r.name, s.projection IS NOT NULL
FROM unnest(%s::text[]) AS r(name)
LEFT JOIN eventstore_subscription AS s ON s.projection = r.name
WHERE s.projection IS NULL
   OR s.status = 'active' AND (s.lease_until IS NULL OR s.lease_until <= statement_timestamp())
      AND (s.mode = 'async' AND s.position < coalesce(
              pg_sequence_last_value('eventstore_event_position_seq'), 0)
           OR s.mode = 'scheduled' AND (s.due_at IS NULL OR s.due_at <= statement_timestamp()))
ORDER BY r.name
"""

# Take a subscription for one transaction, or none where somebody else has it. Who is frozen in it
# loses it soon. Its commit need not wait for the disk: what a crash of the server takes back, rows
# and checkpoint together, is done again. For tables that somebody has locked it waits shortly: the
# other projections have their turn.
TAKE = """
SELECT projection, mode, generation, position, status, attempts,
       coalesce(lease_until > clock_timestamp(), false),
       coalesce(mode = 'scheduled' AND due_at > clock_timestamp(), false), clock_timestamp(),
       set_config('idle_in_transaction_session_timeout', %s, true),
       set_config('synchronous_commit', 'off', true),
       set_config('lock_timeout', '500ms', true)
FROM eventstore_subscription
WHERE projection = %s
FOR UPDATE SKIP LOCKED
"""
# The same, for a reader who needs it: he waits for whoever has it.
TAKE_IN_LINE = TAKE.replace("SKIP LOCKED", "")

ADVANCE = """
UPDATE eventstore_subscription
SET position = %(position)s, attempts = 0, failed_position = NULL, error = '', lease_until = NULL,
    as_of = coalesce(%(as_of)s, as_of), due_at = coalesce(%(as_of)s + %(every)s, due_at),
    updated_at = clock_timestamp()
WHERE projection = %(projection)s AND mode = %(mode)s AND generation = %(generation)s
  AND position = %(before)s AND status = 'active'
"""

# An event could not be projected: try again later, or stop there. Or something is in the way that
# is no event's fault: try again later, however often.
NOTE_FAULT = """
UPDATE eventstore_subscription
SET attempts = attempts + %(count)s, failed_position = %(failed)s, error = %(error)s,
    lease_until = clock_timestamp() + %(wait)s, updated_at = clock_timestamp(),
    status = CASE WHEN attempts + %(count)s >= %(most)s THEN 'stopped' ELSE status END
WHERE projection = %(projection)s AND generation = %(generation)s AND position = %(before)s
  AND attempts = %(attempts)s AND status = 'active'
"""

# What an operator does, and the record of it, in one statement; nothing in any other status.
ACT = """
WITH acted AS (
    UPDATE eventstore_subscription AS s
    SET status = %(status)s, attempts = 0, lease_until = NULL,
        error = CASE WHEN %(ends_failure)s THEN '' ELSE s.error END,
        failed_position = CASE WHEN %(ends_failure)s THEN NULL ELSE s.failed_position END,
        position = CASE WHEN %(action)s::text = 'skip' THEN s.failed_position ELSE s.position END,
        updated_at = clock_timestamp()
    FROM (SELECT projection, error, failed_position, position FROM eventstore_subscription
          WHERE projection = %(projection)s FOR UPDATE) AS before
    WHERE s.projection = before.projection AND s.status = ANY(%(from)s)
      AND s.mode <> 'inline' AND (s.failed_position IS NOT NULL OR NOT %(ends_failure)s)
      AND (%(failed)s::bigint IS NULL OR s.failed_position = %(failed)s)
    RETURNING before.error,
              CASE WHEN %(action)s::text = 'skip' THEN before.failed_position
                   ELSE s.position END AS at
)
INSERT INTO eventstore_subscription_action (projection, action, position, error, "user", reason)
SELECT %(projection)s, %(action)s::text, acted.at, acted.error, %(user)s, %(reason)s FROM acted
RETURNING position
"""

# A projection that no code has any more; its rows, if its table is there, stay as they are.
FORGET = """
WITH forgotten AS (
    DELETE FROM eventstore_subscription WHERE projection = %(projection)s
    RETURNING projection, position, error
)
INSERT INTO eventstore_subscription_action (projection, action, position, error, "user", reason)
SELECT projection, 'forget', position, error, %(user)s, %(reason)s FROM forgotten
RETURNING position
"""

# New rows are in place: whoever works for the older generation cannot write any more. What was
# stopped goes on, since what it stopped at is in these rows.
RENEW = """
UPDATE eventstore_subscription
SET generation = %(generation)s, mode = %(mode)s::text, position = %(position)s, attempts = 0,
    failed_position = NULL, error = '', lease_until = NULL, as_of = %(as_of)s,
    status = CASE WHEN %(mode)s::text = 'inline' OR status = 'stopped'
                  THEN 'active' ELSE status END,
    updated_at = clock_timestamp()
WHERE projection = %(projection)s
"""

STANDING = """
SELECT mode, status, position, as_of,
       coalesce(pg_sequence_last_value('eventstore_event_position_seq'), 0)
FROM eventstore_subscription WHERE projection = %s
"""

#: In seconds: how long a batch may think between two statements.
MOST_IDLE = 10
#: Characters that are kept of a traceback: its end.
MOST_TOLD = 8000


class Taken(NamedTuple):
    """A subscription whose row this transaction has locked."""

    projection: str
    mode: Mode
    generation: int
    position: int
    status: str
    attempts: int
    #: Whether an attempt has failed, and the next one is not due.
    is_waiting: bool
    #: Whether its next run is not due: somebody has just done it.
    is_early: bool
    taken_at: datetime


class Standing(NamedTuple):
    """What a reader of rows needs to know. `head` is the last position drawn."""

    mode: Mode
    status: str
    position: int
    as_of: datetime | None
    head: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What an operator does to a projection, from which statuses, and what it is in then."""

    action: str
    done: str
    status: str
    possible: tuple[str, ...]
    #: Whether it is about an event that could not be projected.
    ends_failure: bool = False


PAUSE = Act(action="pause", done="paused", status="paused", possible=("active", "stopped"))
RESUME = Act(action="resume", done="resumed", status="active", possible=("paused",))
RETRY = Act(
    action="retry",
    done="retried",
    status="active",
    possible=("active", "stopped", "paused"),
    ends_failure=True,
)
SKIP = Act(
    action="skip",
    done="skipped",
    status="active",
    possible=("active", "stopped", "paused"),
    ends_failure=True,
)


class SubscriptionLog:
    def __init__(
        self, database: Database, projections: Projections, *, retry_after: Sequence[float]
    ) -> None:
        self._database = database
        self._projections = projections
        self._retry_after = retry_after

    def ensure(self) -> None:
        """See to it that each registered projection has its row."""
        names = [projection.name for projection in self._projections]
        modes = [self._projections.mode_of(name).value for name in names]
        self._database.execute(ENSURE, (names, modes))

    def due(self) -> list[str]:
        """Of the registered ones; makes the rows that are missing."""
        names = [projection.name for projection in self._projections]
        found = self._database.rows(DUE, (names,))
        if not all(is_there for _, is_there in found):
            self.ensure()
            found = self._database.rows(DUE, (names,))
        return [name for name, _ in found]

    def take(self, projection: str, *, in_line: bool = False) -> Taken | None:
        """None where somebody else has it, or where there is no row."""
        statement = TAKE_IN_LINE if in_line else TAKE
        row = self._database.row(statement, (f"{MOST_IDLE}s", projection))
        return None if row is None else Taken(row[0], Mode(row[1]), *row[2:9])

    def advance(self, taken: Taken, position: int, as_of: datetime | None = None) -> bool:
        """Whether it still stood where it was taken, and stands at `position` now."""
        every = self._projections.intervals.get(taken.projection, 0.0)
        parameters = {
            "projection": taken.projection,
            "mode": taken.mode.value,
            "generation": taken.generation,
            "before": taken.position,
            "position": position,
            "as_of": as_of,
            "every": timedelta(seconds=every),
        }
        return self._database.execute(ADVANCE, parameters).rowcount > 0

    def note_fault(self, taken: Taken, failed: int | None, error: str) -> bool:
        """Whether it stands where it was taken; it is stopped after the fifth time.

        `failed` None: no event is to blame, and it is never stopped.
        """
        count = int(failed is not None)
        parameters = {
            "projection": taken.projection,
            "generation": taken.generation,
            "before": taken.position,
            "attempts": taken.attempts,
            "failed": failed,
            "count": count,
            "error": storable(error[-MOST_TOLD:], MOST_TOLD),
            "wait": wait_after(count * taken.attempts + 1, self._retry_after),
            "most": ATTEMPTS,
        }
        return self._database.execute(NOTE_FAULT, parameters).rowcount > 0

    def act(
        self, act: Act, projection: str, *, user: str, reason: str, failed: int | None = None
    ) -> int | None:
        """Do what an operator wants; the position it was done at, or None where it cannot be.

        `failed`: only where it has stopped at this position.
        """
        parameters = {
            "projection": projection,
            "action": act.action,
            "status": act.status,
            "from": list(act.possible),
            "ends_failure": act.ends_failure,
            "user": user,
            "reason": reason,
            "failed": failed,
        }
        row = self._database.row(ACT, parameters)
        return None if row is None else row[0]

    def forget(self, projection: str, *, user: str, reason: str) -> bool:
        """Whether it was there."""
        parameters = {"projection": projection, "user": user, "reason": reason}
        return self._database.row(FORGET, parameters) is not None

    def renew(
        self, projection: str, generation: int, position: int, as_of: datetime | None
    ) -> None:
        """Rows of a new generation, in the registered mode, with all events up to `position`."""
        mode = self._projections.mode_of(projection)
        parameters = {
            "projection": projection,
            "generation": generation,
            "mode": mode.value,
            "position": position if mode is not Mode.INLINE else 0,
            "as_of": as_of if mode is Mode.SCHEDULED else None,
        }
        self._database.execute(RENEW, parameters)

    def standing(self, projection: str) -> Standing | None:
        row = self._database.row(STANDING, (projection,))
        return None if row is None else Standing(Mode(row[0]), *row[1:])
