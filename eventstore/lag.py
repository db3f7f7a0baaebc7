"""How far the background is behind: projections, what is due, what is set aside, and who holds up.

Only read, by operators' pages and probes; nothing is decided by it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from eventstore.database import Database
from eventstore.high_water_mark import HighWaterMark
from eventstore.projections import Mode, Projection, Projections

# Where each registered projection stands, up to the mark. One that no worker has met yet has no
# row: it stands at the beginning, as it is registered. Events are counted up to a bound; of their
# age only the oldest one is asked. An inline one has no checkpoint, and is never behind.
STANDINGS = """
SELECT r.name, coalesce(s.mode, r.mode), coalesce(s.generation, 1), coalesce(s.status, 'active'),
       CASE WHEN coalesce(s.mode, r.mode) = 'inline' THEN %(settled)s::bigint
            ELSE coalesce(s.position, 0) END,
       %(head)s::bigint, %(settled)s::bigint, behind.events,
       greatest(extract(epoch FROM clock_timestamp() - oldest.recorded_at), 0)::float8,
       s.failed_position, failed.tenant_id, coalesce(s.attempts, 0),
       CASE WHEN s.status = 'active' AND s.lease_until > statement_timestamp()
            THEN s.lease_until END,
       coalesce(s.error, ''), s.as_of, s.due_at,
       CASE WHEN s.mode = 'scheduled' THEN extract(
           epoch FROM clock_timestamp() - coalesce(s.due_at, s.updated_at))::float8 ELSE 0 END
FROM unnest(%(names)s::text[], %(modes)s::text[]) WITH ORDINALITY AS r(name, mode, place)
LEFT JOIN eventstore_subscription AS s ON s.projection = r.name
LEFT JOIN eventstore_event AS failed ON failed.position = s.failed_position
CROSS JOIN LATERAL (
    SELECT count(*) AS events FROM (
        SELECT FROM eventstore_event AS e
        WHERE coalesce(s.mode, r.mode) <> 'inline'
          AND e.position > coalesce(s.position, 0) AND e.position <= %(settled)s::bigint
        LIMIT %(most)s::bigint) AS counted) AS behind
LEFT JOIN LATERAL (
    SELECT e.recorded_at FROM eventstore_event AS e
    WHERE behind.events > 0
      AND e.position > coalesce(s.position, 0) AND e.position <= %(settled)s::bigint
    ORDER BY e.position LIMIT 1) AS oldest ON true
ORDER BY r.place
"""

# The transaction whose lock names the lowest floor, where positions were drawn above it: nobody
# may read on before it ends. Its age is the transaction's; a prepared one has no process, and
# PostgreSQL tells the age of another role's to monitoring roles alone.
HOLDER = """
SELECT l.pid,
       extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, p.prepared))::float8
FROM pg_locks AS l
LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
LEFT JOIN pg_prepared_xacts AS p ON l.virtualtransaction = '-1/' || p.transaction::text
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.classid::bigint >> 16 = 3499
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.classid::bigint << 32 | l.objid::bigint) - (3499::bigint << 48) < %s::bigint
ORDER BY l.classid::bigint, l.objid::bigint, a.xact_start LIMIT 1
"""

# Commands of the log that are due, whoever sends them, and for how many seconds the oldest has
# been; not what stands behind one of the same step that was given up.
DUE_COMMANDS = """
SELECT count(*),
       coalesce(extract(epoch FROM statement_timestamp() - min(since)), 0)::float8
FROM (
    SELECT greatest(due_at, received_at) AS since FROM eventstore_command AS due
    WHERE status IN ('scheduled', 'pending') AND due_at <= statement_timestamp()
      AND NOT EXISTS (
        SELECT FROM eventstore_command AS earlier
        WHERE earlier.reaction_id = due.reaction_id AND earlier.status = 'failed')
    ORDER BY due_at LIMIT %s::bigint) AS due
"""

# Reactions and effects that are due, likewise; of an instance's steps only the first.
DUE_REACTIONS = """
SELECT count(*),
       coalesce(extract(epoch FROM statement_timestamp() - min(lease_until)), 0)::float8
FROM (
    SELECT lease_until FROM eventstore_reaction AS due
    WHERE status = 'pending' AND lease_until <= statement_timestamp()
      AND (kind = 'effect' OR NOT EXISTS (
        SELECT FROM eventstore_reaction AS earlier
        WHERE earlier.tenant_id = due.tenant_id AND earlier.process = due.process
          AND earlier.instance_id = due.instance_id AND earlier.id < due.id
          AND earlier.status <> 'done' AND earlier.kind <> 'effect'))
    ORDER BY lease_until LIMIT %s::bigint) AS due
"""

# What was given up and waits for an operator.
SET_ASIDE = """
SELECT
    (SELECT count(*) FROM (
        SELECT FROM eventstore_reaction WHERE status = 'parked' LIMIT %(most)s::bigint) AS r),
    (SELECT count(*) FROM (
        SELECT FROM eventstore_command
        WHERE status = 'failed' LIMIT %(most)s::bigint) AS c),
    (SELECT count(*) FROM eventstore_subscription WHERE status = 'stopped')
"""

# Of each projection the last run that has ended, where it ended badly: one that was done since has
# made that good. Not runs of only some rows, nor those that somebody has broken off himself.
ENDED_BADLY = """
SELECT projection, kind, status FROM (
    SELECT DISTINCT ON (projection) projection, kind, status FROM eventstore_rebuild
    WHERE projection = ANY(%s) AND tenant_id IS NULL AND status IN ('done', 'differs', 'failed')
      AND error !~ '^(KeyboardInterrupt|SystemExit):'
    ORDER BY projection, id DESC) AS last
WHERE status <> 'done' ORDER BY projection
"""

# Runs that were asked for and nobody begins, while none is at work: a runner does one at a time.
DUE_REBUILDS = """
SELECT count(*),
       coalesce(extract(epoch FROM statement_timestamp() - min(asked_at)), 0)::float8
FROM eventstore_rebuild
WHERE status = 'waiting' AND projection = ANY(%s) AND NOT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND classid = 3500 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""

#: What is counted, is counted up to here: more is as bad, and takes longer.
MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Mark:
    """`head` is the last position drawn; no event at or below `settled` comes later."""

    settled: int
    head: int


@dataclass(frozen=True, slots=True)
class Holder:
    """The transaction that the mark waits for. `pid` None: a prepared one; `seconds`: its age,
    None where PostgreSQL does not tell it to this role."""

    pid: int | None
    seconds: float | None


class ProjectionLag(NamedTuple):
    """Where a projection stands, and what it still has to read; in the order of STANDINGS.

    `mode` is the active one. `error` is the traceback of the last attempt at `failed_position`,
    and may hold data of `failed_tenant_id`, which is None while that event is in cold storage.
    """

    name: str
    mode: Mode
    generation: int
    status: str
    position: int
    head: int
    settled: int
    lag_events: int
    lag_seconds: float
    failed_position: int | None
    failed_tenant_id: UUID | None
    attempts: int
    retry_at: datetime | None
    error: str
    as_of: datetime | None
    due_at: datetime | None
    #: Scheduled: seconds since it was due, negative before.
    overdue_seconds: float
    registered_mode: Mode
    #: Scheduled: seconds between two runs, as registered.
    every: float | None

    @property
    def is_inline(self) -> bool:
        return self.mode is Mode.INLINE

    @property
    def is_exact(self) -> bool:
        """Whether `lag_events` are all."""
        return self.lag_events < MOST_COUNTED


class Backlog(NamedTuple):
    """What is due and nobody has done: how much, and for how many seconds the oldest."""

    size: int
    oldest_seconds: float


class SetAside(NamedTuple):
    """How many were given up."""

    reactions: int
    commands: int
    projections: int


class EndedBadly(NamedTuple):
    """The last run of a projection, `rebuild`, `check` or `fix`: `failed`, or `differs`."""

    projection: str
    kind: str
    status: str


class Lag:
    def __init__(self, database: Database, projections: Projections) -> None:
        self._database = database
        self._projections = projections
        self._mark = HighWaterMark(database)

    def mark(self) -> Mark:
        # The head last, so that it is never below the mark.
        settled = self._mark.settled()
        return Mark(settled=settled, head=self._mark.ceiling())

    def holder(self) -> Holder | None:
        """Who holds the mark back; None: nobody."""
        row = self._database.row(HOLDER, (self._mark.ceiling(),))
        return None if row is None else Holder(*row)

    def projections(self, *, count_up_to: int = MOST_COUNTED) -> list[ProjectionLag]:
        """All that are registered, in the order of their registration."""
        return self._lags(self._projections, count_up_to)

    def projection(self, name: str) -> ProjectionLag | None:
        """One; None: none of this name is registered."""
        named = self._projections.named(name)
        return None if named is None else self._lags([named], MOST_COUNTED)[0]

    def due_commands(self) -> Backlog:
        return self._backlog(DUE_COMMANDS)

    def due_reactions(self) -> Backlog:
        return self._backlog(DUE_REACTIONS)

    def set_aside(self) -> SetAside:
        row = self._database.row(SET_ASIDE, {"most": MOST_COUNTED})
        assert row is not None, "this SELECT has one row"
        return SetAside(*row)

    def ended_badly(self) -> list[EndedBadly]:
        names = [projection.name for projection in self._projections]
        return [EndedBadly(*row) for row in self._database.rows(ENDED_BADLY, (names,))]

    def due_rebuilds(self) -> Backlog:
        return self._backlog(DUE_REBUILDS, [projection.name for projection in self._projections])

    def _backlog(self, statement: str, parameter: int | list[str] = MOST_COUNTED) -> Backlog:
        row = self._database.row(statement, (parameter,))
        assert row is not None, "an aggregate always has its one row"
        return Backlog(*row)

    def _lags(self, projections: Iterable[Projection], most: int) -> list[ProjectionLag]:
        names = [projection.name for projection in projections]
        modes = [self._projections.mode_of(name).value for name in names]
        # Before the rows, in statements of its own: see `eventstore.high_water_mark`.
        mark = self.mark()
        parameters = {"names": names, "modes": modes, "most": most}
        parameters |= {"settled": mark.settled, "head": mark.head}
        return [self._lag(row) for row in self._database.rows(STANDINGS, parameters)]

    def _lag(self, row: tuple[Any, ...]) -> ProjectionLag:
        name, mode, *rest = row
        active = Mode(mode)
        is_accepted = self._projections.accepts(name, active)
        registered = active if is_accepted else self._projections.mode_of(name)
        every = self._projections.intervals.get(name)
        return ProjectionLag._make((name, active, *rest, registered, every))
