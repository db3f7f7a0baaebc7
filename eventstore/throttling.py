"""Counts calls by the minute, in the database, so that all processes share one count.

Django's caches do not count exactly where two processes do it at once, and REST framework's
throttles keep a list of times in them. One upsert does both, exactly, and writes no log to disk.
"""

from eventstore.database import Database
from eventstore.errors import RateLimited

# Count one more call of the caller's minute, which begins with its first call, or a new minute.
COUNT = """
INSERT INTO eventstore_call_count AS counted (caller, since, calls)
VALUES (%s, clock_timestamp(), 1)
ON CONFLICT (caller) DO UPDATE SET
    calls = CASE WHEN counted.since > excluded.since - interval '1 minute'
                 THEN counted.calls + 1 ELSE 1 END,
    since = CASE WHEN counted.since > excluded.since - interval '1 minute'
                 THEN counted.since ELSE excluded.since END
RETURNING calls,
    ceil(extract(epoch FROM since + interval '1 minute' - clock_timestamp()))::int
"""


class Throttle:
    """`calls_per_minute` for each caller; 0: no limit, and nothing is counted."""

    def __init__(self, database: Database, *, calls_per_minute: int) -> None:
        self._database = database
        self._limit = calls_per_minute

    def count(self, caller: str) -> None:
        """Count a call; raises RateLimited beyond the limit, until the next minute."""
        if not self._limit:
            return
        row = self._database.row(COUNT, (caller,))
        assert row is not None, "an upsert returns its row"
        calls, seconds = row
        if calls > self._limit:
            raise RateLimited(self._limit, max(seconds, 1))
