"""The same work on a small store and on a big one: what grows must not become slow."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid4

from eventstore.models import StoredStream
from eventstore.tenancy import Actor
from ledger.accounts.events import MoneyDeposited
from tests.benchmarks.filling import fill
from tests.benchmarks.measuring import Booking, Contestant, Size
from tests.benchmarks.ours import OurAppends, Ours
from tests.benchmarks.scratch_database import second_database

#: The big store has so many times the streams, and the events, of the small one.
GROWN = 100


@dataclass(frozen=True, slots=True)
class Store:
    """A database under an alias; the work goes to `ids`, which lie evenly among its streams."""

    alias: str
    actor: Actor
    ids: list[UUID]


class Growth:
    """Both stores, made when they are first needed: ours is the big one, the limit the small."""

    def __init__(self, closing: ExitStack) -> None:
        self._closing = closing
        self._stores: dict[str, Store] = {}

    def appends(self, size: Size) -> dict[str, Contestant]:
        return {name: GrownAppends(size, store) for name, store in self._made(size).items()}

    def warm_loads(self, size: Size) -> dict[str, Contestant]:
        return {name: GrownLoads(size, store) for name, store in self._made(size).items()}

    def _made(self, size: Size) -> dict[str, Store]:
        if not self._stores:
            self._stores["limit"] = self._make("small", size, times=1)
            self._stores["ours"] = self._make("big", size, times=GROWN)
        return self._stores

    def _make(self, alias: str, size: Size, *, times: int) -> Store:
        self._closing.enter_context(second_database(alias))
        owner = Ours(alias=alias)
        ids = [uuid4() for _ in range(size.accounts * times)]
        schema_version = owner.application.events.of(MoneyDeposited).schema_version
        fill(alias, owner.actor.tenant_id, ids, size.prior, schema_version)
        return Store(alias, owner.actor, ids[::times])


class GrownAppends(OurAppends):
    """One event to a stream that was there before."""

    def __init__(self, size: Size, store: Store) -> None:
        super().__init__(size, alias=store.alias)
        self.actor, self.ids = store.actor, store.ids
        streams = StoredStream.objects.using(store.alias).filter(aggregate_id__in=self.ids)
        heads = {
            aggregate_id: (version, bytes(head_hash))
            for aggregate_id, version, head_hash in streams.values_list(
                "aggregate_id", "version", "head_hash"
            )
        }
        self._heads = [heads[aggregate_id] for aggregate_id in self.ids]


class GrownLoads(Ours):
    """An aggregate from a warm cache, which asks the database for later events each time."""

    def __init__(self, size: Size, store: Store) -> None:
        super().__init__(alias=store.alias, cache_size=size.accounts)
        self.actor, self.ids = store.actor, store.ids
        self._found = Decimal(0)
        for aggregate_id in self.ids:
            self.keep(aggregate_id)

    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            self._found = self.load(self.ids[booking.account]).state.balance
