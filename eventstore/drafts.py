"""Events on their way into a stream: numbered, encoded and chained, not stored yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from eventstore.errors import EventTooLarge
from eventstore.event_types import EventType, EventTypes
from eventstore.events import Event, Origin, RecordedEvent, stream_name
from eventstore.hash_chain import HashChain
from eventstore.serialization import encode

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


class Draft(NamedTuple):
    """One event with all that will be stored of it but its position."""

    event: Event
    event_type: EventType
    version: int
    data: bytes
    hash: bytes

    def as_json(self) -> str:
        """An element of the append call's array; `data` byte for byte as it was hashed."""
        return (
            f'{{"type":"{self.event_type.name}","schema_version":{self.event_type.schema_version},'
            f'"hash":"{self.hash.hex()}","data":{self.data.decode()}}}'
        )


class Drafts:
    """The events of one append, in order; `metadata` is the same for all of them."""

    def __init__(
        self, event_types: EventTypes, category: str, aggregate_id: UUID, recording: Recording
    ) -> None:
        self._event_types = event_types
        self._category = category
        self._aggregate_id = aggregate_id
        self._recording = recording
        self.metadata = encode(recording.origin)
        self._chain = HashChain(
            tenant_id=recording.tenant_id,
            stream=stream_name(category, aggregate_id),
            recorded_at=recording.recorded_at,
            metadata=self.metadata,
        )

    def chain(self, events: Sequence[Event], version: int, head_hash: bytes) -> list[Draft]:
        """Number and hash the events after the given version and hash; raises EventTooLarge."""
        drafts = []
        for event in events:
            version += 1
            draft = self._draft(event, version, head_hash)
            head_hash = draft.hash
            drafts.append(draft)
        return drafts

    def _draft(self, event: Event, version: int, previous: bytes) -> Draft:
        event_type = self._event_types.of(type(event))
        data = encode(event)
        if len(data) > MAXIMUM_EVENT_SIZE:
            raise EventTooLarge(event_type.name, len(data), MAXIMUM_EVENT_SIZE)
        hash_ = self._chain.link(
            previous,
            version=version,
            type_name=event_type.name,
            schema_version=event_type.schema_version,
            data=data,
        )
        return Draft(event, event_type, version, data, hash_)

    def recorded(
        self, drafts: Sequence[Draft], positions: Sequence[int]
    ) -> Iterator[RecordedEvent[Event]]:
        """The drafts as readers will find them, now that their positions are known."""
        origin = self._recording.origin
        for draft, position in zip(drafts, positions, strict=True):
            yield RecordedEvent(
                event=draft.event,
                position=position,
                tenant_id=self._recording.tenant_id,
                category=self._category,
                aggregate_id=self._aggregate_id,
                version=draft.version,
                type=draft.event_type.name,
                schema_version=draft.event_type.schema_version,
                recorded_at=self._recording.recorded_at,
                correlation_id=origin.correlation_id,
                causation_id=origin.causation_id,
                user=origin.user,
                hash=draft.hash,
            )
