"""What was asked for and done about the rows of projections, each by one at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from eventstore.attempts import ATTEMPTS, storable
from eventstore.database import Database
from eventstore.errors import AlreadyRunning

# Held by a transaction of its own that does nothing else: gone at once where its process dies, and
# it works through a pooler. It holds nobody back: it locks no row, and draws no transaction id.
LOCK = """
SELECT pg_try_advisory_xact_lock(3500, hashtext(%s)),
       set_config('idle_in_transaction_session_timeout', '0', true)
"""
# Nobody boxes or unboxes events while they are replayed; whoever just does is waited for.
KEEP_BOXES = "LOCK TABLE eventstore_box IN SHARE MODE"
WAIT_FOR_BOXES = "SELECT set_config('lock_timeout', '60s', true)"
IS_FREE = """
SELECT NOT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND classid = 3500
      AND objid = (hashtext(%s)::bigint & 4294967295)::oid AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""

ASK = """
INSERT INTO eventstore_rebuild
    (projection, kind, tenant_id, stream, status, position, head, events, rows, differences,
     error, attempts, "user", reason, in_background)
VALUES (%(projection)s, %(kind)s, %(tenant_id)s, %(stream)s, 'waiting', 0, 0, 0, 0, '[]', '', 0,
        %(user)s, %(reason)s, %(in_background)s)
RETURNING id
"""

# Nobody else asks about the same projection until this transaction ends.
ASK_IN_TURN = "SELECT pg_advisory_xact_lock(3501, hashtext(%s))"

IS_ASKED = """
SELECT EXISTS (
    SELECT FROM eventstore_rebuild
    WHERE projection = %s AND status IN ('waiting', 'running'))
"""

BEGIN = """
UPDATE eventstore_rebuild
SET status = 'running', attempts = attempts + 1, started_at = clock_timestamp(), error = '',
    updated_at = clock_timestamp(), generation = id + 1, head = %(head)s, position = 0, events = 0
WHERE id = %(id)s AND status IN ('waiting', 'running')
RETURNING attempts
"""

NOTE_PROGRESS = """
UPDATE eventstore_rebuild
SET position = %(position)s, events = %(events)s, updated_at = clock_timestamp()
WHERE id = %(id)s
"""

END = """
UPDATE eventstore_rebuild
SET status = %(status)s, rows = %(rows)s, differences = %(differences)s::jsonb,
    error = %(error)s, updated_at = clock_timestamp(), ended_at = clock_timestamp()
WHERE id = %(id)s AND status IN ('waiting', 'running')
"""

# Those that nobody is at: not begun, or begun by somebody who has died. Oldest first.
UNDONE = """
SELECT id, projection, kind, tenant_id, stream, "user", reason,
       attempts < CASE WHEN in_background THEN %s ELSE 0 END
FROM eventstore_rebuild
WHERE status IN ('waiting', 'running') ORDER BY id
"""

#: Characters that are kept of an error.
MOST_TOLD = 8000


class Order(NamedTuple):
    """What is to be done: `rebuild`, `check` or `fix`; of one tenant, or of one stream of it.

    `stream` is a name such as `account-<uuid>`; "" for all.
    """

    kind: str
    projection: str
    user: str
    reason: str = ""
    tenant_id: UUID | None = None
    stream: str = ""

    @property
    def is_partial(self) -> bool:
        return self.tenant_id is not None


class Undone(NamedTuple):
    id: int
    order: Order


class RebuildLog:
    def __init__(self, database: Database) -> None:
        self._database = database
        #: Of this thread: a connection for what others are to see while a check's transaction,
        #: of which nothing remains, is still open.
        self._beside = local()

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Until the block ends nobody else can be here with this name; raises AlreadyRunning."""
        parameters: Any = self._database.connection.get_connection_params()
        with psycopg.connect(**parameters | {"autocommit": False}) as own:
            row = own.execute(LOCK, (name,)).fetchone()
            if row is None or not row[0]:
                raise AlreadyRunning(name)
            with self._database.connection.wrap_database_errors:
                own.execute(WAIT_FOR_BOXES)
                own.execute(KEEP_BOXES)
            with psycopg.connect(**parameters | {"autocommit": True}) as beside:
                self._beside.connection, self._beside.own = beside, own
                yield

    def is_free(self, name: str) -> bool:
        row = self._database.row(IS_FREE, (name,))
        return row is not None and bool(row[0])

    def ask(self, order: Order, *, in_background: bool = True) -> int:
        """Put it down; whoever begins it needs the number.

        `in_background`: anybody may begin it, and begin it again where its doer dies.
        """
        row = self._database.row(ASK, order._asdict() | {"in_background": in_background})
        assert row is not None, "an INSERT returns its row"
        return int(row[0])

    def ask_alone(self, order: Order) -> int | None:
        """The same, unless another run of the projection waits or is at work: None then."""
        with self._database.transaction():
            self._database.execute(ASK_IN_TURN, (order.projection,))
            row = self._database.row(IS_ASKED, (order.projection,))
            return None if row is None or row[0] else self.ask(order)

    def begin(self, number: int, head: int) -> int | None:
        """How often it was begun, with this time; None where it has ended."""
        row = self._database.row(BEGIN, {"id": number, "head": head})
        return None if row is None else int(row[0])

    def see_that_it_is_alone(self) -> None:
        """Raise Django's OperationalError where somebody has ended this thread's lock."""
        with self._database.connection.wrap_database_errors:
            self._beside.own.execute("SELECT")

    def note_progress(self, number: int, position: int, events: int) -> None:
        """Only while `alone`, and only if that is still so: somebody may have ended its lock."""
        parameters = {"id": number, "position": position, "events": events}
        self.see_that_it_is_alone()
        with self._database.connection.wrap_database_errors:
            self._beside.connection.execute(NOTE_PROGRESS, parameters)

    def end(
        self, number: int, status: str, *, rows: int = 0, differences: str = "[]", error: str = ""
    ) -> None:
        told = storable(error[-MOST_TOLD:], MOST_TOLD)
        parameters = {"id": number, "status": status, "rows": rows, "error": told}
        self._database.execute(END, parameters | {"differences": differences})

    def undone(self) -> Sequence[Undone]:
        """What nobody is at; what has been tried too often is set aside."""
        found = []
        for (
            number,
            projection,
            kind,
            tenant,
            stream,
            user,
            reason,
            may_be_begun,
        ) in self._database.rows(UNDONE, (ATTEMPTS,)):
            if not self.is_free(projection):
                continue
            if may_be_begun:
                order = Order(kind, projection, user, reason, tenant, stream)
                found.append(Undone(number, order))
            else:
                self.end(
                    number, "failed", error="Whoever did it died, and nobody begins it again."
                )
        return found
