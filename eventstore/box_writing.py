"""Writes a stream into a file of cold storage: header, events, its commands' content, snapshot.

In the transaction that boxes it, which holds the stream's row. What is written of a command is
taken out of the log at the same time, row by row.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from eventstore.aggregate_types import AggregateTypes
from eventstore.aggregates import State
from eventstore.box_commands import BOX, UNBOX
from eventstore.box_files import (
    BoxedCommand,
    BoxedEvent,
    BoxedSnapshot,
    BoxEnd,
    BoxHeader,
    is_short_enough,
    line_of,
)
from eventstore.cold_storage import NewFile
from eventstore.database import Database
from eventstore.errors import CorruptStream, RegistrationError
from eventstore.event_types import EventTypes
from eventstore.events import stream_name
from eventstore.serialization import EventSerializer
from eventstore.snapshots import Snapshots

#: Rows in memory at once.
PAGE_SIZE = 500

EXTENT = """
SELECT count(*), coalesce(min(position), 0), coalesce(max(position), 0), clock_timestamp()
FROM eventstore_event WHERE stream_id = %s
"""

SCHEMA_VERSIONS = """
SELECT type, array_agg(DISTINCT schema_version ORDER BY schema_version)
FROM eventstore_event WHERE stream_id = %s GROUP BY type ORDER BY type
"""

EVENTS = """
SELECT version, position, type, schema_version, data::text, metadata::text, recorded_at, hash
FROM eventstore_event WHERE stream_id = %s AND version > %s ORDER BY version LIMIT %s
"""

# Commands of the aggregate whose content is still in the log, and will not be needed there: one
# that has just been put down for later keeps its own. Locked, so that what is written to the file
# is what is taken out of the log.
COMMANDS = """
SELECT number, id, type, data::text FROM eventstore_command
WHERE tenant_id = %s AND aggregate_id = %s AND data::text <> '{}' AND NOT type = ANY(%s)
  AND status NOT IN ('scheduled', 'pending') AND number > %s
ORDER BY number LIMIT %s
FOR UPDATE
"""
BLANK = "UPDATE eventstore_command SET data = '{}' WHERE number = ANY(%s)"


class BoxedStream(NamedTuple):
    """A stream's row, which is this transaction's, with the name of its tenant."""

    id: int
    tenant_id: UUID
    tenant: str
    category: str
    aggregate_id: UUID
    status: str
    version: int
    head_hash: bytes

    @property
    def name(self) -> str:
        return stream_name(self.category, self.aggregate_id)


class Extent(NamedTuple):
    """How many events a stream has, where they stand, and the time now."""

    events: int
    first_position: int
    last_position: int
    now: datetime


class BoxWriter:
    def __init__(
        self,
        database: Database,
        *,
        event_types: EventTypes,
        aggregates: AggregateTypes,
        snapshots: Snapshots,
    ) -> None:
        self._database = database
        self._serializer = EventSerializer(event_types)
        self._aggregates = aggregates
        self._snapshots = snapshots

    def extent(self, stream: BoxedStream) -> Extent:
        """Raises CorruptStream where there are not as many events as the stream's row says."""
        extent = Extent(*self._database.rows(EXTENT, (stream.id,))[0])
        if extent.events != stream.version:
            raise CorruptStream(stream.name, stream.version, extent.events)
        return extent

    def write(
        self, file: NewFile, box_id: UUID, stream: BoxedStream, extent: Extent, by: str, why: str
    ) -> int:
        """Write all of it; how many commands were taken out of the log.

        Raises ColdStorageFailed, also for an event that is too large for a line.
        """
        file.write(line_of(self._header(box_id, stream, extent, by, why)))
        state = self._write_events(file, stream)
        commands = self._move_commands(file, stream)
        if (snapshot := self._snapshot(stream, state)) is not None:
            file.write(line_of(snapshot))
        file.write(line_of(BoxEnd(extent.events, commands, file.digest)))
        return commands

    def _header(
        self, box_id: UUID, stream: BoxedStream, extent: Extent, by: str, why: str
    ) -> BoxHeader:
        return BoxHeader(
            id=box_id,
            tenant_id=stream.tenant_id,
            tenant=stream.tenant,
            category=stream.category,
            aggregate_id=stream.aggregate_id,
            event_count=extent.events,
            last_version=stream.version,
            first_position=extent.first_position,
            last_position=extent.last_position,
            head_hash=stream.head_hash,
            schema_versions=dict(self._database.rows(SCHEMA_VERSIONS, (stream.id,))),
            boxed_at=extent.now,
            boxed_by=by,
            reason=why,
        )

    def _write_events(self, file: NewFile, stream: BoxedStream) -> State | None:
        """The state after the last one; None where this code cannot compute it."""
        state = self._first_state(stream.category)
        for event in self._events(stream):
            file.write(line_of(event))
            if state is not None and not self._apply(state, event):
                state = None
        return state

    def _events(self, stream: BoxedStream) -> Iterator[BoxedEvent]:
        version = 0
        while rows := self._database.rows(EVENTS, (stream.id, version, PAGE_SIZE)):
            yield from map(BoxedEvent._make, rows)
            version = rows[-1][0]

    def _first_state(self, category: str) -> State | None:
        try:
            state: State = self._aggregates.of(category).state_type()
        except RegistrationError:
            return None
        return state

    def _apply(self, state: State, event: BoxedEvent) -> bool:
        try:
            state.apply(self._serializer.decode(event.type, event.schema_version, event.data))
        except Exception:
            # Whatever the domain's code raises: what it cannot replay can be boxed all the same,
            # and a snapshot is never the truth.
            return False
        return True

    def _move_commands(self, file: NewFile, stream: BoxedStream) -> int:
        moved = last = 0
        whose = (stream.tenant_id, stream.aggregate_id, [BOX, UNBOX])
        while rows := self._database.rows(COMMANDS, (*whose, last, PAGE_SIZE)):
            for _, *command in rows:
                file.write(line_of(BoxedCommand(*command)))
            self._database.execute(BLANK, ([number for number, *_ in rows],))
            moved, last = moved + len(rows), rows[-1][0]
        return moved

    def _snapshot(self, stream: BoxedStream, state: State | None) -> BoxedSnapshot | None:
        if state is None:
            return None
        aggregate_class = self._aggregates.of(stream.category)
        try:
            written = self._snapshots.written(aggregate_class, stream.head_hash, state)
        except (TypeError, ValueError, OverflowError):
            return None
        snapshot = BoxedSnapshot(stream.version, *written)
        return snapshot if is_short_enough(snapshot) else None
