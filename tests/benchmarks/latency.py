"""From a commit to the row that a background process makes of it: 95 of 100 come within this time.

The process is real. The sender beside it sends one command after the other, and looks for its row
until it is there. The rival is what Django's teams have: a task of django-q2 for each booking.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from statistics import quantiles
from time import perf_counter, sleep

from django.db import models
from django.db.models import Sum
from django_q.tasks import async_task

from eventstore.wakeups import Work
from projections.models import AccountStatementLine
from tests.benchmarks.measuring import Booking, Size
from tests.benchmarks.ours import OurCommands
from tests.benchmarks.plain_orm import AuditEntry, BenchmarkModel, OrmBookings, book, create_tables
from tests.processes import PROJECT, database_url

#: Seconds between two looks for a row, and until the sender gives up.
LOOK_AGAIN = 0.0005
PATIENCE = 60.0

HAS_LINE = """
SELECT FROM account_statement WHERE tenant_id = %s AND account_id = %s AND version = %s
"""


@contextmanager
def running(command: str) -> Iterator[None]:
    """`manage.py <command>` on the database in use, until the block ends."""
    # Nobody reads what it writes: a pipe would fill, and hold it up.
    with subprocess.Popen(
        [sys.executable, "manage.py", command],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": database_url()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield
        finally:
            process.terminate()


class Waits:
    """A turn's waits, of which the 95th percentile counts as the time of each."""

    def __init__(self) -> None:
        self._seconds: list[float] = []

    def wait(self, is_there: Callable[[], bool], since: float) -> None:
        """Until it is there; raises RuntimeError where it never comes."""
        while not is_there():
            if perf_counter() - since > PATIENCE:
                raise RuntimeError("The background process made no row.")
            sleep(LOOK_AGAIN)
        self._seconds.append(perf_counter() - since)

    def counted(self) -> float:
        seconds, self._seconds = self._seconds, []
        slowest = quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
        return slowest * len(seconds)


class OurLatency(OurCommands):
    """A line of `account_statement` for each `deposit-money`."""

    def __init__(self, size: Size) -> None:
        super().__init__(size, inline=True, kept=True)
        self._versions = [1 + size.prior] * size.accounts
        self._waits = Waits()
        self._committed = 0.0
        self._wake = self.application.wakeups.wake
        # Called right after the commit; as it stands in config.composition, it calls qcluster.
        self.application.wakeups.wake = self._note_commit  # type: ignore[method-assign]

    def _note_commit(self, kind: Work) -> None:
        self._committed = perf_counter()
        self._wake(kind)

    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            super().work([booking])
            self._versions[booking.account] += 1
            self._waits.wait(partial(self._has_line, booking.account), self._committed)

    def _has_line(self, number: int) -> bool:
        place = (self.actor.tenant_id, self.ids[number], self._versions[number])
        return bool(self.application.database.rows(HAS_LINE, place))

    def counted(self) -> float:
        return self._waits.counted()

    def total(self) -> Decimal:
        # Every line is there: the sender has waited for it.
        lines = AccountStatementLine.objects.filter(tenant_id=self.actor.tenant_id)
        (total,) = {super().total(), Decimal(lines.aggregate(sum=Sum("amount"))["sum"])}
        return total


class OrmLine(BenchmarkModel):
    entry_id = models.BigIntegerField(unique=True)
    amount = models.DecimalField(max_digits=19, decimal_places=2)


class OrmLatency(OrmBookings):
    """A line made by a task of django-q2, enqueued after the commit."""

    def __init__(self, size: Size) -> None:
        create_tables(OrmLine)
        super().__init__(size)
        self._waits = Waits()

    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            entry = book(self.ids[booking.account], booking.amount, "Salary", "mary")
            committed = perf_counter()
            async_task(make_line, entry.pk)
            lines = OrmLine.objects.filter(entry_id=entry.pk)
            self._waits.wait(lines.exists, committed)

    def counted(self) -> float:
        return self._waits.counted()


def make_line(entry_id: int) -> None:
    """The task."""
    entry = AuditEntry.objects.get(pk=entry_id)
    OrmLine.objects.create(entry_id=entry_id, amount=entry.amount)
