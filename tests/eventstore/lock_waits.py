"""Who waits for a lock in this database: what tests ask before they let the one who holds it go.

The other process of the tests works on the same server, in a database of its own. `pg_locks` shows
the locks of both, and some of them (a transaction's) without a database.
"""

import time
from typing import Any

import psycopg

from tests.eventstore.support import PATIENCE, raw_connection

#: Transactions of this database that wait for another one. `pg_stat_activity` would not do: within
#: a transaction it shows one moment only.
WAITERS = """
SELECT count(DISTINCT pid) FROM pg_locks
WHERE NOT granted AND pid IN (
    SELECT pid FROM pg_locks
    WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


def waiters(raw: psycopg.Connection[Any] | None = None) -> int:
    """How many of this database's transactions stand behind another one."""
    if raw is None:
        with raw_connection(autocommit=True) as own:
            return waiters(own)
    row = raw.execute(WAITERS).fetchone()
    assert row is not None
    return int(row[0])


def until_waiting(count: int = 1) -> None:
    """Return once that many wait."""
    deadline = time.monotonic() + PATIENCE
    with raw_connection(autocommit=True) as raw:
        while waiters(raw) != count:
            assert time.monotonic() < deadline, "nobody waits"
            time.sleep(0.005)
