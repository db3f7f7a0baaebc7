"""Rows in which whole commands are executed, without the edge."""

from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks import musts
from tests.benchmarks.bank_file import bank_file
from tests.benchmarks.measuring import Contestant, Row, Size
from tests.benchmarks.ours import OurCommands
from tests.benchmarks.plain_orm import OrmBookings
from tests.benchmarks.rival import Rival
from tests.benchmarks.transfers import OrmTransfers, OurTransfers

SIZE = Size(accounts=300, prior=6, bookings=300)


class CommandRows:
    """The first row has both as they come: ours with its cache, the library without one.

    The two after it have both without, and both with a cache.
    """

    def __init__(self, closing: ExitStack, rival: Rival) -> None:
        self._closing = closing
        self._rival = rival

    def rows(self, transactions: Path) -> list[Row]:
        rows = [
            Row(
                name="command",
                work="deposit-money after 10 events, each as it comes, no rows",
                unit="commands/s",
                size=SIZE,
                musts={"library": musts.COMMAND_BY_LIBRARY},
                contestants=self._command,
            ),
            Row(
                name="command-cold",
                work="deposit-money, 10 events loaded (both), no rows",
                unit="commands/s",
                size=SIZE,
                musts={},
                contestants=self._command_cold,
            ),
            Row(
                name="command-warm",
                work="deposit-money from a warm cache (both), no rows",
                unit="commands/s",
                size=SIZE,
                musts={},
                contestants=self._command_warm,
            ),
            Row(
                name="deposit",
                work="deposit-money, 10 events loaded, two rows",
                unit="commands/s",
                size=SIZE,
                musts={"orm": musts.DEPOSIT_BY_ORM},
                contestants=self._deposit,
            ),
        ]
        rows.append(_transfer_row())
        return [*rows, _import_row(transactions)] if transactions.exists() else rows

    def _command(self, size: Size) -> dict[str, Contestant]:
        return self._rival.joins(
            {"ours": OurCommands(size, kept=True)},
            lambda library: library.LibraryBookings(size, self._closing),
        )

    def _command_cold(self, size: Size) -> dict[str, Contestant]:
        return self._rival.joins(
            {"ours": OurCommands(size)},
            lambda library: library.LibraryBookings(size, self._closing),
        )

    def _command_warm(self, size: Size) -> dict[str, Contestant]:
        return self._rival.joins(
            {"ours": OurCommands(size, kept=True)},
            lambda library: library.LibraryBookings(size, self._closing, library.CachedBookings),
        )

    def _deposit(self, size: Size) -> dict[str, Contestant]:
        return self._rival.joins(
            {"orm": OrmBookings(size), "ours": OurCommands(size, inline=True)},
            lambda library: library.LibraryBookings(size, self._closing, library.BookingsWithRows),
        )


def _transfer_row() -> Row:
    def contestants(size: Size) -> dict[str, Contestant]:
        return {"orm": OrmTransfers(size), "ours": OurTransfers(size)}

    return Row(
        name="transfer",
        work="start-transfer to completed: 5 commands, 4 steps",
        unit="transfers/s",
        size=Size(accounts=100, prior=6, bookings=100),
        musts={},
        contestants=contestants,
    )


def _import_row(transactions: Path) -> Row:
    def contestants(size: Size) -> dict[str, Contestant]:
        return {"orm": OrmBookings(size), "ours": OurCommands(size, inline=True, kept=True)}

    return Row(
        name="import",
        work="real bank transactions, two rows, cache as configured",
        unit="commands/s",
        size=bank_file(transactions, 1500),
        musts={"orm": musts.IMPORT_BY_ORM},
        contestants=contestants,
    )
