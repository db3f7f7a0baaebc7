"""How far the events can be trusted to be complete: the reader's half of the high-water mark.

A sequence hands out positions before commit, so whoever reads "everything up to the last
position" may skip an event that commits later. The writer's half, a trigger
(`migrations/sql/0003_high_water_mark.sql`), therefore announces each transaction: before it draws
its first position it holds a lock, to its end, that names its floor, the last position drawn by
then. All that it will ever append lies above. A reader asks, one statement after the other,

1. for the ceiling: the last position drawn,
2. for the lowest floor that a lock names,
3. for the events above its checkpoint, up to the lower of the two, in the order of positions.

No event at or below that line comes later. Say one did. Its position was drawn before (1), so its
transaction took its lock before (1). At (2) that lock was either held: then the line is no higher
than its floor, and the position lies above the line. Or it was gone, with the transaction's end:
PostgreSQL shows a commit before it drops the locks, so (3) sees the event. (A savepoint that is
rolled back drops its lock, and its positions never come.)

The order matters. With (2) before (1), or (3) before (2), a writer could draw or commit in between
and be overlooked; so it could if one snapshot served all three, which is why the isolation is
READ COMMITTED. A checkpoint is the position of the last event read, never the line itself: after
a crash, positions that no commit has made durable are drawn again.
"""

from eventstore.database import Database

# The last position drawn, whoever draws, committed or not. Not `SELECT last_value FROM` the
# sequence: that reads its page without a lock, and shows up to 31 positions too many while another
# session writes the sequence to the log. A reader would take them for settled.
CEILING = "SELECT coalesce(pg_sequence_last_value('eventstore_event_position_seq'), 0)"

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
