"""The unit of consistency: checks first, then records events; state changes by `apply` alone.

The decide/evolve split is Chassaing's "functional event sourcing decider"; the state stands
apart from the aggregate so that it can be snapshotted, cached and compared as a plain value.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from uuid import UUID

from eventstore.events import Event


class State(Protocol):
    """A plain dataclass whose fields hold immutable values, changed by `apply` alone.

    So a shallow copy is a copy. All fields have defaults, and a form in JSON for snapshots.
    """

    def apply(self, event: Any) -> None: ...


StateT = TypeVar("StateT", bound=State)


class Aggregate(Generic[StateT]):
    """Subclasses name their category and state, and add a method for each command."""

    category: ClassVar[str]
    state_type: type[StateT]
    #: Raise it when events come to mean another state (in `apply`, an upcaster, a default) and
    #: the fields of the state stay the same: snapshots of the old meaning are passed over then,
    #: as they are by themselves when the fields change.
    state_version: ClassVar[int] = 1

    __slots__ = ("id", "pending", "state", "version")

    def __init__(self, aggregate_id: UUID) -> None:
        self.id = aggregate_id
        self.state: StateT = self.state_type()
        #: Of the last stored event; pending ones are not counted. 0: not stored yet.
        self.version = 0
        self.pending: list[Event] = []

    def record(self, event: Event) -> None:
        """Apply an event that has just been decided, and keep it for the next append."""
        self.state.apply(event)
        self.pending.append(event)

    def replay(self, events: Iterable[Event]) -> None:
        """Bring the state up to date by stored events."""
        apply = self.state.apply
        for event in events:
            apply(event)
            self.version += 1
