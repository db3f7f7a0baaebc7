"""The limit: psycopg alone, with values made ready, on a table like the event store's."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import uuid4

import psycopg

from tests.benchmarks.measuring import Booking, Size
from tests.benchmarks.scratch_database import libpq_parameters

# The same columns, indexes and checks; no triggers and no foreign key.
CREATE = "CREATE TABLE {table} (LIKE eventstore_event INCLUDING ALL)"

COLUMNS = """
stream_id, version, tenant_id, type, schema_version, data, metadata, recorded_at, hash
"""
# As they travel: `json` arrives in COPY's binary format as plain text.
TYPES = ["int8", "int8", "uuid", "text", "int4", "text", "text", "timestamptz", "bytea"]

SELECT = (
    "SELECT type, schema_version, data::text FROM {table} WHERE stream_id = %s ORDER BY version"
)
TOTAL = "SELECT coalesce(sum((data ->> 'amount')::numeric), 0) FROM {table}"

COPY = f"COPY {{table}} ({COLUMNS}) FROM STDIN (FORMAT binary)"

# All that a reader gets of an event, page by page; a page is as long as ours.
PAGE_SIZE = 1000
FEED = """
SELECT position, stream_id, tenant_id, version, type, schema_version, data::text, metadata::text,
       recorded_at, hash
FROM {table} WHERE position > %s ORDER BY position LIMIT %s
"""

# Both as the event store writes them.
DATA = (
    '{{"amount":"{amount}","booked_on":null,"reference":"Salary","transfer_id":null,'
    '"is_refund":false}}'
)
METADATA = json.dumps(
    {"user": "mary", "correlation_id": str(uuid4()), "causation_id": str(uuid4())}
)


class RawTable:
    """One connection and one table of its own."""

    def __init__(self, table: str, closing: ExitStack) -> None:
        self.table = table
        connection = psycopg.connect(**libpq_parameters(), autocommit=True)
        self.connection = closing.enter_context(connection)
        self.cursor = psycopg.Cursor(self.connection)
        self.cursor.execute(CREATE.format(table=table))
        self._tenant_id = uuid4()
        self._now = datetime.now(UTC)
        self._versions: dict[int, int] = {}

    def values(self, booking: Booking) -> tuple[Any, ...]:
        version = self._versions.get(booking.account, 0) + 1
        self._versions[booking.account] = version
        data = DATA.format(amount=booking.amount)
        origin = (METADATA, self._now, bytes(32))
        stream = booking.account + 1
        return (stream, version, self._tenant_id, "account.money_deposited", 1, data, *origin)

    def total(self) -> Decimal:
        row = self.cursor.execute(TOTAL.format(table=self.table)).fetchone()
        return Decimal(row[0]) if row else Decimal(0)

    def setting(self, name: str) -> str:
        row = self.cursor.execute("SELECT current_setting(%s)", [name]).fetchone()
        return str(row[0]) if row else ""


class RawInserts(RawTable):
    """One prepared insert for each booking, each its own transaction."""

    def work(self, bookings: Sequence[Booking]) -> None:
        places = "%s, %s, %s, %s, %s, %s::json, %s::json, %s, %s"
        insert = f"INSERT INTO {self.table} ({COLUMNS}) VALUES ({places})"
        for booking in bookings:
            self.cursor.execute(insert, self.values(booking), prepare=True, binary=True)


class RawCopies(RawTable):
    """One COPY for each run of bookings to the same account."""

    def work(self, bookings: Sequence[Booking]) -> None:
        statement = COPY.format(table=self.table)
        for run in runs(bookings):
            with self.cursor.copy(statement) as copy:
                copy.set_types(TYPES)
                for booking in run:
                    copy.write_row(self.values(booking))


class RawSelects(RawCopies):
    """Selects a stream's rows, and decodes nothing."""

    def __init__(self, table: str, closing: ExitStack, size: Size) -> None:
        super().__init__(table, closing)
        self._rows: list[tuple[Any, ...]] = []
        for account in range(size.accounts):
            RawCopies.work(self, [Booking(account, Decimal(1))] * size.prior)

    def work(self, bookings: Sequence[Booking]) -> None:
        select = SELECT.format(table=self.table)
        for booking in bookings:
            self.cursor.execute(select, [booking.account + 1], prepare=True, binary=True)
            self._rows = self.cursor.fetchall()

    def total(self) -> Decimal:
        return sum((Decimal(json.loads(data)["amount"]) for *_, data in self._rows), Decimal(0))


class RawFeed(RawTable):
    """Selects all rows in pages, and decodes nothing."""

    def __init__(self, table: str, closing: ExitStack, size: Size) -> None:
        super().__init__(table, closing)
        self._length = len(size.batch())
        self._after = 0
        self._rows: list[tuple[Any, ...]] = []
        with self.cursor.copy(COPY.format(table=table)) as copy:
            copy.set_types(TYPES)
            for booking in size.batch():
                copy.write_row(self.values(booking))
        self.cursor.execute(f"VACUUM ANALYZE {table}")

    def work(self, bookings: Sequence[Booking]) -> None:
        select = FEED.format(table=self.table)
        self._rows = []
        while len(self._rows) < len(bookings):
            page = min(PAGE_SIZE, len(bookings) - len(self._rows))
            self.cursor.execute(select, [self._after, page], prepare=True, binary=True)
            self._rows += self.cursor.fetchall()
            self._after = self._rows[-1][0]
        if self._after == self._length:
            self._after = 0

    def total(self) -> Decimal:
        return sum((Decimal(json.loads(row[6])["amount"]) for row in self._rows), Decimal(0))


def runs(bookings: Sequence[Booking]) -> Iterator[list[Booking]]:
    """The bookings in runs to the same account."""
    return (list(run) for _, run in groupby(bookings, key=attrgetter("account")))
