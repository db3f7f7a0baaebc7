"""Given these events, when this command is handled, then those events follow. No database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from eventstore.aggregates import Aggregate
from eventstore.command_types import Handler
from eventstore.commands import Command
from eventstore.errors import AggregateNotFound, AlreadyExists, Refusal
from eventstore.events import Event

AggregateT = TypeVar("AggregateT", bound=Aggregate[Any])

#: By scope and key, the aggregate that has reserved it.
Reservations = Mapping[tuple[str, str], UUID]

#: Of every test without a database.
TENANT_ID = UUID(int=1)


class Stream:
    """The events that an aggregate has recorded before the test begins."""

    def __init__(
        self, aggregate_class: type[Aggregate[Any]], aggregate_id: UUID, *events: Event
    ) -> None:
        self.aggregate_class = aggregate_class
        self.aggregate_id = aggregate_id
        self.events = events


class MemoryRepository:
    """Answers a handler as `eventstore.repository.Repository` does, from events in memory."""

    tenant_id = TENANT_ID

    def __init__(self, streams: tuple[Stream, ...], reserved: Reservations) -> None:
        self.reserved = dict(reserved)
        self._streams = {stream.aggregate_id: stream for stream in streams}
        self._loaded: dict[UUID, Aggregate[Any]] = {}
        self.saved: list[Event] = []

    def load(self, aggregate_class: type[AggregateT], aggregate_id: UUID) -> AggregateT:
        before = self._loaded.get(aggregate_id)
        if isinstance(before, aggregate_class):
            return before
        self.require(aggregate_class.category, aggregate_id)
        aggregate = aggregate_class(aggregate_id)
        aggregate.replay(self._streams[aggregate_id].events)
        self._loaded[aggregate_id] = aggregate
        return aggregate

    def create(self, aggregate_class: type[AggregateT], aggregate_id: UUID) -> AggregateT:
        if aggregate_id in self._streams or aggregate_id in self._loaded:
            raise AlreadyExists(aggregate_class.category, aggregate_id)
        aggregate = aggregate_class(aggregate_id)
        self._loaded[aggregate_id] = aggregate
        return aggregate

    def require(self, category: str, aggregate_id: UUID) -> None:
        stream = self._streams.get(aggregate_id)
        if stream is None or stream.aggregate_class.category != category:
            raise AggregateNotFound(category, aggregate_id)

    def save(self, aggregate: Aggregate[Any]) -> None:
        if self._loaded.get(aggregate.id) is not aggregate:
            raise ValueError(f"{aggregate.category} {aggregate.id} is not of this repository.")
        before = self._streams.get(aggregate.id)
        events = (*(before.events if before else ()), *aggregate.pending)
        self._streams[aggregate.id] = Stream(type(aggregate), aggregate.id, *events)
        self.saved += aggregate.pending
        aggregate.version += len(aggregate.pending)
        aggregate.pending = []

    def reserve(self, scope: str, key: str, aggregate: Aggregate[Any]) -> bool:
        if aggregate.version == 0:
            raise ValueError(f"{aggregate.category} {aggregate.id} is not saved yet.")
        return self.reserved.setdefault((scope, key), aggregate.id) == aggregate.id


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a handler did: the events that it saved, or its refusal; and what is reserved now."""

    events: list[Event]
    refusal: Refusal | None
    reserved: Reservations

    def then(self, *expected: Event) -> None:
        """Exactly these events were saved; none: nothing was."""
        if self.refusal is not None:
            raise AssertionError(f"refused: {self.refusal!r}") from self.refusal
        assert self.events == list(expected), f"{self.events} is not {list(expected)}"

    def then_refused(self, refusal_class: type[Refusal]) -> None:
        """The command was refused for this reason, and nothing was saved."""
        assert type(self.refusal) is refusal_class, (
            f"expected {refusal_class.__name__}, got {self.refusal or self.events!r}"
        )


@dataclass(frozen=True, slots=True)
class Given:
    streams: tuple[Stream, ...]
    reserved: Reservations

    def when(self, command: Command, handler: Handler) -> Outcome:
        """Handle the command on the given streams."""
        repository = MemoryRepository(self.streams, self.reserved)
        try:
            handler(command, repository)
        except Refusal as refusal:
            return Outcome([], refusal, self.reserved)
        return Outcome(repository.saved, None, repository.reserved)


def given(*streams: Stream, reserved: Reservations | None = None) -> Given:
    """Begin a test with these streams, and with what they have reserved."""
    return Given(streams, reserved or {})
