"""The rival from Python's own shelves: the `eventsourcing` library, with its defaults.

Aggregates and application stand as in its tutorial. Rows of a read side in the same transaction
are written as its "searchable" examples do: a recorder of one's own extends `_insert_events`.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.postgres import PostgresApplicationRecorder
from psycopg.sql import SQL

from tests.benchmarks.measuring import Booking, Size
from tests.benchmarks.raw_limit import PAGE_SIZE, runs
from tests.benchmarks.scratch_database import libpq_parameters

LIMIT = Decimal(10**16)
#: Events of an aggregate, and aggregates: as ours by default.
SNAPSHOT_EVERY = 100
CACHE_SIZE = 5000


class Account(Aggregate):
    def __init__(self, owner_id: UUID, code: str) -> None:
        self.owner_id = owner_id
        self.code = code
        self.balance = Decimal("0.00")
        self.is_closed = False

    @event("MoneyDeposited")
    def deposit(self, amount: Decimal, booked_on: date | None, reference: str) -> None:
        if self.is_closed or self.balance + amount >= LIMIT:
            raise ValueError("refused")
        self.balance += amount


class Bookings(Application[UUID]):
    def open_account(self, owner_id: UUID, code: str) -> UUID:
        account = Account(owner_id, code)
        self.save(account)
        return account.id

    def deposit(self, account_id: UUID, amount: Decimal, reference: str) -> None:
        account = self.repository.get(account_id)
        account.deposit(amount, None, reference)
        self.save(account)


class BookingsWithSnapshots(Bookings):
    """With the "automatic snapshotting" of its documentation."""

    snapshotting_intervals: ClassVar = {Account: SNAPSHOT_EVERY}


class CachedBookings(BookingsWithSnapshots):
    """With its cache too; by default it looks for later events at each use ("fast-forward")."""

    env: ClassVar = {"AGGREGATE_CACHE_MAXSIZE": str(CACHE_SIZE)}


class LoneBookings(Bookings):
    """With one connection in its pool, for a process that does one thing at a time."""

    env: ClassVar = {"POSTGRES_POOL_SIZE": "1", "POSTGRES_MAX_OVERFLOW": "0"}


class BookingsWithFeed(Bookings):
    """Its notification log in sections as long as our pages; its default is 10."""

    log_section_size = PAGE_SIZE


class BookingsWithRows(Bookings):
    """Passes what its recorder needs for the rows through `save`."""

    env: ClassVar = {"APPLICATION_RECORDER_TOPIC": f"{__name__}:RowsRecorder"}

    def deposit(self, account_id: UUID, amount: Decimal, reference: str) -> None:
        account = self.repository.get(account_id)
        account.deposit(amount, None, reference)
        self.save(account, row_changes=(account.id, account.owner_id, amount))


class RowsRecorder(PostgresApplicationRecorder):
    """Keeps an account's balance and its owner's total, in the transaction of the events."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        for table in ("library_account", "library_owner"):
            columns = "id uuid PRIMARY KEY, balance numeric(19, 2) NOT NULL"
            self.sql_create_statements.append(SQL(f"CREATE TABLE {table} ({columns})"))

    def _insert_events(self, curs, stored_events, *, row_changes=None, **kwargs) -> None:
        super()._insert_events(curs, stored_events, **kwargs)
        if row_changes is None:
            return
        account_id, owner_id, amount = row_changes
        update = "UPDATE {} SET balance = balance + %s WHERE id = %s"
        curs.execute(update.format("library_account"), (amount, account_id), prepare=True)
        curs.execute(update.format("library_owner"), (amount, owner_id), prepare=True)


class LibraryBookings:
    """Load, deposit, save."""

    def __init__(
        self, size: Size, closing: ExitStack, application_class: type[Bookings] = Bookings
    ) -> None:
        self.application = application_class(env=connection_environment())
        closing.callback(self.application.close)
        self._inline = application_class is BookingsWithRows
        owners = [uuid4() for _ in range(-(-size.accounts // 3))]
        self.ids = [
            self.application.open_account(owners[number // 3], str(number))
            for number in range(size.accounts)
        ]
        if self._inline:
            self._insert_rows("library_account", self.ids)
            self._insert_rows("library_owner", owners)
        for account in range(size.accounts):
            LibraryBookings.work(self, [Booking(account, Decimal(1))] * size.prior)

    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            self.application.deposit(self.ids[booking.account], booking.amount, "Salary")

    def total(self) -> Decimal:
        accounts = map(self.application.repository.get, self.ids)
        totals = {sum((account.balance for account in accounts), Decimal(0))}
        if self._inline:
            totals |= {self._sum("library_account"), self._sum("library_owner")}
        (total,) = totals
        return total

    def setting(self, name: str) -> str:
        with self.application.recorder.datastore.get_connection() as connection:
            row = connection.execute("SELECT current_setting(%s) AS value", [name]).fetchone()
        return row["value"]

    def _insert_rows(self, table: str, ids: list[UUID]) -> None:
        insert = f"INSERT INTO {table} SELECT unnest(%s::uuid[]), 0"
        with self.application.recorder.datastore.get_connection() as connection:
            connection.execute(insert, [ids])

    def _sum(self, table: str) -> Decimal:
        with self.application.recorder.datastore.get_connection() as connection:
            return connection.execute(f"SELECT sum(balance) FROM {table}").fetchone()["sum"]


class LibraryAppends(LibraryBookings):
    """`EventStore.put` alone, once for each run of bookings: no aggregate is loaded or changed."""

    def __init__(
        self, size: Size, closing: ExitStack, application_class: type[Bookings] = Bookings
    ) -> None:
        super().__init__(size, closing, application_class)
        self._versions = [1] * size.accounts

    def work(self, bookings: Sequence[Booking]) -> None:
        for run in runs(bookings):
            self.application.events.put([self._event(booking) for booking in run])

    def _event(self, booking: Booking) -> Account.MoneyDeposited:
        self._versions[booking.account] += 1
        return Account.MoneyDeposited(
            originator_id=self.ids[booking.account],
            originator_version=self._versions[booking.account],
            timestamp=Account.MoneyDeposited.create_timestamp(),
            amount=booking.amount,
            booked_on=None,
            reference="Salary",
        )


class LibraryLoads(LibraryAppends):
    """An aggregate brought up to date from its events, without a snapshot."""

    def __init__(self, size: Size, closing: ExitStack) -> None:
        super().__init__(Size(size.accounts, 0, size.bookings), closing)
        self._found = Decimal(0)
        for account in range(size.accounts):
            LibraryAppends.work(self, [Booking(account, Decimal(1))] * size.prior)

    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            self._found = self.application.repository.get(self.ids[booking.account]).balance

    def total(self) -> Decimal:
        return self._found


class LibraryKeptLoads(LibraryBookings):
    """An aggregate with a long past, from a snapshot or, in `CachedBookings`, from the cache."""

    def __init__(self, size: Size, closing: ExitStack, application_class: type[Bookings]) -> None:
        super().__init__(Size(size.accounts, 0, size.bookings), closing, application_class)
        self._found = Decimal(0)
        for aggregate_id in self.ids:
            for first in range(0, size.prior, SNAPSHOT_EVERY):
                account = self.application.repository.get(aggregate_id)
                for _ in range(min(SNAPSHOT_EVERY, size.prior - first)):
                    account.deposit(Decimal(1), None, "Salary")
                self.application.save(account)

    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            self._found = self.application.repository.get(self.ids[booking.account]).balance

    def total(self) -> Decimal:
        return self._found


class LibraryFeed(LibraryAppends):
    """The notification log, selected in sections, with its events made by the mapper."""

    def __init__(self, size: Size, closing: ExitStack) -> None:
        super().__init__(Size(size.accounts, 0, 0), closing, BookingsWithFeed)
        recorder = self.application.recorder
        self._starts = self._after = recorder.max_notification_id()
        events = [self._event(booking) for booking in size.batch()]
        for first in range(0, len(events), PAGE_SIZE):
            self.application.events.put(events[first : first + PAGE_SIZE])
        self._ends = recorder.max_notification_id()
        with recorder.datastore.get_connection() as connection:
            connection.execute(f"VACUUM ANALYZE {recorder.events_table_name}")
        self._read: list[Any] = []

    def work(self, bookings: Sequence[Booking]) -> None:
        self._read = []
        select = self.application.notification_log.select
        while len(self._read) < len(bookings):
            limit = min(PAGE_SIZE, len(bookings) - len(self._read))
            section = select(self._after, limit, inclusive_of_start=False)
            self._read += map(self.application.mapper.to_domain_event, section)
            self._after = section[-1].id
        if self._after == self._ends:
            self._after = self._starts

    def total(self) -> Decimal:
        return sum((event.amount for event in self._read), Decimal(0))


def connection_environment() -> dict[str, str]:
    parameters = libpq_parameters()
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parameters["dbname"],
        "POSTGRES_HOST": parameters.get("host", "localhost"),
        "POSTGRES_PORT": parameters.get("port", "5432"),
        "POSTGRES_USER": parameters["user"],
        # It insists on one, also where the server asks for none.
        "POSTGRES_PASSWORD": parameters.get("password", "none"),
    }
