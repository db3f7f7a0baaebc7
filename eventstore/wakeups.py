"""Calls workers to work, after the commit that has made some.

`NOTIFY` reaches whoever listens at once (`manage.py worker`). Who cannot listen is called through
`enqueue`, at most once until he begins: a row of `eventstore_wakeup` tells that he was called. All
of it may be lost, and costs time then, not work: what is to be done stands in tables of its own,
and workers also look by themselves.
"""

import logging
from collections.abc import Callable
from enum import StrEnum
from functools import partial

from eventstore.attempts import ATTEMPTS
from eventstore.database import LOCK_TIMEOUT, Database, sqlstate
from eventstore.projections import Mode, Projections

logger = logging.getLogger("daybook.wakeups")

#: Where `NOTIFY` is heard; the payload is the kind of work.
CHANNEL = "daybook"


class Work(StrEnum):
    """The kinds of background work; each has a loop of the worker, and a task of qcluster's."""

    PROJECTIONS = "projections"
    COMMANDS = "commands"
    REACTIONS = "reactions"
    EFFECTS = "effects"
    REBUILDS = "rebuilds"
    BOXES = "boxes"


# Notify the listeners, and tell whether somebody else was called for it already. After the commit,
# as in a transaction it would make commits wait for each other.
NOTIFY = """
SELECT pg_notify(%s, %s), EXISTS (SELECT FROM eventstore_wakeup WHERE kind = %s)
"""

# Whoever calls has a client waiting: another one who calls, and is frozen, must not hold him up.
ASK_QUICKLY = "SELECT set_config('lock_timeout', '200ms', true)"

ASK = "INSERT INTO eventstore_wakeup (kind) VALUES (%s) ON CONFLICT (kind) DO NOTHING"

IS_ASKED = "SELECT FROM eventstore_wakeup WHERE kind = %s"

# The kinds with something that anybody could do now: its time has come, its lease is over, or the
# call for it was lost. Only what the claims would find (CLAIM_STEP, CLAIM, CLAIM_DUE), or give
# up: for what stands behind something else somebody would be called each second, in vain. Each has
# an index for its rows, which are few. Whether a rebuild is at work, only its process' lock tells.
DUE = """
SELECT 'projections' WHERE EXISTS (
    SELECT FROM eventstore_subscription AS s
    JOIN unnest(%(names)s::text[], %(modes)s::text[]) AS r(name, mode)
      ON r.name = s.projection AND r.mode = s.mode
    WHERE s.status = 'active'
      AND (s.lease_until IS NULL OR s.lease_until <= statement_timestamp())
      AND (s.mode = 'scheduled' AND (s.due_at IS NULL OR s.due_at <= statement_timestamp())
           OR s.mode = 'async' AND EXISTS (
               SELECT FROM eventstore_event AS e WHERE e.position > s.position)))
UNION ALL
SELECT 'commands' WHERE EXISTS (
    SELECT FROM eventstore_command AS next
    WHERE status IN ('scheduled', 'pending') AND reaction_id IS NULL
      AND due_at <= statement_timestamp()
      AND (lease_until IS NULL OR lease_until <= statement_timestamp())
      AND (attempts >= %(most)s OR NOT EXISTS (
        SELECT FROM eventstore_command AS earlier
        WHERE earlier.tenant_id = next.tenant_id AND earlier.aggregate_id = next.aggregate_id
          AND earlier.status IN ('scheduled', 'pending') AND earlier.reaction_id IS NULL
          AND (earlier.due_at, earlier.number) < (next.due_at, next.number)
        OFFSET 0)))
UNION ALL
SELECT 'reactions' WHERE EXISTS (
    SELECT FROM eventstore_reaction AS next
    WHERE status = 'pending' AND kind <> 'effect' AND lease_until <= statement_timestamp()
      AND (attempts >= %(most)s OR NOT EXISTS (
        SELECT FROM eventstore_reaction AS earlier
        WHERE earlier.tenant_id = next.tenant_id AND earlier.process = next.process
          AND earlier.instance_id = next.instance_id AND earlier.id < next.id
          AND earlier.status <> 'done' AND earlier.kind <> 'effect')))
  OR EXISTS (
    SELECT FROM eventstore_command AS next
    WHERE status = 'pending' AND reaction_id IS NOT NULL
      AND due_at <= statement_timestamp() AND lease_until <= statement_timestamp()
      AND (attempts >= %(most)s OR NOT EXISTS (
        SELECT FROM eventstore_command AS earlier
        WHERE earlier.reaction_id = next.reaction_id AND earlier.number < next.number
          AND earlier.status IN ('pending', 'failed'))))
UNION ALL
SELECT 'effects' WHERE EXISTS (
    SELECT FROM eventstore_reaction
    WHERE status = 'pending' AND kind = 'effect' AND lease_until <= statement_timestamp())
UNION ALL
SELECT 'rebuilds' WHERE EXISTS (
    SELECT FROM eventstore_rebuild AS r
    WHERE status IN ('waiting', 'running') AND projection = ANY(%(names)s::text[])
      AND NOT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 2 AND classid = 3500 AND granted
          AND objid = (hashtext(r.projection)::bigint & 4294967295)::oid
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())))
UNION ALL
SELECT 'boxes' WHERE EXISTS (
    SELECT FROM eventstore_box_policy AS p
    JOIN eventstore_tenant AS t ON t.id = p.tenant_id AND t.active
    WHERE p.due_at <= statement_timestamp()
      AND (p.lease_until IS NULL OR p.lease_until <= statement_timestamp()))
"""

BEGIN = "DELETE FROM eventstore_wakeup WHERE kind = %s"


class Wakeups:
    def __init__(self, database: Database, projections: Projections) -> None:
        self._database = database
        self._projections = projections
        #: How to call those who do not listen; set where the application is composed.
        self.enqueue: Callable[[Work], None] | None = None

    def wake(self, kind: Work) -> None:
        """Call somebody to do this kind of work: after the commit, at once outside a transaction.

        Never raises: what there is to do is stored, and without this call found a little later.
        """
        self._database.after_commit(partial(self._wake_or_tell, kind))

    def _wake_or_tell(self, kind: Work) -> None:
        try:
            self._wake(kind)
        except Exception as error:
            if sqlstate(error) == LOCK_TIMEOUT:
                return  # Another one is just calling, and is slow or frozen: see ASK_QUICKLY.
            logger.warning("wake_failed", extra={"kind": kind.value}, exc_info=True)
            self._database.close_if_broken()

    def _wake(self, kind: Work) -> None:
        row = self._database.row(NOTIFY, (CHANNEL, kind.value, kind.value))
        assert row is not None, "this SELECT has one row"
        was_asked = row[1]
        if self.enqueue is None or was_asked:
            return
        with self._database.transaction():
            self._database.execute(ASK_QUICKLY)
            if self._database.execute(ASK, (kind.value,)).rowcount:
                self.enqueue(kind)

    def begin(self, kind: Work) -> None:
        """Somebody looks for this kind of work from now on: what comes later is for another call.

        Who was told that somebody was called has committed before this, so his work is seen.
        """
        self._database.execute(BEGIN, (kind.value,))

    def due(self) -> list[Work]:
        """What there is to do that nobody is at, whether somebody was called for it or not."""
        accepted = [
            (projection.name, mode.value)
            for projection in self._projections
            for mode in Mode
            if self._projections.accepts(projection.name, mode)
        ]
        names, modes = zip(*accepted, strict=True) if accepted else ((), ())
        parameters = {"names": list(names), "modes": list(modes), "most": ATTEMPTS}
        return [Work(kind) for (kind,) in self._database.rows(DUE, parameters)]

    def is_asked(self, kind: Work) -> bool:
        """Whether somebody was called since somebody began."""
        return self._database.row(IS_ASKED, (kind.value,)) is not None
