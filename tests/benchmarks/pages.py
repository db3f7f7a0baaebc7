"""What those who read pages of accounts have in common."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tests.benchmarks.measuring import Booking, Size

PAGE_SIZE = 50


def page_count(size: Size) -> int:
    return -(-size.accounts // PAGE_SIZE)


def different_balances(size: Size) -> list[Booking]:
    """One deposit for each account, so that the money on a page tells whose page it is."""
    return [Booking(number, Decimal(1 + number)) for number in range(size.accounts)]


def money_on(pages: Iterable[Any]) -> Decimal:
    """The sum of all balances on parsed pages."""
    rows = (row for page in pages for row in page["results"])
    return sum((Decimal(row["balance"]) for row in rows), Decimal(0))
