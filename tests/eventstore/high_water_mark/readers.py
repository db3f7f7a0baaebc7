"""Three ways to follow the log of events: ours, and the two that others use.

Each `read()` takes one page from where the last one ended and adds it to `delivered`. The rivals
are here so that the tests can show what they lose; nothing of the product works like them.
"""

from typing import Any, NamedTuple

import psycopg

from eventstore.database import Database
from eventstore.high_water_mark import HighWaterMark

# Random writers sign as the user "saw 17" with the last position that they knew of.
SEEN = "substring(metadata->>'user' FROM '^saw ([0-9]+)$')::bigint"

ROWS = f"SELECT position, stream_id, version, {SEEN} FROM eventstore_event"

OURS = f"{ROWS} WHERE position > %s AND position <= %s ORDER BY position LIMIT %s"

NAIVE = f"{ROWS} WHERE position > %s ORDER BY position LIMIT %s"

# As a column `xid8 DEFAULT pg_current_xact_id()` would have it; the tests' writers put it into
# the metadata. (A row's xmin is no substitute: in a savepoint it is the subtransaction's.)
XID = "(metadata->>'xid8')::text::xid8"
BY_TRANSACTION = f"""
SELECT position, stream_id, version, {SEEN}, {XID}::text
FROM eventstore_event
WHERE ({XID}, position) > (%s::text::xid8, %s) AND {XID} < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY {XID}, position
"""


class Delivered(NamedTuple):
    """An event as a reader gets it; `seen` is the last position that its writer knew of."""

    position: int
    stream: int
    version: int
    seen: int | None


class OurReader:
    """Follows up to the high-water mark, in pages, over Django's connection."""

    def __init__(self, database: Database, page_size: int = 1000) -> None:
        self._database = database
        self._mark = HighWaterMark(database)
        self._page_size = page_size
        # The last committed position read, never the mark itself: a position above that one is
        # only drawn, and may be drawn again after a crash.
        self.checkpoint = 0
        self.delivered: list[Delivered] = []

    def read(self) -> int:
        """Read one page; returns how many events came."""
        settled = self._mark.settled()
        rows = self._database.rows(OURS, (self.checkpoint, settled, self._page_size))
        self.delivered += (Delivered(*row) for row in rows)
        if rows:
            self.checkpoint = rows[-1][0]
        return len(rows)


class NaiveReader:
    """Takes whatever is committed above its checkpoint."""

    def __init__(self, connection: psycopg.Connection[Any], page_size: int = 1000) -> None:
        self._connection = connection
        self._page_size = page_size
        self.delivered: list[Delivered] = []

    def read(self) -> int:
        """Read one page; returns how many events came."""
        checkpoint = self.delivered[-1].position if self.delivered else 0
        rows = self._connection.execute(NAIVE, (checkpoint, self._page_size)).fetchall()
        self._connection.commit()
        self.delivered += (Delivered(*row) for row in rows)
        return len(rows)


class TransactionReader:
    """Takes the events of all transactions older than every open one, by (xid8, position)."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._checkpoint = ("0", 0)
        self.delivered: list[Delivered] = []

    def read(self) -> int:
        """Read what there is; returns how many events came."""
        rows = self._connection.execute(BY_TRANSACTION, self._checkpoint).fetchall()
        self._connection.commit()
        self.delivered += (Delivered(*row[:4]) for row in rows)
        if rows:
            self._checkpoint = (rows[-1][4], rows[-1][0])
        return len(rows)
