"""Lets contestants do the same bookings in turn, and takes the time.

Other work on the machine hits all contestants alike: they take turns every few milliseconds,
each round begins with another one, and what is compared is the median over the rounds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from statistics import median
from time import perf_counter
from typing import NamedTuple, Protocol, runtime_checkable
from uuid import NAMESPACE_OID, UUID, uuid5

#: How often the contestants take turns within one round.
TURNS = 10
#: So many prior deposits are not scaled down: they say what kind of account it is.
FEW = 6


class Booking(NamedTuple):
    """A deposit to the account with this number; a withdrawal where the amount is negative."""

    account: int
    amount: Decimal


def account_id(number: int) -> UUID:
    """The same for all contestants, so that all sort their accounts alike."""
    return uuid5(NAMESPACE_OID, f"account {number}")


class Contestant(Protocol):
    """Does the work of one row in its own way; made ready by its constructor."""

    def work(self, bookings: Sequence[Booking]) -> None:
        """What is timed."""

    def total(self) -> Decimal:
        """The money that it holds now, or has found: equal among all who did the same work."""

    def setting(self, name: str) -> str:
        """A setting of PostgreSQL as it holds for the connection that does the work."""


@runtime_checkable
class Counting(Protocol):
    """A contestant that says itself what counts as the time of a turn."""

    def counted(self) -> float:
        """Seconds of the last turn."""


@dataclass(frozen=True, slots=True)
class Size:
    """`accounts` are made ready with `prior` deposits each; a round makes `bookings` more.

    `run` bookings in a row meet the same account. A scaled size has less of everything.
    """

    accounts: int
    prior: int
    bookings: int
    run: int = 1

    def scaled(self, scale: float) -> "Size":
        # Two accounts at least, so that one run of bookings is told from the next.
        accounts = max(2, round(self.accounts * scale))
        runs = max(accounts, round(self.bookings * scale / self.run))
        prior = max(min(self.prior, FEW), round(self.prior * scale))
        return Size(accounts=accounts, prior=prior, bookings=runs * self.run, run=self.run)

    def batch(self) -> list[Booking]:
        return [
            Booking(number // self.run % self.accounts, Decimal(100 + number % 900) / 100)
            for number in range(self.bookings)
        ]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `musts`: ours divided by the rival's is at least this.

    `least`: our own rate is at least this, whatever the rivals do. `most_rounds`: of work that
    takes long, and is not done once more to warm up.
    """

    name: str
    work: str
    unit: str
    size: Size
    musts: Mapping[str, float]
    contestants: Callable[[Size], dict[str, Contestant]]
    least: float | None = None
    most_rounds: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """The rates of a row: of each contestant and round, in units a second."""

    row: Row
    rates: dict[str, list[float]] = field(default_factory=dict)
    total: Decimal = Decimal(0)

    def rate(self, name: str) -> float | None:
        return median(self.rates[name]) if name in self.rates else None

    def spread(self, name: str) -> tuple[float, float] | None:
        """The rates of the slowest and of the fastest round."""
        return (min(self.rates[name]), max(self.rates[name])) if name in self.rates else None

    def ratio(self, rival: str) -> float | None:
        """Ours divided by the rival's rate, round by round; the median of these."""
        return median(self.ratios(rival)) if rival in self.rates else None

    def ratios(self, rival: str) -> list[float]:
        """Ours divided by the rival's rate, one for each round."""
        pairs = zip(self.rates["ours"], self.rates[rival], strict=True)
        return [ours / theirs for ours, theirs in pairs]

    def holds(self, rival: str) -> bool | None:
        """Whether the `must` towards this rival is met; None where it was not measured."""
        ratio = self.ratio(rival)
        return None if ratio is None else ratio >= self.row.musts[rival]

    def is_fast_enough(self) -> bool:
        """Whether our own rate is what the row asks for, if it asks for one."""
        return self.row.least is None or median(self.rates["ours"]) >= self.row.least


def measure(row: Row, rounds: int, scale: float = 1.0) -> Measured:
    """Warm each contestant up with one round's work, then run the rounds.

    Raises RuntimeError where a contestant is less durable, or the money is not the same.
    """
    size = row.size.scaled(scale)
    contestants = row.contestants(size)
    batch = size.batch()
    for name, contestant in contestants.items():
        if contestant.setting("synchronous_commit") != "on":
            raise RuntimeError(f"{name} runs without synchronous_commit = on.")
        if row.most_rounds is None:
            contestant.work(batch)
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    total = Decimal(0)
    for number in range(min(rounds, row.most_rounds or rounds)):
        for name, seconds in one_round(contestants, batch, size.run, number).items():
            rates[name].append(len(batch) / seconds)
        total = agreed_total(contestants)
    return Measured(row, rates, total)


def one_round(
    contestants: Mapping[str, Contestant], batch: Sequence[Booking], run: int, number: int
) -> dict[str, float]:
    """The seconds of each contestant; `number` decides who begins."""
    names = list(contestants)
    first = number % len(names)
    seconds = dict.fromkeys(names, 0.0)
    turn_size = -(-len(batch) // (TURNS * run)) * run
    bookings = iter(batch)
    while turn := list(islice(bookings, turn_size)):
        for name in names[first:] + names[:first]:
            seconds[name] += seconds_of(contestants[name], turn)
    return seconds


def seconds_of(contestant: Contestant, turn: Sequence[Booking]) -> float:
    started = perf_counter()
    contestant.work(turn)
    taken = perf_counter() - started
    return contestant.counted() if isinstance(contestant, Counting) else taken


def agreed_total(contestants: Mapping[str, Contestant]) -> Decimal:
    """A rival that does less work is no rival."""
    totals = {name: contestant.total() for name, contestant in contestants.items()}
    if len(set(totals.values())) > 1:
        raise RuntimeError(f"The contestants do not hold the same money: {totals}")
    return next(iter(totals.values()))
