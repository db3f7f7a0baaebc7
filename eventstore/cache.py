"""Aggregates of this process, as they were after their last commit: least recently used go first.

An entry is never the truth. Whoever takes one asks the database what came since, and throws it
away where the stream has another incarnation (it was in a box meanwhile), or another past.
"""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

from eventstore.aggregates import State
from eventstore.store import LoadedStream, StreamHead


@dataclass(frozen=True, slots=True)
class CachedState:
    """A state that nobody changes any more, and where in its stream it stands.

    `snapshot_version` is that of the stream's last known snapshot; 0: none.
    """

    state: State
    head: StreamHead
    snapshot_version: int

    def precedes(self, stream: LoadedStream) -> bool:
        """Whether a stream that was loaded after this version continues from here."""
        return (self.head.incarnation, self.head.head_hash) == (
            stream.head.incarnation,
            stream.hash_before,
        )


class AggregateCache:
    """At most `size` aggregates, 0 for none; the threads of a process share one."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[tuple[UUID, str, UUID], CachedState] = OrderedDict()
        self._lock = Lock()

    def get(self, tenant_id: UUID, category: str, aggregate_id: UUID) -> CachedState | None:
        """What was kept last; its state is shared, so copy it before you change it."""
        key = (tenant_id, category, aggregate_id)
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
            return entry

    def put(self, tenant_id: UUID, aggregate_id: UUID, entry: CachedState) -> None:
        """Keep a committed state, unless a later one is here already."""
        key = (tenant_id, entry.head.category, aggregate_id)
        with self._lock:
            present = self._entries.get(key)
            if present is None or _age(present) <= _age(entry):
                self._entries[key] = entry
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def drop(self, tenant_id: UUID, category: str, aggregate_id: UUID) -> None:
        """Forget an entry that turned out to be of another past."""
        with self._lock:
            self._entries.pop((tenant_id, category, aggregate_id), None)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


def _age(entry: CachedState) -> tuple[int, int]:
    return entry.head.incarnation, entry.head.version
