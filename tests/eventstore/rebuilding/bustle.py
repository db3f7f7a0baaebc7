"""Writers, readers and a worker, each with a connection of its own, while somebody rebuilds."""

import random
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Event, Thread
from typing import Any
from uuid import UUID, uuid4

from django.db import connections

from eventstore.commands import Command
from eventstore.errors import Refusal
from ledger.accounts.commands import DepositMoney, OpenAccount, WithdrawMoney
from ledger.persons.commands import RenamePerson
from ledger.transfers.commands import StartTransfer
from projections import queries
from tests.eventstore.support import PATIENCE, World
from tests.http import Api

WRITERS = 6
#: What is counted; none of it ever becomes less.
COUNTED: dict[str, Callable[[UUID], Any]] = {
    "persons": queries.persons,
    "accounts": queries.accounts,
    "transfers": queries.transfers,
    "lines": queries.statement_lines,
}


@dataclass
class Bustle:
    world: World
    api: Api
    ending: Event = field(default_factory=Event)
    #: What no client should have met.
    errors: list[BaseException] = field(default_factory=list)
    #: Of the commands that were completed, in seconds.
    seconds: list[float] = field(default_factory=list)
    #: How often somebody has looked, over all readers.
    looks: int = 0

    def __post_init__(self) -> None:
        self._persons = [self.world.person() for _ in range(3)]
        self._accounts = [
            self.world.account("1000.00", owner_id=person)
            for person in self._persons
            for _ in range(2)
        ]

    @contextmanager
    def going_on(self) -> Generator[None]:
        """They are at it within this block, and at the end each has come to its end."""
        doings = [lambda n=n: self._write(n) for n in range(WRITERS)]
        doings += [self._read_by_queries, self._read_by_http, self._work]
        threads = [Thread(target=self._guarded, args=(doing,)) for doing in doings]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.ending.set()
            for thread in threads:
                thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in threads)

    def _guarded(self, doing: Callable[[], None]) -> None:
        try:
            doing()
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            connections.close_all()

    def _write(self, number: int) -> None:
        chance = random.Random(number)
        while not self.ending.is_set():
            command = self._command(chance)
            started = time.perf_counter()
            with suppress(Refusal):
                self.world.send(command)
                self.seconds.append(time.perf_counter() - started)

    def _command(self, chance: random.Random) -> Command:
        first, second = chance.sample(self._accounts, 2)
        amount = Decimal(chance.randint(1, 50))
        match chance.randint(0, 9):
            case 0:
                return StartTransfer(
                    aggregate_id=uuid4(),
                    from_account_id=first,
                    to_account_id=second,
                    amount=amount,
                )
            case 1:
                name = str(chance.randint(1, 9))
                person = chance.choice(self._persons)
                return RenamePerson(aggregate_id=person, first_name=name, last_name=uuid4().hex)
            case 2:
                owner = chance.choice(self._persons)
                return OpenAccount(aggregate_id=uuid4(), owner_id=owner, code="1")
            case 3:
                return WithdrawMoney(aggregate_id=first, amount=amount)
        return DepositMoney(aggregate_id=first, amount=amount)

    def _read_by_queries(self) -> None:
        before = dict.fromkeys(COUNTED, 0)
        while not self.ending.is_set():
            for name, ask in COUNTED.items():
                now = ask(self.world.actor.tenant_id).count()
                assert now >= before[name], f"{name}: {now} after {before[name]}"
                before[name] = now
            self.looks += 1

    def _read_by_http(self) -> None:
        before = 0
        while not self.ending.is_set():
            answer = self.api.get("/api/accounts")
            assert answer.status == 200, answer.raw
            assert answer.body["count"] >= before
            before = answer.body["count"]
            self.looks += 1

    def _work(self) -> None:
        while not self.ending.is_set():
            self.world.application.subscriptions.work()
            time.sleep(0.01)
