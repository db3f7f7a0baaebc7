"""How far the events can be trusted to be complete: the reader's half of the high-water mark.

A sequence hands out positions before commit, so a reader of "everything up to the last position"
may skip an event that commits later. The writer's half, a trigger, publishes in an advisory lock
the last position drawn before its transaction's first one
(`migrations/sql/0001_high_water_mark.sql`). DESIGN section 5 tells why these statements, in this
order under READ COMMITTED, are exact.
"""

from eventstore.database import Database

# The last position drawn, whoever draws, committed or not.
CEILING = "SELECT last_value - (NOT is_called)::int FROM eventstore_event_position_seq"

# The lowest position below which no open transaction can still commit an event.
FLOOR = """
SELECT min((classid::bigint << 32 | objid::bigint) - (3499::bigint << 48))
FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = 3499
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class HighWaterMark:
    def __init__(self, database: Database) -> None:
        self._database = database

    def ceiling(self) -> int:
        """The last position drawn, 0 before the first; its event may not be committed yet."""
        row = self._database.row(CEILING)
        assert row is not None, "a sequence always has its one row"
        ceiling: int = row[0]
        return ceiling

    def settled(self) -> int:
        """A position up to which every event has committed, or never will.

        What is read after this call, in the same or another transaction under READ COMMITTED,
        contains all of them.
        """
        ceiling = self.ceiling()
        row = self._database.row(FLOOR)
        floor = row[0] if row else None
        return ceiling if floor is None else min(ceiling, floor)
