"""The events that lie in boxes, for whoever reads all events in the order of positions.

Boxes are files by stream; whoever replays needs their events by position. So the boxes that a
reader comes to are read once, each whole and verified, into a file of SQLite's that has no name:
it goes with the process, however that ends, and memory does not grow with what is boxed.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from threading import Lock
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from eventstore.box_files import BoxedEvent, BoxReader, microseconds, time_at
from eventstore.cold_storage import ColdStorage, StoredFile
from eventstore.database import Database
from eventstore.errors import BoxDamaged

# Boxes that hold events between two positions; of one tenant, or of all.
BETWEEN = """
SELECT b.id, b.tenant_id, b.stream_id, s.category, s.aggregate_id, s.version, s.head_hash,
       b.path, b.size, b.digest
FROM eventstore_box AS b JOIN eventstore_stream AS s ON s.id = b.stream_id
WHERE b.unboxed_at IS NULL AND b.last_position > %(after)s AND b.first_position <= %(until)s
  AND (%(tenant_id)s::uuid IS NULL OR b.tenant_id = %(tenant_id)s)
"""

# `wanted` holds the boxes of the call at hand; those of earlier calls may be open no more.
TABLES = """
CREATE TABLE event (
    position INTEGER, box TEXT, tenant_id TEXT, stream_id INTEGER, version INTEGER, type TEXT,
    schema_version INTEGER, data TEXT, metadata TEXT, recorded_at INTEGER, hash BLOB,
    PRIMARY KEY (position, box)
) WITHOUT ROWID;
CREATE TABLE spooled (box TEXT PRIMARY KEY);
CREATE TABLE wanted (box TEXT PRIMARY KEY);
"""
KEEP = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
SCAN = """
SELECT max(position), count(*) FROM (
    SELECT position FROM event JOIN wanted USING (box)
    WHERE position > ? AND position <= ? ORDER BY position LIMIT ?)
"""
READ = """
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at, hash
FROM event JOIN wanted USING (box)
WHERE position > ? AND position <= ? AND (? OR type IN (SELECT value FROM json_each(?)))
ORDER BY position
"""
FIRST_LATER = """
SELECT min(position) FROM event JOIN wanted USING (box) WHERE position <= ? AND recorded_at > ?
"""

#: Seconds without a reader after which the spool is thrown away.
IDLE = 10.0


class OpenBox(NamedTuple):
    """What the database says of a box, against which its file is verified."""

    id: UUID
    tenant_id: UUID
    stream_id: int
    category: str
    aggregate_id: UUID
    version: int
    head_hash: bytes
    path: str
    size: int
    digest: bytes


class StreamRow(Protocol):
    """What the database says of a stream, however it was asked."""

    @property
    def tenant_id(self) -> UUID: ...
    @property
    def category(self) -> str: ...
    @property
    def aggregate_id(self) -> UUID: ...
    @property
    def version(self) -> int: ...
    @property
    def head_hash(self) -> bytes: ...


class BoxedEvents:
    """One for each process; its threads take turns."""

    def __init__(self, database: Database, storage: ColdStorage) -> None:
        self._database = database
        self._storage = storage
        self._lock = Lock()
        self._spool: sqlite3.Connection | None = None
        self._used_at = 0.0

    def scan(
        self, *, after: int, until: int, limit: int, tenant_id: UUID | None = None
    ) -> tuple[int, int]:
        """The position of the last of so many events after a position, and how many they are.

        `after`, 0 where there are none. Raises BoxDamaged for a box that is not as it was.
        """
        with self._lock:
            spool = self._spooled(after, until, tenant_id)
            last, count = spool.execute(SCAN, (after, until, limit)).fetchone()
            return (last if count else after), count

    def rows(
        self,
        *,
        after: int,
        last: int,
        types: Sequence[str] | None = None,
        tenant_id: UUID | None = None,
    ) -> list[tuple[Any, ...]]:
        """Events in order, as `eventstore.reading` has the columns of those in the table.

        `types`: only those stored under these names; None: all.
        """
        with self._lock:
            spool = self._spooled(after, last, tenant_id)
            names = json.dumps(list(types or ()))
            found = spool.execute(READ, (after, last, types is None, names))
            return [(*row[:7], time_at(row[7]), row[8]) for row in found]

    def first_later(self, moment: datetime, until: int) -> int | None:
        """The first position up to `until` whose event was recorded later than a moment."""
        with self._lock:
            spool = self._spooled(0, until, None)
            row = spool.execute(FIRST_LATER, (until, microseconds(moment))).fetchone()
            return None if row[0] is None else int(row[0])

    def rest(self) -> None:
        """Nobody needs it just now: throw the spool away where that is so for a while."""
        if self._spool is None or time.monotonic() - self._used_at < IDLE:
            return
        with self._lock:
            if self._spool is not None:
                self._spool.close()
                self._spool = None

    def _spooled(self, after: int, until: int, tenant_id: UUID | None) -> sqlite3.Connection:
        """A spool whose `wanted` boxes are those that are open now with events in between."""
        self._used_at = time.monotonic()
        if self._spool is None:
            # Without a name it is a file that is gone already.
            self._spool = sqlite3.connect("", check_same_thread=False, isolation_level=None)
            self._spool.executescript(TABLES)
        span = {"after": after, "until": until, "tenant_id": tenant_id}
        boxes = [OpenBox._make(row) for row in self._database.rows(BETWEEN, span)]
        there = {box for (box,) in self._spool.execute("SELECT box FROM spooled")}
        for box in boxes:
            if str(box.id) not in there:
                self._read(box, self._spool)
        self._spool.execute("BEGIN")
        self._spool.execute("DELETE FROM wanted")
        self._spool.executemany("INSERT INTO wanted VALUES (?)", [(str(box.id),) for box in boxes])
        self._spool.execute("COMMIT")
        return self._spool

    def _read(self, box: OpenBox, spool: sqlite3.Connection) -> None:
        """All or nothing of a box."""
        spool.execute("BEGIN")
        try:
            spool.executemany(KEEP, self._events(box))
            spool.execute("INSERT INTO spooled VALUES (?)", (str(box.id),))
        except BaseException:
            spool.execute("ROLLBACK")
            raise
        spool.execute("COMMIT")

    def _events(self, box: OpenBox) -> Iterator[tuple[Any, ...]]:
        stored = StoredFile(box.path, box.size, box.digest)
        with self._storage.opened(stored) as file:
            reader = BoxReader(file, box.path)
            refuse_another_stream(reader, box.path, box)
            for part in reader.parts():
                if isinstance(part, BoxedEvent):
                    yield (
                        *(part.position, str(box.id), str(box.tenant_id), box.stream_id),
                        *(part.version, part.type, part.schema_version, part.data, part.metadata),
                        *(microseconds(part.recorded_at), part.hash),
                    )
            refuse_a_change(reader, stored)


def refuse_another_stream(reader: BoxReader, path: str, stream: StreamRow) -> None:
    """Raise BoxDamaged where a file is not of the stream, or not of its end, that it should be."""
    header = reader.header
    said = (header.tenant_id, header.category, header.aggregate_id)
    if said != (stream.tenant_id, stream.category, stream.aggregate_id):
        raise BoxDamaged(path, "is another stream's")
    if (header.last_version, header.head_hash) != (stream.version, stream.head_hash):
        raise BoxDamaged(path, "does not end where its stream does")


def refuse_a_change(reader: BoxReader, stored: StoredFile) -> None:
    """Raise BoxDamaged where the file has changed since it was opened; after its last part."""
    if reader.digest != stored.digest:
        raise BoxDamaged(stored.path, "was changed while it was read")
