"""Brings an aggregate to its present version: from the cache, else a snapshot, then by events."""

from copy import copy
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from eventstore.aggregates import Aggregate, State
from eventstore.cache import AggregateCache, CachedState
from eventstore.snapshots import Snapshots
from eventstore.store import EventStore, LoadedStream, StreamHead

AggregateT = TypeVar("AggregateT", bound=Aggregate[Any])


@dataclass(slots=True)
class Loaded(Generic[AggregateT]):
    """An aggregate, the head of its stream, and the version of its last snapshot (0: none)."""

    aggregate: AggregateT
    head: StreamHead
    snapshot_version: int = 0


@dataclass(frozen=True, slots=True)
class _Start:
    """A state to replay later events on; it belongs to whoever holds this."""

    state: State
    version: int = 0
    snapshot_version: int = 0


class AggregateLoader:
    def __init__(self, store: EventStore, snapshots: Snapshots, cache: AggregateCache) -> None:
        self._store = store
        self._snapshots = snapshots
        self._cache = cache

    def load(
        self,
        tenant_id: UUID,
        aggregate_class: type[AggregateT],
        aggregate_id: UUID,
        *,
        seen: StreamHead | None = None,
    ) -> Loaded[AggregateT] | None:
        """The aggregate as of now, or None where no stream of its category has this id.

        `seen` is the stream's head as this transaction has read it: a cached aggregate that
        stands there is returned without another look. Of a boxed stream only the head counts.
        Raises UnknownEventType and CorruptStream.
        """
        category = aggregate_class.category
        cached = self._cache.get(tenant_id, category, aggregate_id)
        start = _start_from(cached) if cached else _Start(aggregate_class.state_type())
        if cached and cached.head == seen:
            nothing_since = LoadedStream(cached.head, cached.head.head_hash, None, [])
            return _replayed(aggregate_class, aggregate_id, start, nothing_since)
        schema = self._snapshots.schema_of(aggregate_class)
        stream = self._store.load(
            tenant_id, aggregate_id, after=start.version, state_schema=schema
        )
        if stream is None or stream.head.category != category:
            return None
        if cached and not cached.precedes(stream):
            self._cache.drop(tenant_id, category, aggregate_id)
            return self.load(tenant_id, aggregate_class, aggregate_id)
        if stream.snapshot:
            state = self._snapshots.read(aggregate_class, stream.snapshot)
            if state is None:
                return self._load_without_snapshot(tenant_id, aggregate_class, aggregate_id)
            start = _Start(state, stream.snapshot.version, stream.snapshot.version)
        return _replayed(aggregate_class, aggregate_id, start, stream)

    def keep(self, tenant_id: UUID, loaded: Loaded[Any]) -> None:
        """Cache an aggregate whose transaction has committed, and take a snapshot if one is due.

        Nobody may change the aggregate afterwards.
        """
        aggregate, head = loaded.aggregate, loaded.head
        if aggregate.pending or not aggregate.version == head.version > 0:
            return  # Its state is not the stream's: the handler did not save it.
        taken = self._snapshots.is_due(head.version, loaded.snapshot_version) and (
            self._snapshots.take(type(aggregate), tenant_id, aggregate.id, head, aggregate.state)
        )
        snapshot_version = head.version if taken else loaded.snapshot_version
        entry = CachedState(aggregate.state, head, snapshot_version)
        self._cache.put(tenant_id, aggregate.id, entry)

    def _load_without_snapshot(
        self, tenant_id: UUID, aggregate_class: type[AggregateT], aggregate_id: UUID
    ) -> Loaded[AggregateT] | None:
        stream = self._store.load(tenant_id, aggregate_id)
        start = _Start(aggregate_class.state_type())
        return stream and _replayed(aggregate_class, aggregate_id, start, stream)


def _start_from(cached: CachedState) -> _Start:
    # The fields of a state hold immutable values, so a shallow copy is a copy.
    return _Start(copy(cached.state), cached.head.version, cached.snapshot_version)


def _replayed(
    aggregate_class: type[AggregateT], aggregate_id: UUID, start: _Start, stream: LoadedStream
) -> Loaded[AggregateT]:
    aggregate = aggregate_class(aggregate_id)
    aggregate.state = start.state
    aggregate.version = start.version
    aggregate.replay(stream.events)
    return Loaded(aggregate, stream.head, start.snapshot_version)
