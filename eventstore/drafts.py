"""Events on their way into a stream: numbered, encoded and chained, not stored yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count, repeat
from uuid import UUID

from eventstore.errors import EventTooLarge
from eventstore.event_types import EventTypes
from eventstore.events import Event, Origin, RecordedEvent, stream_name
from eventstore.hash_chain import HashChain
from eventstore.serialization import encode, encode_lines

#: Bytes of JSON in one event.
MAXIMUM_EVENT_SIZE = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What every event of one append says about where it comes from.

    `recorded_at` is the database's clock; the claim of the command id returns it.
    `command_id` is the command whose answer the append completes, None outside a command.
    """

    tenant_id: UUID
    origin: Origin
    recorded_at: datetime
    command_id: UUID | None = None


class Drafts:
    """The events of one append: one column for each thing that is stored of them.

    `data` is one line of JSON for each event; `metadata` is the same for all of them.
    """

    def __init__(
        self,
        event_types: EventTypes,
        category: str,
        aggregate_id: UUID,
        recording: Recording,
        *,
        events: Sequence[Event],
        version: int,
        head_hash: bytes,
    ) -> None:
        """Number and hash the events after the given version and hash; raises EventTooLarge."""
        self._category = category
        self._aggregate_id = aggregate_id
        self._recording = recording
        self._events = events
        self._version = version
        types = [event_types.of(type(event)) for event in events]
        self.type_names = [event_type.name for event_type in types]
        self.schema_versions = [event_type.schema_version for event_type in types]
        self.data = encode_lines(events).removesuffix(b"\n")
        self.metadata = encode(recording.origin)
        self.hashes = self._chain(head_hash)

    def _chain(self, head_hash: bytes) -> list[bytes]:
        chain = HashChain(
            tenant_id=self._recording.tenant_id,
            stream=stream_name(self._category, self._aggregate_id),
            recorded_at=self._recording.recorded_at,
            metadata=self.metadata,
        )
        hashes = []
        lines = zip(self.type_names, self.schema_versions, self.data.split(b"\n"), strict=True)
        for version, (type_name, schema_version, data) in enumerate(lines, self._version + 1):
            if len(data) > MAXIMUM_EVENT_SIZE:
                raise EventTooLarge(type_name, len(data), MAXIMUM_EVENT_SIZE)
            head_hash = chain.link(
                head_hash,
                version=version,
                type_name=type_name,
                schema_version=schema_version,
                data=data,
            )
            hashes.append(head_hash)
        return hashes

    def columns(self) -> tuple[str, str, str, bytes, str]:
        """Types, schema versions, data, hashes and metadata, as `eventstore_append` takes them."""
        return (
            "\n".join(self.type_names),
            "\n".join(map(str, self.schema_versions)),
            self.data.decode(),
            b"".join(self.hashes),
            self.metadata.decode(),
        )

    def recorded(self, positions: Sequence[int]) -> list[RecordedEvent[Event]]:
        """The events as readers will find them, now that their positions are known."""
        recording, origin = self._recording, self._recording.origin
        # One column for each field of RecordedEvent.
        return list(
            map(
                RecordedEvent,
                self._events,
                positions,
                repeat(recording.tenant_id),
                repeat(self._category),
                repeat(self._aggregate_id),
                count(self._version + 1),
                self.type_names,
                self.schema_versions,
                repeat(recording.recorded_at),
                repeat(origin.correlation_id),
                repeat(origin.causation_id),
                repeat(origin.user),
                self.hashes,
            )
        )
