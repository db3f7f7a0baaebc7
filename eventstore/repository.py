"""Loads aggregates for one command and saves what they recorded."""

from typing import Any, TypeVar
from uuid import UUID

from eventstore.aggregates import Aggregate
from eventstore.drafts import Recording
from eventstore.errors import AggregateNotFound, AlreadyExists, Boxed, StaleVersion
from eventstore.events import Event, RecordedEvent
from eventstore.hash_chain import GENESIS
from eventstore.store import EventStore

AggregateT = TypeVar("AggregateT", bound=Aggregate[Any])


class Repository:
    """Lives as long as one attempt at one command, inside its transaction."""

    def __init__(
        self,
        store: EventStore,
        recording: Recording,
        *,
        target_id: UUID,
        expected_version: int | None = None,
        in_line: bool = False,
    ) -> None:
        """`expected_version` is what the sender has seen of `target_id`; None: any.

        `in_line` takes each stream's row lock before loading: slower alone, sure under contention.
        """
        self._store = store
        self._recording = recording
        self._target_id = target_id
        self._expected_version = expected_version
        self._in_line = in_line
        self._head_hashes: dict[UUID, bytes] = {}
        #: All that this command recorded so far, in the order of the appends.
        self.recorded: list[RecordedEvent[Event]] = []

    def load(self, aggregate_class: type[AggregateT], aggregate_id: UUID) -> AggregateT:
        """The aggregate at its present version.

        Raises AggregateNotFound (also for an id of another tenant or category), Boxed, and
        StaleVersion where the sender expected another version.
        """
        if self._in_line:
            self._store.lock(self._recording.tenant_id, aggregate_id)
        loaded = self._store.load(self._recording.tenant_id, aggregate_id)
        if loaded is None or loaded[0].category != aggregate_class.category:
            raise AggregateNotFound(aggregate_class.category, aggregate_id)
        head, events = loaded
        if head.status == "boxed":
            raise Boxed(head.category, aggregate_id)
        self._check_expected(head.category, aggregate_id, head.version)
        aggregate = aggregate_class(aggregate_id)
        aggregate.replay(events)
        self._head_hashes[aggregate_id] = head.head_hash
        return aggregate

    def create(self, aggregate_class: type[AggregateT], aggregate_id: UUID) -> AggregateT:
        """An empty aggregate under a free id; raises AlreadyExists or Boxed where it is taken."""
        found = self._store.find(self._recording.tenant_id, aggregate_id)
        category = aggregate_class.category
        self._check_expected(category, aggregate_id, found[2] if found else 0)
        if found and found[1] == "boxed":
            raise Boxed(found[0], aggregate_id)
        if found:
            raise AlreadyExists(category, aggregate_id)
        self._head_hashes[aggregate_id] = GENESIS
        return aggregate_class(aggregate_id)

    def require(self, category: str, aggregate_id: UUID) -> None:
        """Check that another aggregate exists, without loading it.

        Raises AggregateNotFound or Boxed.
        """
        found = self._store.find(self._recording.tenant_id, aggregate_id)
        if found is None or found[0] != category:
            raise AggregateNotFound(category, aggregate_id)
        if found[1] == "boxed":
            raise Boxed(category, aggregate_id)

    def save(self, aggregate: Aggregate[Any]) -> None:
        """Append what the aggregate recorded; raises WrongExpectedVersion when it is outdated."""
        if not aggregate.pending:
            return
        recorded = self._store.append(
            aggregate.category,
            aggregate.id,
            aggregate.pending,
            expected_version=aggregate.version,
            head_hash=self._head_hashes[aggregate.id],
            recording=self._recording,
        )
        aggregate.version += len(aggregate.pending)
        aggregate.pending = []
        self._head_hashes[aggregate.id] = recorded[-1].hash
        self.recorded.extend(recorded)

    def _check_expected(self, category: str, aggregate_id: UUID, actual: int) -> None:
        expected = self._expected_version
        if expected is not None and aggregate_id == self._target_id and expected != actual:
            raise StaleVersion(category, aggregate_id, expected, actual)
