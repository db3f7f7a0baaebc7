"""The files of cold storage against their registry, for `manage.py verify`.

Each open box is read to its end, as whoever unboxes it would. What its events say of themselves is
kept beside, in a file of SQLite's that has no name, for the witness who asks whether an event that
a command recorded lies in a box.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from eventstore.application import Application
from eventstore.box_files import BoxedEvent, BoxHeader, BoxReader
from eventstore.boxed_events import refuse_a_change, refuse_another_stream
from eventstore.cold_storage import StoredFile
from eventstore.errors import BoxDamaged
from eventstore.integrity import Finding, Head, Scope, read

# The open boxes of a tenant, or of all, each with its stream.
OPEN_BOXES = """
SELECT b.id, coalesce(t.slug, b.tenant_id::text), s.category || '-' || s.aggregate_id, s.status,
       b.tenant_id, s.category, s.aggregate_id, s.version, s.head_hash, b.path, b.size, b.digest,
       b.event_count, b.first_position, b.last_position
FROM eventstore_box AS b
JOIN eventstore_stream AS s ON s.id = b.stream_id
LEFT JOIN eventstore_tenant AS t ON t.id = b.tenant_id
WHERE b.unboxed_at IS NULL AND (%(tenant_id)s::uuid IS NULL OR b.tenant_id = %(tenant_id)s)
ORDER BY b.stream_id
"""
# By now: it may have been unboxed, or its tenant removed, since the pass began.
IS_OPEN = "SELECT EXISTS (SELECT FROM eventstore_box WHERE id = %s AND unboxed_at IS NULL)"

# A box whose events are not in `event` may hold whatever fits into it.
TABLES = """
CREATE TABLE event (position INTEGER, tenant_id TEXT, version INTEGER, type TEXT, cause TEXT);
CREATE INDEX event_position ON event (position);
CREATE TABLE unread (tenant_id TEXT, first INTEGER, last INTEGER, version INTEGER);
"""
KEEP = "INSERT INTO event VALUES (?, ?, ?, ?, ?)"
KEEP_UNREAD = "INSERT INTO unread VALUES (?, ?, ?, ?)"
HOLDS = """
SELECT EXISTS (SELECT 1 FROM event WHERE position = :position AND tenant_id = :tenant_id
                 AND version = :version AND type = :type AND cause = :cause)
    OR EXISTS (SELECT 1 FROM unread WHERE tenant_id = :tenant_id AND version >= :version
                 AND :position BETWEEN first AND last)
"""

#: After how many events the database hears of us: it ends a transaction that idles for a minute.
STILL_HERE = 1000


class RegisteredBox(NamedTuple):
    """A box as the registry has it, with its stream."""

    id: UUID
    tenant: str
    stream: str
    status: str
    tenant_id: UUID
    category: str
    aggregate_id: UUID
    version: int
    head_hash: bytes
    path: str
    size: int
    digest: bytes
    event_count: int
    first_position: int
    last_position: int


class BoxVerification:
    """One pass; what it counts is complete once its findings have been read."""

    def __init__(
        self, application: Application, scope: Scope, advance: Callable[[], object]
    ) -> None:
        """`advance` is called once for each event."""
        self._application = application
        self._scope = scope
        self._advance = advance
        self._events = sqlite3.connect("")  # Without a name it is a file that is gone already.
        self._events.executescript(TABLES)
        self.looked_at: Counter[str] = Counter()
        #: The end of the last box that is sound.
        self.head: Head | None = None

    def findings(self, connection: psycopg.Connection[Any]) -> Iterator[Finding]:
        """Of each open box in the scope, by stream; `connection` sees the registry as it was."""
        for row in read(connection, OPEN_BOXES, self._scope):
            box = RegisteredBox._make(row)
            if self._scope.aggregate_id not in (None, box.aggregate_id):
                self._keep_unread(box)
                continue
            self.looked_at["boxes"] += 1
            try:
                self._read(box, connection)
            except BoxDamaged as error:
                self._keep_unread(box)
                if self._is_open(box):
                    yield Finding(box.tenant, box.stream, None, None, str(error))
            if box.status != "boxed":
                problem = f"The box {box.path} is open, and its stream is {box.status}."
                yield Finding(box.tenant, box.stream, None, None, problem)

    def holds(self, tenant_id: UUID, cause: str, type_name: str, version: int, at: int) -> bool:
        """Whether this event lies in a box, or may lie in one that was not read."""
        event: dict[str, Any] = {"tenant_id": str(tenant_id), "version": version, "position": at}
        event |= {"cause": cause, "type": type_name}
        return bool(self._events.execute(HOLDS, event).fetchone()[0])

    def close(self) -> None:
        self._events.close()

    def _read(self, box: RegisteredBox, connection: psycopg.Connection[Any]) -> None:
        """To its end; raises BoxDamaged."""
        stored = StoredFile(box.path, box.size, box.digest)
        with self._application.cold_storage.opened(stored) as file, self._events:
            reader = BoxReader(file, box.path)
            refuse_another_stream(reader, box.path, box)
            _refuse_other_numbers(reader.header, box)
            self._events.executemany(KEEP, self._kept(reader, box, connection))
            refuse_a_change(reader, stored)
        self.head = Head(box.version, box.last_position, box.head_hash)

    def _kept(
        self, reader: BoxReader, box: RegisteredBox, connection: psycopg.Connection[Any]
    ) -> Iterator[tuple[Any, ...]]:
        tenant = str(box.tenant_id)
        for part in reader.parts():
            if not isinstance(part, BoxedEvent):
                continue
            self._advance()
            self.looked_at["boxed events"] += 1
            if self.looked_at["boxed events"] % STILL_HERE == 0:
                connection.execute("SELECT 1")
            yield (part.position, tenant, part.version, part.type, _cause(part, box))

    def _keep_unread(self, box: RegisteredBox) -> None:
        """All or nothing of a box is in `event`."""
        with self._events:
            extent = (box.first_position, box.last_position, box.version)
            self._events.execute(KEEP_UNREAD, (str(box.tenant_id), *extent))

    def _is_open(self, box: RegisteredBox) -> bool:
        ((is_open,),) = self._application.database.rows(IS_OPEN, (box.id,))
        return bool(is_open)


def _refuse_other_numbers(header: BoxHeader, box: RegisteredBox) -> None:
    """Whoever reads the log looks for boxes by their positions."""
    said = (header.event_count, header.first_position, header.last_position)
    if said != (box.event_count, box.first_position, box.last_position):
        raise BoxDamaged(box.path, "has other events than the registry says")


def _cause(event: BoxedEvent, box: RegisteredBox) -> str:
    """As PostgreSQL reads it from an event that is online."""
    try:
        return str(json.loads(event.metadata).get("causation_id"))
    except (ValueError, AttributeError, RecursionError) as error:
        problem = f"has metadata that cannot be read at version {event.version}"
        raise BoxDamaged(box.path, problem) from error
