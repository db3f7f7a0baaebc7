"""This project's fast ways to an aggregate, and its log."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from uuid import uuid4

from django.db import DEFAULT_DB_ALIAS

from eventstore.events import Event, RecordedEvent
from eventstore.hash_chain import GENESIS
from ledger.accounts.events import AccountOpened, MoneyDeposited
from tests.benchmarks.filling import fill
from tests.benchmarks.measuring import Booking, Size
from tests.benchmarks.ours import Ours

#: Events of one append: a snapshot is taken after each, as after a command.
RUN = 100


class OurSnapshotLoads(Ours):
    """An aggregate with a long past, from its last snapshot."""

    def __init__(self, size: Size, *, cache_size: int = 0) -> None:
        super().__init__(snapshot_every=RUN, cache_size=cache_size)
        self._found = Decimal(0)
        for number in range(size.accounts):
            opened = AccountOpened(owner_id=uuid4(), code=str(number))
            deposits = [MoneyDeposited(amount=Decimal(1), reference="Salary")] * size.prior
            self.ids.append(uuid4())
            self._append([opened, *deposits])

    def _append(self, events: Sequence[Event]) -> None:
        """To the last stream, a hundred at a time, each time as if a command had done it."""
        head_hash = GENESIS
        for version in range(0, len(events), RUN):
            recorded = self.application.store.append(
                "account",
                self.ids[-1],
                events[version : version + RUN],
                expected_version=version,
                head_hash=head_hash,
                recording=self.recording(),
            )
            head_hash = recorded[-1].hash
            self.keep(self.ids[-1])

    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            self._found = self.load(self.ids[booking.account]).state.balance

    def total(self) -> Decimal:
        return self._found


class OurWarmLoads(OurSnapshotLoads):
    """The same from a warm cache, which asks the database for later events each time."""

    def __init__(self, size: Size) -> None:
        super().__init__(size, cache_size=size.accounts)


class OurFeed(Ours):
    """The whole log with its envelopes, from the first event of this tenant on."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self._starts = self._after = self.application.high_water_mark.ceiling()
        self.ids = [uuid4() for _ in range(size.accounts)]
        schema_version = self.application.events.of(MoneyDeposited).schema_version
        tenant_id = self.actor.tenant_id
        fill(DEFAULT_DB_ALIAS, tenant_id, self.ids, size.prior, schema_version)
        self._ends = self.application.high_water_mark.ceiling()
        self._read: list[RecordedEvent[Event]] = []

    def work(self, bookings: Sequence[Booking]) -> None:
        log = self.application.reader.read_log(after=self._after)
        self._read = list(islice(log, len(bookings)))
        position = self._read[-1].position
        self._after = self._starts if position == self._ends else position

    def total(self) -> Decimal:
        events = (recorded.event for recorded in self._read)
        amounts = (event.amount for event in events if isinstance(event, MoneyDeposited))
        return sum(amounts, Decimal(0))
