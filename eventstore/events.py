"""What an event is, and the envelope in which the store gives it back. Pure Python."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID, uuid5


class Event:
    """A fact, in the past tense. Subclasses are frozen dataclasses; this marker adds nothing."""

    __slots__ = ()


EventT = TypeVar("EventT", bound=Event, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an event comes from; stored as its metadata.

    `correlation_id` is shared by all that followed from one request; `causation_id` is the
    command that caused the event.
    """

    user: str
    correlation_id: UUID
    causation_id: UUID | None


class RecordedEvent(NamedTuple, Generic[EventT]):
    """An event as the store recorded it. (A named tuple: made by the thousand, four times faster.)

    `position` orders all events of all tenants, with gaps; `version` counts within the stream
    from 1, without holes. `recorded_at` is the database's clock, in UTC.
    `type` and `schema_version` are the stored ones, which the hash covers; `event` is what they
    are in the present schema version.
    `hash` chains it to its predecessor in the stream.
    """

    event: EventT
    position: int
    tenant_id: UUID
    category: str
    aggregate_id: UUID
    version: int
    type: str
    schema_version: int
    recorded_at: datetime
    correlation_id: UUID
    causation_id: UUID | None
    user: str
    hash: bytes


def stream_name(category: str, aggregate_id: UUID) -> str:
    """The name of a stream as people write it and as its hash chain contains it."""
    return f"{category}-{aggregate_id}"


def event_id(tenant_id: UUID, category: str, aggregate_id: UUID, version: int) -> UUID:
    """The id by which a message names the event that caused it. It is nowhere stored with it."""
    return uuid5(tenant_id, f"{stream_name(category, aggregate_id)}/{version}")
