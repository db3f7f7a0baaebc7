"""The rows of the table: what is measured, who takes part, and what must hold."""

from contextlib import ExitStack
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.bank_file import bank_file
from tests.benchmarks.measuring import Contestant, Row, Size
from tests.benchmarks.our_requests import OurPages, OurPosts
from tests.benchmarks.ours import OurAppends, OurCommands, OurLoads
from tests.benchmarks.parsing import MsgspecParses, OurParses, PlainParses
from tests.benchmarks.plain_orm import OrmAppends, OrmBookings, OrmLoads
from tests.benchmarks.plain_rest import PlainPages, PlainPosts
from tests.benchmarks.raw_limit import RawCopies, RawInserts, RawSelects

RIVALS = ("limit", "library", "orm")


class Table:
    """The rows in their order. What the contestants open is closed with `closing`."""

    def __init__(self, closing: ExitStack, transactions: Path) -> None:
        """`transactions`: a bank's file; without it the row `import` is left out."""
        self._closing = closing
        self._transactions = transactions
        has_library = find_spec("eventsourcing") is not None
        # Imported by name: it is there only where the extra is installed.
        self.library = import_module("tests.benchmarks.library") if has_library else None

    def rows(self) -> list[Row]:
        rows = [*self._append_rows(), *self._command_rows()]
        if self._transactions.exists():
            rows.append(self._import_row())
        return [*rows, self._load_row(), *self._edge_rows()]

    def _append_rows(self) -> list[Row]:
        return [
            Row(
                name="append",
                work="append 1 event in its own transaction",
                unit="events/s",
                size=Size(accounts=100, prior=0, bookings=500),
                musts={"limit": 0.6},
                contestants=self._append,
            ),
            Row(
                name="append-100",
                work="append 100 events in one transaction",
                unit="events/s",
                size=Size(accounts=20, prior=0, bookings=5000, run=100),
                musts={"limit": 0.6},
                contestants=self._append_100,
            ),
        ]

    def _command_rows(self) -> list[Row]:
        return [
            Row(
                name="command",
                work="deposit-money, 10 events, no rows",
                unit="commands/s",
                size=Size(accounts=300, prior=6, bookings=300),
                musts={"library": 1.5},
                contestants=self._command,
            ),
            Row(
                name="deposit",
                work="deposit-money, 10 events, two rows",
                unit="commands/s",
                size=Size(accounts=300, prior=6, bookings=300),
                musts={"orm": 1.0},
                contestants=self._deposit,
            ),
        ]

    def _import_row(self) -> Row:
        return Row(
            name="import",
            work="real bank transactions, two rows",
            unit="commands/s",
            size=bank_file(self._transactions, 1500),
            musts={"orm": 0.7},
            contestants=self._import,
        )

    def _load_row(self) -> Row:
        return Row(
            name="load",
            work="load 1,000 events without a snapshot",
            unit="loads/s",
            size=Size(accounts=5, prior=1000, bookings=40),
            musts={"limit": 0.5},
            contestants=self._load,
        )

    def _edge_rows(self) -> list[Row]:
        return [
            Row(
                name="post",
                work="POST deposit-money, whole request, two rows",
                unit="requests/s",
                size=Size(accounts=200, prior=6, bookings=200),
                musts={"orm": 0.8},
                contestants=self._post,
            ),
            Row(
                name="page",
                work="GET a page of 50 accounts, whole request",
                unit="requests/s",
                size=Size(accounts=500, prior=0, bookings=200),
                musts={"orm": 1.0},
                contestants=self._page,
            ),
            Row(
                name="parse",
                work="read deposit-money from JSON",
                unit="commands/s",
                # As many accounts as bookings: each body is read once in a round.
                size=Size(accounts=5000, prior=0, bookings=5000),
                musts={"orm": 1.0},
                contestants=self._parse,
            ),
        ]

    def _append(self, size: Size) -> dict[str, Contestant]:
        return self._appends(size, RawInserts("raw_insert", self._closing))

    def _append_100(self, size: Size) -> dict[str, Contestant]:
        return self._appends(size, RawCopies("raw_copy", self._closing))

    def _appends(self, size: Size, limit: Contestant) -> dict[str, Contestant]:
        contestants: dict[str, Contestant] = {
            "limit": limit,
            "orm": OrmAppends(),
            "ours": OurAppends(size),
        }
        if self.library:
            contestants["library"] = self.library.LibraryAppends(size, self._closing)
        return contestants

    def _command(self, size: Size) -> dict[str, Contestant]:
        contestants: dict[str, Contestant] = {"ours": OurCommands(size, inline=False)}
        if self.library:
            bookings = self.library.LibraryBookings(size, self._closing, inline=False)
            contestants["library"] = bookings
        return contestants

    def _deposit(self, size: Size) -> dict[str, Contestant]:
        contestants: dict[str, Contestant] = {
            "orm": OrmBookings(size),
            "ours": OurCommands(size, inline=True),
        }
        if self.library:
            bookings = self.library.LibraryBookings(size, self._closing, inline=True)
            contestants["library"] = bookings
        return contestants

    def _import(self, size: Size) -> dict[str, Contestant]:
        return {"orm": OrmBookings(size), "ours": OurCommands(size, inline=True)}

    def _load(self, size: Size) -> dict[str, Contestant]:
        contestants: dict[str, Contestant] = {
            "limit": RawSelects("raw_select", self._closing, size),
            "orm": OrmLoads(size),
            "ours": OurLoads(size),
        }
        if self.library:
            contestants["library"] = self.library.LibraryLoads(size, self._closing)
        return contestants

    def _post(self, size: Size) -> dict[str, Contestant]:
        return {
            "orm": PlainPosts(size, self._closing),
            "ours": OurPosts(size, self._closing),
        }

    def _page(self, size: Size) -> dict[str, Contestant]:
        return {
            "orm": PlainPages(size, self._closing),
            "ours": OurPages(size, self._closing),
        }

    def _parse(self, size: Size) -> dict[str, Contestant]:
        return {"limit": MsgspecParses(size), "orm": PlainParses(size), "ours": OurParses(size)}
