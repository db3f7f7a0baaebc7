"""Two writers and three readers, moved step by step in an order that the test writes down."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
from django.db import connection

from eventstore.database import Database
from tests.eventstore.high_water_mark.readers import NaiveReader, OurReader, TransactionReader
from tests.eventstore.high_water_mark.support import WRITE_COMMAND
from tests.eventstore.support import PATIENCE, raw_connection

MAKE_STREAM = """
INSERT INTO eventstore_stream
    (tenant_id, category, aggregate_id, version, head_hash, status, incarnation)
VALUES (%s, 'test', %s, 0, '', 'active', 0)
RETURNING id
"""

# The next version of a stream, unless another open transaction is about to append to it.
APPEND_TO = """
INSERT INTO eventstore_event
    (stream_id, version, tenant_id, type, schema_version, data, metadata, recorded_at, hash)
SELECT s.id, (SELECT count(*) + 1 FROM eventstore_event WHERE stream_id = s.id), s.tenant_id,
       'test.done', 1, '{}', json_build_object('xid8', pg_current_xact_id()::text), now(), ''
FROM (SELECT * FROM eventstore_stream WHERE id = %s FOR UPDATE SKIP LOCKED) AS s
RETURNING position
"""
APPEND_UNLOCKED = APPEND_TO.replace(" FOR UPDATE SKIP LOCKED", "")


def make_stream(cursor: Any, tenant: object) -> int:
    """The id of a new stream without events."""
    cursor.execute(MAKE_STREAM, [tenant, uuid4()])
    return cursor.fetchone()[0]


class Writer:
    """A connection whose transaction begins with its first step."""

    def __init__(self, connection: psycopg.Connection[Any], tenant: object) -> None:
        self.connection = connection
        self._tenant = tenant

    def write_command(self) -> None:
        self.connection.execute(WRITE_COMMAND, [self._tenant, *[uuid4()] * 3])

    def append(self, stream: int) -> int | None:
        """The position of the stream's next event; None where the other writer has the stream."""
        row = self.connection.execute(APPEND_TO, [stream]).fetchone()
        return row[0] if row else None

    def append_unlocked(self, stream: int) -> int:
        """The same, but waits where the other writer has appended that version."""
        (position,) = self.connection.execute(APPEND_UNLOCKED, [stream]).fetchone()
        return position

    def execute(self, sql: str) -> None:
        self.connection.execute(sql)


class Scene:
    """`first` and `second` write; `ours`, `naive` and `by_transaction` read."""

    def __init__(self, tenant: object, *connections: psycopg.Connection[Any]) -> None:
        self._tenant = tenant
        self.first, self.second = (Writer(each, tenant) for each in connections[:2])
        self.ours = OurReader(Database(), page_size=2)
        self.naive = NaiveReader(connections[2])
        self.by_transaction = TransactionReader(connections[3])

    def stream(self) -> int:
        """A new stream without events."""
        with connection.cursor() as cursor:
            return make_stream(cursor, self._tenant)

    def read(self) -> None:
        """Let each reader read all that it takes for readable now."""
        for reader in (self.ours, self.naive, self.by_transaction):
            while reader.read():
                pass

    def wait_for_by_transaction(self) -> None:
        """Until it has everything; transactions of tests in other processes hold it back, too."""
        deadline = time.monotonic() + 2 * PATIENCE
        while len(self.by_transaction.delivered) < len(self.committed()):
            assert time.monotonic() < deadline, "an old transaction is open on this server"
            self.by_transaction.read()

    def committed(self) -> list[int]:
        """The positions that a reader has to deliver, in their order."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT position FROM eventstore_event ORDER BY position")
            return [position for (position,) in cursor.fetchall()]


@contextmanager
def opened_scene(tenant: object) -> Generator[Scene]:
    connections = [raw_connection() for _ in range(4)]
    try:
        yield Scene(tenant, *connections)
    finally:
        for each in connections:
            each.close()
