"""The event store: appends to streams under an expected version, and loads them to be replayed.

One stream for each aggregate, one row for each event. The check, the stream's row, the events,
what has to react to them, and the command's answer are one call of the PL/pgSQL function
`eventstore_append`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from eventstore.database import Database
from eventstore.drafts import Drafts, Recording
from eventstore.errors import Boxed, CorruptStream, WrongExpectedVersion
from eventstore.event_types import EventTypes
from eventstore.events import Event, RecordedEvent, stream_name
from eventstore.fault_points import reach
from eventstore.process_managers import ProcessManagers
from eventstore.serialization import EventSerializer

# Version check, stream row, events, reactions and the command's answer; see
# migrations/sql/0006_append.sql.
APPEND = """
SELECT outcome, found_version, positions, same_modes
FROM eventstore_append(%s, %s, %s, %s::bigint, %s, %s, %s, %s, %s::json, %s, %s,
    %s::int[], %s::text[], %s::uuid[], %s, %s::text[])
"""

# A stream's head, its newest snapshot that can be used, and the events after it, as of one moment
# and in one row. Arrays instead of a row for each event, which would carry the head again and
# again: 1.6 times faster at 1,000 events. A snapshot beyond the stream's end is no snapshot of it.
LOAD_STREAM = """
SELECT s.category, s.status, s.version, s.head_hash, s.incarnation,
       (SELECT hash FROM eventstore_event WHERE stream_id = s.id AND version = %(after)s),
       p.version, p.state::text, p.digest, p.event_hash, e.types, e.schema_versions, e.data
FROM eventstore_stream AS s
LEFT JOIN LATERAL (
    SELECT n.version, n.state, n.digest, e.hash AS event_hash
    FROM eventstore_snapshot AS n
    JOIN eventstore_event AS e ON e.stream_id = n.stream_id AND e.version = n.version
    WHERE n.stream_id = s.id AND n.version > %(after)s AND n.state_schema = %(state_schema)s
    ORDER BY n.version DESC LIMIT 1
) AS p ON true
CROSS JOIN LATERAL (
    SELECT array_agg(type) AS types, array_agg(schema_version) AS schema_versions,
           array_agg(data::text) AS data
    FROM (
        SELECT type, schema_version, data FROM eventstore_event
        WHERE stream_id = s.id AND version > coalesce(p.version, %(after)s) ORDER BY version
    ) AS in_order
) AS e
WHERE s.tenant_id = %(tenant_id)s AND s.aggregate_id = %(aggregate_id)s
"""

# Only whether the stream is there, and in which state.
FIND_STREAM = """
SELECT category, status, version, head_hash, incarnation FROM eventstore_stream
WHERE tenant_id = %s AND aggregate_id = %s
"""

# Stand in line for the stream; a statement of its own, so that the next one sees what was awaited.
LOCK_STREAM = """
SELECT id FROM eventstore_stream
WHERE tenant_id = %s AND aggregate_id = %s
FOR NO KEY UPDATE
"""

# Take a name for a stream, or find that it has it. Waits while another transaction is taking it;
# no row comes back where that one, or an earlier one, has it for another stream.
RESERVE = """
INSERT INTO eventstore_reservation AS r (tenant_id, scope, key, stream_id)
SELECT tenant_id, %s, %s, id FROM eventstore_stream WHERE tenant_id = %s AND aggregate_id = %s
ON CONFLICT (tenant_id, scope, key) DO UPDATE SET key = r.key
    WHERE r.stream_id = excluded.stream_id
RETURNING stream_id
"""


@dataclass(frozen=True, slots=True)
class StreamHead:
    """Where a stream ends: what the next append continues."""

    category: str
    status: str
    version: int
    head_hash: bytes
    #: Rises with each unbox: what somebody remembers of an earlier one does not count any more.
    incarnation: int


class StoredState(NamedTuple):
    """A snapshot as it is stored: the state after `version`, in JSON.

    `event_hash` is that of the event at this version, which `digest` must know.
    """

    version: int
    state: str
    digest: bytes
    event_hash: bytes


class LoadedStream(NamedTuple):
    """A stream from its newest usable snapshot on, or from where the reader asked.

    `hash_before` is that of the event at the version after which the reader asked; None: there
    is none.
    """

    head: StreamHead
    hash_before: bytes | None
    snapshot: StoredState | None
    events: list[Event]


class InlineModes(Protocol):
    """Which projections are inline, in this process and in the database."""

    def registered(self) -> list[str] | None:
        """The names of those that this process brings up to date itself, sorted.

        None: it goes by the database, and `settle` is asked after each append.
        """

    def settle(self) -> None:
        """Make what is missing in the database; raises ProjectionModeDiffers where they differ."""


class EventStore:
    def __init__(
        self,
        database: Database,
        event_types: EventTypes,
        processes: ProcessManagers | None = None,
        *,
        lease_seconds: float = 10,
        modes: "InlineModes | None" = None,
    ) -> None:
        """`lease_seconds`: how long the reactions to an append are its sender's own.

        `modes` says which projections the writer brings up to date; None: it is not asked.
        """
        self._modes = modes
        self._database = database
        self._event_types = event_types
        self._processes = processes or ProcessManagers()
        self._lease = timedelta(seconds=lease_seconds)
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
        stream is elsewhere by now, Boxed when it is in cold storage, EventTooLarge above 64 KiB,
        ProjectionModeDiffers in a process that does not know which projections are inline.
        """
        drafts = Drafts(
            self._event_types,
            category,
            aggregate_id,
            recording,
            events=events,
            version=expected_version,
            head_hash=head_hash,
        )
        stream = (recording.tenant_id, category, aggregate_id, expected_version)
        origin = (recording.recorded_at, recording.command_id)
        due = self._due_reactions(recording.tenant_id, aggregate_id, events)
        inline = self._modes.registered() if self._modes else None
        parameters = (*stream, *drafts.columns(), *origin, *due, self._lease, inline)
        reach("append.begun")
        outcome, found, positions, same_modes = self._database.rows(APPEND, parameters)[0]
        reach("append.ended")
        if outcome == "boxed":
            raise Boxed(category, aggregate_id)
        if outcome == "conflict":
            raise WrongExpectedVersion(category, aggregate_id, expected_version, found)
        if self._modes and (inline is None or not same_modes):
            self._modes.settle()
        return drafts.recorded(positions)

    def _due_reactions(
        self, tenant_id: UUID, aggregate_id: UUID, events: Sequence[Event]
    ) -> tuple[list[int] | None, list[str] | None, list[UUID] | None]:
        """One column for the events' numbers, the processes and their instances; or nothing."""
        due = self._processes.due(tenant_id, aggregate_id, events)
        if not due:
            return None, None, None
        return (
            [reaction.number for reaction in due],
            [reaction.instance.process for reaction in due],
            [reaction.instance.instance_id for reaction in due],
        )

    def lock(self, tenant_id: UUID, aggregate_id: UUID) -> None:
        """Wait until no other transaction writes this stream, and keep others waiting."""
        self._database.row(LOCK_STREAM, (tenant_id, aggregate_id))

    def reserve(self, tenant_id: UUID, scope: str, key: str, aggregate_id: UUID) -> bool:
        """Whether the stream, which must be there, has this name now."""
        taken = self._database.row(RESERVE, (scope, key, tenant_id, aggregate_id))
        return taken is not None

    # Reading -------------------------------------------------------------------------------------

    def find(self, tenant_id: UUID, aggregate_id: UUID) -> StreamHead | None:
        """Where a stream stands, without its events; None: there is no such stream."""
        row = self._database.row(FIND_STREAM, (tenant_id, aggregate_id))
        return None if row is None else StreamHead(*row)

    def load(
        self, tenant_id: UUID, aggregate_id: UUID, *, after: int = 0, state_schema: str = ""
    ) -> LoadedStream | None:
        """A stream's events after a version, or None where there is no such stream.

        They begin after the newest snapshot with this state schema, if that one is newer.
        Raises UnknownEventType for an event that this code does not know, CorruptStream where
        events are missing: a partial state is never returned.
        """
        parameters = {
            "tenant_id": tenant_id,
            "aggregate_id": aggregate_id,
            "after": after,
            "state_schema": state_schema,
        }
        row = self._database.row(LOAD_STREAM, parameters)
        if row is None:
            return None
        head = StreamHead(*row[:5])
        snapshot = StoredState(*row[6:10]) if row[6] is not None else None
        # Three arrays, each null where there are no events.
        columns = [column or () for column in row[10:]]
        events = list(map(self._serializer.decode, *columns))
        start = snapshot.version if snapshot else after
        if start <= head.version != start + len(events) and head.status == "active":
            name = stream_name(head.category, aggregate_id)
            raise CorruptStream(name, head.version, start + len(events))
        return LoadedStream(head, row[5], snapshot, events)
