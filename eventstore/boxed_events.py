"""The events that lie in boxes, for whoever reads all events in the order of positions.

Boxes are files by stream; whoever replays needs their events by position. So the boxes that a
reader comes to are read once, each whole and verified, into a file of SQLite's that has no name:
it goes with the process, however that ends, and memory does not grow with the events: some 1 KB
for each box ahead of the reader.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Lock, Timer
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from eventstore.box_files import BoxedEvent, BoxReader, microseconds, time_at
from eventstore.cold_storage import ColdStorage, StoredFile
from eventstore.database import STILL_HERE_EVERY, Database
from eventstore.errors import BoxDamaged, ColdStorageFailed

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
IDLE = 60.0
#: How many small boxes are read between two statements.
BOXES_AT_ONCE = 50


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
    """One for each process; its threads take turns.

    Each method raises BoxDamaged for a box that is not as it was, and ColdStorageFailed where it
    cannot be read, or there is no room for what is in it.
    """

    def __init__(self, database: Database, storage: ColdStorage) -> None:
        self._database = database
        self._storage = storage
        self._lock = Lock()
        self._spool: sqlite3.Connection | None = None
        self._used_at = 0.0
        #: The boxes in the spool's table `wanted`.
        self._wanted: set[UUID] = set()

    def scan(
        self, *, after: int, until: int, limit: int, tenant_id: UUID | None = None
    ) -> tuple[int, int]:
        """The position of the last of so many events after a position, and how many they are.

        `after`, 0 where there are none.
        """
        with self._spooled(after, until, tenant_id) as spool:
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
        with self._spooled(after, last, tenant_id) as spool:
            names = json.dumps(list(types or ()))
            found = spool.execute(READ, (after, last, types is None, names))
            return [(*row[:7], time_at(row[7]), row[8]) for row in found]

    def first_later(self, moment: datetime, until: int) -> int | None:
        """The first position up to `until` whose event was recorded later than a moment."""
        with self._spooled(0, until, None) as spool:
            row = spool.execute(FIRST_LATER, (until, microseconds(moment))).fetchone()
            return None if row[0] is None else int(row[0])

    def rest(self) -> None:
        """Nobody needs it just now: throw the spool away where that is so for a while."""
        # Whoever fills it just now is not waited for: the caller may have a row locked.
        if self._spool is not None and self._lock.acquire(blocking=False):
            try:
                self._throw_away_what_is_old()
            finally:
                self._lock.release()

    # The spool -----------------------------------------------------------------------------------

    @contextmanager
    def _spooled(
        self, after: int, until: int, tenant_id: UUID | None
    ) -> Iterator[sqlite3.Connection]:
        """A spool whose `wanted` boxes are those that are open now with events in between."""
        span = {"after": after, "until": until, "tenant_id": tenant_id}
        with self._lock:
            self._throw_away_what_is_old()
            try:
                spool = self._made()
                boxes = [OpenBox._make(row) for row in self._database.rows(BETWEEN, span)]
                self._fill(spool, boxes)
                self._want(spool, {box.id for box in boxes})
                yield spool
            except sqlite3.Error as error:
                # The next reader begins anew: this one may be in the middle of something.
                self._throw_away()
                reason = f"{type(error).__name__}: {error}"
                raise ColdStorageFailed("make boxes ready to be read", reason) from error
            finally:
                self._used_at = time.monotonic()

    def _made(self) -> sqlite3.Connection:
        if self._spool is None:
            # Without a name it is a file that is gone already.
            spool = sqlite3.connect("", check_same_thread=False, isolation_level=None)
            spool.executescript(TABLES)
            self._spool, self._wanted = spool, set()
            self._look_again_later()
        return self._spool

    def _look_again_later(self) -> None:
        """What lay in boxes shall lie here no longer than needed, also where nobody reads."""
        timer = Timer(IDLE, self._look_again)
        timer.daemon = True
        timer.start()

    def _look_again(self) -> None:
        with self._lock:
            self._throw_away_what_is_old()
            if self._spool is not None:
                self._look_again_later()

    def _throw_away_what_is_old(self) -> None:
        """The next reader verifies the files anew: they may be gone, or another's by now."""
        if time.monotonic() - self._used_at >= IDLE:
            self._throw_away()

    def _throw_away(self) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _fill(self, spool: sqlite3.Connection, boxes: Sequence[OpenBox]) -> None:
        """Read those that are not in it yet."""
        there = {box for (box,) in spool.execute("SELECT box FROM spooled")}
        unread = [box for box in boxes if str(box.id) not in there]
        for number, box in enumerate(unread, 1):
            with _all_or_nothing(spool):
                spool.executemany(KEEP, self._events(box))
                spool.execute("INSERT INTO spooled VALUES (?)", (str(box.id),))
            if not number % BOXES_AT_ONCE:
                self._database.still_here()

    def _want(self, spool: sqlite3.Connection, boxes: set[UUID]) -> None:
        if boxes == self._wanted:
            return
        with _all_or_nothing(spool):
            spool.execute("DELETE FROM wanted")
            spool.executemany("INSERT INTO wanted VALUES (?)", [(str(box),) for box in boxes])
        self._wanted = boxes

    def _events(self, box: OpenBox) -> Iterator[tuple[Any, ...]]:
        stored = StoredFile(box.path, box.size, box.digest)
        with self._storage.opened(stored) as file:
            reader = BoxReader(file, box.path)
            refuse_another_stream(reader, box.path, box)
            for number, part in enumerate(reader.parts(), 1):
                if not number % STILL_HERE_EVERY:
                    self._database.still_here()
                if isinstance(part, BoxedEvent):
                    yield (
                        *(part.position, str(box.id), str(box.tenant_id), box.stream_id),
                        *(part.version, part.type, part.schema_version, part.data, part.metadata),
                        *(microseconds(part.recorded_at), part.hash),
                    )
            refuse_a_change(reader, stored)


@contextmanager
def _all_or_nothing(spool: sqlite3.Connection) -> Iterator[None]:
    spool.execute("BEGIN")
    try:
        yield
        spool.execute("COMMIT")
    except BaseException:
        if spool.in_transaction:  # SQLite has rolled back by itself where there is no room.
            spool.execute("ROLLBACK")
        raise


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
