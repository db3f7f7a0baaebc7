"""What an aggregate was at each version, and what each event changed: for auditors.

Always replayed from the first event, never from a snapshot or the cache, with one page of events
in memory at a time.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from django import db

from eventstore import errors
from eventstore.aggregate_types import AggregateTypes
from eventstore.aggregates import State
from eventstore.changes import Change, changes_between
from eventstore.events import Event, RecordedEvent, stream_name
from eventstore.reading import END, EventReader
from eventstore.serialization import to_builtins
from eventstore.store import EventStore


class Moment(NamedTuple):
    """An event, the state after it as it would stand in JSON, and what it changed."""

    recorded: RecordedEvent[Event]
    state: dict[str, Any]
    changes: list[Change]


class History:
    def __init__(self, store: EventStore, reader: EventReader, types: AggregateTypes) -> None:
        self._store = store
        self._reader = reader
        self._types = types

    def state_at(
        self, tenant_id: UUID, category: str, aggregate_id: UUID, version: int
    ) -> dict[str, Any]:
        """The state after `version` events, 0: before the first.

        Raises AggregateNotFound, Boxed, NoSuchVersion, and NotReplayable or CorruptStream where
        the events up to `version` give no state.
        """
        state, reached = self._types.of(category).state_type(), 0
        for recorded in self._replay(state, tenant_id, category, aggregate_id, version):
            reached = recorded.version
        # Asked last: a stream that was put into a box meanwhile must not be called corrupt.
        head = self._store.find(tenant_id, aggregate_id)
        if head is None or head.category != category:
            raise errors.AggregateNotFound(category, aggregate_id)
        if head.status == "boxed":
            raise errors.Boxed(category, aggregate_id)
        if not 0 <= version <= head.version:
            raise errors.NoSuchVersion(stream_name(category, aggregate_id), version, head.version)
        if reached != version:
            raise errors.CorruptStream(stream_name(category, aggregate_id), head.version, reached)
        return _in_json(state)

    def moments(
        self, tenant_id: UUID, category: str, aggregate_id: UUID, first: int = 1, last: int = END
    ) -> Iterator[Moment]:
        """Each event from version `first` to `last` with what it did; none: nothing.

        Raises NotReplayable when it comes to the first event that gives no state, also before
        `first`, and CorruptStream at a hole.
        """
        state = self._types.of(category).state_type()
        before = _in_json(state)
        for recorded in self._replay(state, tenant_id, category, aggregate_id, last):
            if recorded.version < first - 1:
                continue
            after = _in_json(state)
            if recorded.version >= first:
                yield Moment(recorded, after, list(changes_between(before, after)))
            before = after

    def _replay(
        self, state: State, tenant_id: UUID, category: str, aggregate_id: UUID, last: int
    ) -> Iterator[RecordedEvent[Event]]:
        """Apply each event to the state, then give it out."""
        stream, version = stream_name(category, aggregate_id), 1
        events = self._reader.read_stream(tenant_id, category, aggregate_id, last=last)
        while True:
            try:
                if (recorded := next(events, None)) is None:
                    return
                if recorded.version == version:
                    state.apply(recorded.event)
            except db.Error:
                raise
            except Exception as error:  # Whatever it is, there is no state after this event.
                raise errors.NotReplayable(stream, version, error) from error
            if recorded.version != version:
                raise errors.CorruptStream(stream, recorded.version, version - 1)
            yield recorded
            version += 1


def _in_json(state: State) -> dict[str, Any]:
    values: dict[str, Any] = to_builtins(state, in_order=True)
    return values
