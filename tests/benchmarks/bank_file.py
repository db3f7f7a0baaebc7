"""A real bank's transactions as work for the benchmark."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from ledger.transactions import read_transactions
from tests.benchmarks.measuring import Booking, Size


@dataclass(frozen=True, slots=True)
class BankFile(Size):
    """The first transactions of a file; its accounts are made ready without a deposit.

    Each round posts them once more, under new ids, so the streams grow from round to round.
    """

    path: Path = Path()

    def scaled(self, scale: float) -> "BankFile":
        return bank_file(self.path, max(2, round(self.bookings * scale)))

    def batch(self) -> list[Booking]:
        return _bookings(self.path, self.bookings)


def bank_file(path: Path, count: int) -> BankFile:
    """The first `count` transactions of the file."""
    bookings = _bookings(path, count)
    accounts = 1 + max(booking.account for booking in bookings)
    return BankFile(accounts=accounts, prior=0, bookings=len(bookings), path=path)


def _bookings(path: Path, count: int) -> list[Booking]:
    numbers: dict[str, int] = {}
    bookings = []
    for transaction in read_transactions(path)[:count]:
        number = numbers.setdefault(transaction.account, len(numbers))
        sign = Decimal(1 if transaction.is_credit else -1)
        bookings.append(Booking(number, sign * transaction.amount))
    return bookings
