"""A projection's rows made anew from a long history.

The rivals read the same events and fill tables like the live ones. Where it is about memory, or
about those who wait meanwhile, `manage.py rebuild` does it, in a process of its own.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from time import perf_counter, sleep
from uuid import uuid4

from django.db import connections, models
from django.db.models import Sum

from eventstore.rebuild_log import Order
from ledger.accounts.commands import DepositMoney, OpenAccount
from ledger.persons.commands import RegisterPerson
from projections.models import AccountStatementLine, AccountSummary, PersonSummary
from tests.benchmarks.measuring import Booking
from tests.benchmarks.ours import Ours
from tests.benchmarks.scratch_database import second_database, setting
from tests.benchmarks.whole_histories import Lives, book, open_accounts
from tests.processes import PROJECT, database_url

#: Commands that are sent each second while a projection is rebuilt.
SENT_IN_A_SECOND = 50
#: To so many accounts.
BOOKED = 20


class Histories:
    """A database with the histories, made when it is first needed; they are never changed."""

    alias = "histories"

    def __init__(self, closing: ExitStack) -> None:
        self._closing = closing
        self._owner: Ours | None = None
        self._is_booked = False

    def owner(self, size: Lives) -> Ours:
        """Whose accounts have been opened: a tenth of all events, and each row is there."""
        if self._owner is None:
            self._closing.enter_context(second_database(self.alias))
            self._owner = Ours(inline=True, alias=self.alias)
            tenant_id = self._owner.actor.tenant_id
            open_accounts(self._owner.application, tenant_id, size.accounts)
        return self._owner

    def booked(self, size: Lives) -> "Histories":
        """With all events."""
        owner = self.owner(size)
        if not self._is_booked:
            self._is_booked = True
            book(owner.application, owner.actor.tenant_id, size.prior)
        return self

    def start_rebuild(self, projection: str) -> subprocess.Popen[str]:
        """It says at its end how much memory it has had."""
        arguments = ("rebuild", projection, "--reason", "the benchmark")
        return subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.own_peak", *arguments],
            cwd=PROJECT,
            env=os.environ | {"DATABASE_URL": database_url(self.alias)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def rebuild(self, projection: str) -> int:
        """Its peak of memory, in kilobytes."""
        process = self.start_rebuild(projection)
        said, problem = process.communicate()
        if process.returncode:
            raise RuntimeError(f"manage.py rebuild {projection} failed: {problem}")
        return int(said.split()[-1])

    def sum_of(self, column: "Column") -> Decimal:
        rows = column.model._default_manager.using(self.alias)
        return Decimal(rows.aggregate(sum=Sum(column.name))["sum"] or 0)


@dataclass(frozen=True, slots=True)
class Column:
    """Where the money of a projection stands."""

    model: type[models.Model]
    name: str


MONEY = {
    "account_summary": Column(AccountSummary, "balance"),
    "person_summary": Column(PersonSummary, "total_balance"),
    "account_statement": Column(AccountStatementLine, "amount"),
}


class OfHistories:
    def __init__(self, histories: Histories) -> None:
        self.histories = histories
        self.connection = connections[histories.alias]

    def setting(self, name: str) -> str:
        return setting(name, self.connection)


class OurRebuild(OfHistories):
    def __init__(self, histories: Histories, owner: Ours, projection: str) -> None:
        super().__init__(histories)
        self._rebuilding = owner.application.rebuilding
        self._projection = projection

    def work(self, bookings: Sequence[Booking]) -> None:
        self._rebuilding.run(Order("rebuild", self._projection, "mary"), lambda progress: None)

    def total(self) -> Decimal:
        return self.histories.sum_of(MONEY[self._projection])


class OurPeak(OfHistories):
    """Counted as if a second were a megabyte: the rate says how many such processes fill 1 GB.

    Measured once, as it is the same each time.
    """

    def __init__(self, histories: Histories) -> None:
        super().__init__(histories)
        self._megabytes = histories.rebuild("account_summary") / 1024
        self._events = 0

    def work(self, bookings: Sequence[Booking]) -> None:
        self._events = len(bookings)

    def counted(self) -> float:
        return self._events * self._megabytes / 1024

    def total(self) -> Decimal:
        return self.histories.sum_of(MONEY["account_summary"])


class OurWaits(OfHistories):
    """The longest that a command takes: how many such waits a minute has."""

    def __init__(self, histories: Histories, owner: Ours) -> None:
        super().__init__(histories)
        self._owner = owner
        self._longest = 0.0
        self._events = 0
        send = owner.application.bus.send
        self._ids = [uuid4() for _ in range(BOOKED)]
        for aggregate_id in self._ids:
            person = RegisterPerson(aggregate_id=uuid4(), first_name="Ann", last_name="Lee")
            send(person, actor=owner.actor)
            account = OpenAccount(
                aggregate_id=aggregate_id, owner_id=person.aggregate_id, code="CZ"
            )
            send(account, actor=owner.actor)

    def work(self, bookings: Sequence[Booking]) -> None:
        self._events, self._longest = len(bookings), 0.0
        process = self.histories.start_rebuild("account_summary")
        started, sent = perf_counter(), 0
        while process.poll() is None:
            sleep(max(0.0, started + sent / SENT_IN_A_SECOND - perf_counter()))
            began = perf_counter()
            self._send(sent)
            self._longest = max(self._longest, perf_counter() - began)
            sent += 1
        if process.returncode:
            raise RuntimeError(f"manage.py rebuild failed: {process.communicate()[1]}")
        process.communicate()

    def _send(self, number: int) -> None:
        command = DepositMoney(aggregate_id=self._ids[number % BOOKED], amount=Decimal(1))
        self._owner.application.bus.send(command, actor=self._owner.actor)

    def counted(self) -> float:
        return self._longest * self._events / 60

    def total(self) -> Decimal:
        return self.histories.sum_of(MONEY["account_summary"])
