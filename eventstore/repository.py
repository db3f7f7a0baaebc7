"""Loads aggregates for one command and saves what they recorded."""

from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from eventstore.aggregates import Aggregate
from eventstore.drafts import Recording
from eventstore.errors import AggregateNotFound, AlreadyExists, Boxed, StaleVersion
from eventstore.events import Event, RecordedEvent
from eventstore.hash_chain import GENESIS
from eventstore.loading import AggregateLoader, Loaded
from eventstore.store import EventStore, StreamHead

AggregateT = TypeVar("AggregateT", bound=Aggregate[Any])


class Repository:
    """Lives as long as one attempt at one command, inside its transaction."""

    def __init__(
        self,
        store: EventStore,
        loader: AggregateLoader,
        recording: Recording,
        *,
        target_id: UUID,
        target_head: StreamHead | None = None,
        expected_version: int | None = None,
        in_line: bool = False,
    ) -> None:
        """`expected_version` is what the sender has seen of `target_id`; None: any.

        `target_head` is what this transaction has seen of it; None: no stream.
        `in_line` takes each stream's row lock before loading: slower alone, sure under contention.
        """
        self._store = store
        self._loader = loader
        self._recording = recording
        self._target_id = target_id
        self._expected_version = expected_version
        self._in_line = in_line
        #: Heads that need not be asked for again, until they are used.
        self._seen = {} if in_line else {target_id: target_head}
        self._loaded: dict[UUID, Loaded[Any]] = {}
        #: All that this command recorded so far, in the order of the appends.
        self.recorded: list[RecordedEvent[Event]] = []
        #: What a handler that records nothing has to say of it, in a sentence.
        self.detail = ""

    @property
    def tenant_id(self) -> UUID:
        return self._recording.tenant_id

    @property
    def user(self) -> str:
        return self._recording.origin.user

    def load(self, aggregate_class: type[AggregateT], aggregate_id: UUID) -> AggregateT:
        """The aggregate at its present version; loaded again, it is the same object.

        Raises AggregateNotFound (also for an id of another tenant or category), Boxed, and
        StaleVersion where the sender expected another version.
        """
        before = self._loaded.get(aggregate_id)
        if before is not None and isinstance(before.aggregate, aggregate_class):
            return before.aggregate
        if self._in_line:
            self._store.lock(self._recording.tenant_id, aggregate_id)
        loaded = self._loader.load(
            self._recording.tenant_id,
            aggregate_class,
            aggregate_id,
            seen=self._seen.pop(aggregate_id, None),
        )
        if loaded is None:
            raise AggregateNotFound(aggregate_class.category, aggregate_id)
        if loaded.head.status == "boxed":
            raise Boxed(aggregate_class.category, aggregate_id)
        self.check_expected(aggregate_class.category, aggregate_id, loaded.head.version)
        self._loaded[aggregate_id] = loaded
        return loaded.aggregate

    def create(self, aggregate_class: type[AggregateT], aggregate_id: UUID) -> AggregateT:
        """An empty aggregate under a free id; raises AlreadyExists or Boxed where it is taken."""
        category = aggregate_class.category
        if aggregate_id in self._loaded:
            raise AlreadyExists(category, aggregate_id)
        found = self._head(aggregate_id)
        self.check_expected(category, aggregate_id, found.version if found else 0)
        if found and found.status == "boxed":
            raise Boxed(found.category, aggregate_id)
        if found:
            raise AlreadyExists(category, aggregate_id)
        aggregate = aggregate_class(aggregate_id)
        self._loaded[aggregate_id] = Loaded(
            aggregate, StreamHead(category, "active", 0, GENESIS, 0)
        )
        return aggregate

    def require(self, category: str, aggregate_id: UUID) -> None:
        """Check that another aggregate exists, without loading it.

        Raises AggregateNotFound or Boxed.
        """
        found = self._store.find(self._recording.tenant_id, aggregate_id)
        if found is None or found.category != category:
            raise AggregateNotFound(category, aggregate_id)
        if found.status == "boxed":
            raise Boxed(category, aggregate_id)

    def check_expected(self, category: str, aggregate_id: UUID, actual: int) -> None:
        """Raise StaleVersion where the sender has seen another version of the target."""
        expected = self._expected_version
        if expected is not None and aggregate_id == self._target_id and expected != actual:
            raise StaleVersion(category, aggregate_id, expected, actual)

    def save(self, aggregate: Aggregate[Any]) -> None:
        """Append what the aggregate recorded; raises WrongExpectedVersion when it is outdated.

        Raises ValueError for an aggregate that was not loaded or created here.
        """
        loaded = self._loaded.get(aggregate.id)
        if loaded is None or loaded.aggregate is not aggregate:
            name = f"{aggregate.category} {aggregate.id}"
            raise ValueError(f"{name} was not loaded by this repository. Load it, then save it.")
        if not aggregate.pending:
            return
        recorded = self._store.append(
            aggregate.category,
            aggregate.id,
            aggregate.pending,
            expected_version=aggregate.version,
            head_hash=loaded.head.head_hash,
            recording=self._recording,
        )
        aggregate.version += len(aggregate.pending)
        aggregate.pending = []
        loaded.head = replace(loaded.head, version=aggregate.version, head_hash=recorded[-1].hash)
        self.recorded.extend(recorded)

    def reserve(self, scope: str, key: str, aggregate: Aggregate[Any]) -> bool:
        """Take what must be unique among all aggregates of the tenant, such as a login name.

        False where another aggregate has it; True also where this one has it already. Waits for a
        command that is taking the same. A refusal of the command gives it up again. `scope` has
        at most 50 characters, `key` 500. Raises ValueError for an aggregate without any event.
        """
        if aggregate.version == 0:
            name = f"{aggregate.category} {aggregate.id}"
            raise ValueError(f"{name} has no stream that could hold {scope} {key}. Save it first.")
        return self._store.reserve(self.tenant_id, scope, key, aggregate.id)

    def keep(self) -> None:
        """Cache what was loaded and saved, with snapshots; only after the commit."""
        for loaded in self._loaded.values():
            self._loader.keep(self._recording.tenant_id, loaded)

    def _head(self, aggregate_id: UUID) -> StreamHead | None:
        if aggregate_id in self._seen:
            return self._seen.pop(aggregate_id)
        return self._store.find(self._recording.tenant_id, aggregate_id)
