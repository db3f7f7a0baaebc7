"""The event store: appends to streams under an expected version, and reads them back.

One stream for each aggregate, one row for each event. The check, the stream's row, the events
and the command's answer are one call of the PL/pgSQL function `eventstore_append`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventstore.database import Database
from eventstore.drafts import Drafts, Recording
from eventstore.errors import Boxed, CorruptStream, WrongExpectedVersion
from eventstore.event_types import EventTypes
from eventstore.events import Event, RecordedEvent, stream_name
from eventstore.serialization import EventSerializer, decode_origin

# Version check, stream row, events and the command's answer; see migrations/sql/0001_append.sql.
APPEND = """
SELECT outcome, found_version, positions
FROM eventstore_append(%s, %s, %s, %s::bigint, %s::json, %s::json, %s, %s, %s)
"""

# A stream's head and all its events in one snapshot and one row. Three arrays instead of a row
# for each event, which would carry the head again and again: 1.6 times faster at 1,000 events.
LOAD_STREAM = """
SELECT s.category, s.status, s.version, s.head_hash, e.types, e.schema_versions, e.data
FROM eventstore_stream AS s
CROSS JOIN LATERAL (
    SELECT array_agg(type) AS types, array_agg(schema_version) AS schema_versions,
           array_agg(data::text) AS data
    FROM (
        SELECT type, schema_version, data FROM eventstore_event
        WHERE stream_id = s.id ORDER BY version
    ) AS in_order
) AS e
WHERE s.tenant_id = %s AND s.aggregate_id = %s
"""

# Only whether the stream is there, and in which state.
FIND_STREAM = """
SELECT category, status, version FROM eventstore_stream WHERE tenant_id = %s AND aggregate_id = %s
"""

# Stand in line for the stream; a statement of its own, so that the next one sees what was awaited.
LOCK_STREAM = """
SELECT id FROM eventstore_stream WHERE tenant_id = %s AND aggregate_id = %s FOR UPDATE
"""

# All events after a position, in the order of positions; one page of a replay.
READ_EVENTS = """
SELECT e.position, e.tenant_id, s.category, s.aggregate_id, e.version, e.type, e.schema_version,
       e.data::text, e.metadata::text, e.recorded_at, e.hash
FROM eventstore_event AS e JOIN eventstore_stream AS s ON s.id = e.stream_id
WHERE e.position > %s
ORDER BY e.position
LIMIT %s
"""

# The same for one stream, by version.
READ_STREAM = """
SELECT e.position, e.tenant_id, s.category, s.aggregate_id, e.version, e.type, e.schema_version,
       e.data::text, e.metadata::text, e.recorded_at, e.hash
FROM eventstore_event AS e JOIN eventstore_stream AS s ON s.id = e.stream_id
WHERE s.tenant_id = %s AND s.category = %s AND s.aggregate_id = %s AND e.version > %s
ORDER BY e.version
"""


@dataclass(frozen=True, slots=True)
class StreamHead:
    """Where a stream ends: what the next append continues."""

    category: str
    status: str
    version: int
    head_hash: bytes


class EventStore:
    def __init__(self, database: Database, event_types: EventTypes) -> None:
        self._database = database
        self._event_types = event_types
        self._serializer = EventSerializer(event_types)

    # Writing -------------------------------------------------------------------------------------

    def append(
        self,
        category: str,
        aggregate_id: UUID,
        events: Sequence[Event],
        *,
        expected_version: int,
        head_hash: bytes,
        recording: Recording,
    ) -> list[RecordedEvent[Event]]:
        """Append to a stream whose last version and hash the caller has read (0, GENESIS: new).

        At least one event, in the caller's transaction. Raises WrongExpectedVersion when the
        stream is elsewhere by now, Boxed when it is in cold storage, EventTooLarge above 64 KiB.
        """
        drafts = Drafts(self._event_types, category, aggregate_id, recording)
        chained = drafts.chain(events, expected_version, head_hash)
        parameters = (
            recording.tenant_id,
            category,
            aggregate_id,
            expected_version,
            f"[{','.join(draft.as_json() for draft in chained)}]",
            drafts.metadata.decode(),
            recording.recorded_at,
            chained[-1].hash,
            recording.command_id,
        )
        outcome, found_version, positions = self._database.rows(APPEND, parameters)[0]
        if outcome == "boxed":
            raise Boxed(category, aggregate_id)
        if outcome == "conflict":
            raise WrongExpectedVersion(category, aggregate_id, expected_version, found_version)
        return list(drafts.recorded(chained, positions))

    def lock(self, tenant_id: UUID, aggregate_id: UUID) -> None:
        """Wait until no other transaction writes this stream, and keep others waiting."""
        self._database.row(LOCK_STREAM, (tenant_id, aggregate_id))

    # Reading -------------------------------------------------------------------------------------

    def find(self, tenant_id: UUID, aggregate_id: UUID) -> tuple[str, str, int] | None:
        """Category, status and version of a stream, or None."""
        return self._database.row(FIND_STREAM, (tenant_id, aggregate_id))

    def load(self, tenant_id: UUID, aggregate_id: UUID) -> tuple[StreamHead, list[Event]] | None:
        """A stream's head and its events from the first, or None where there is no such stream.

        Raises UnknownEventType for an event that this code does not know, CorruptStream where
        events are missing: a partial state is never returned.
        """
        row = self._database.row(LOAD_STREAM, (tenant_id, aggregate_id))
        if row is None:
            return None
        head = StreamHead(*row[:4])
        # Three arrays, each null where there are no events.
        columns = [column or () for column in row[4:]]
        events = list(map(self._serializer.decode, *columns))
        if len(events) != head.version and head.status == "active":
            name = stream_name(head.category, aggregate_id)
            raise CorruptStream(name, head.version, len(events))
        return head, events

    def read_stream(
        self, tenant_id: UUID, category: str, aggregate_id: UUID, *, after: int = 0
    ) -> Iterator[RecordedEvent[Event]]:
        """A stream's events with their envelopes, in the order of versions."""
        rows = self._database.rows(READ_STREAM, (tenant_id, category, aggregate_id, after))
        return map(self._recorded, rows)

    def read_all(self, *, after: int = 0, page_size: int = 1000) -> Iterator[RecordedEvent[Event]]:
        """Every committed event of every tenant, in the order of positions; constant memory.

        Holds nothing back for writers still at work: for a replay at rest, not for a cursor.
        """
        while rows := self._database.rows(READ_EVENTS, (after, page_size)):
            yield from map(self._recorded, rows)
            after = rows[-1][0]

    def _recorded(self, row: tuple[Any, ...]) -> RecordedEvent[Event]:
        position, tenant_id, category, aggregate_id, version, name, schema, data, *rest = row
        metadata, recorded_at, hash_ = rest
        origin = decode_origin(metadata)
        return RecordedEvent(
            event=self._serializer.decode(name, schema, data),
            position=position,
            tenant_id=tenant_id,
            category=category,
            aggregate_id=aggregate_id,
            version=version,
            type=name,
            schema_version=schema,
            recorded_at=recorded_at,
            correlation_id=origin.correlation_id,
            causation_id=origin.causation_id,
            user=origin.user,
            hash=hash_,
        )
