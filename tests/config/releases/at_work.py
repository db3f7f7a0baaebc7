"""A process of one release at work, until its standard input ends: it books, reads, and projects.

It prints then how many requests it has answered, and what became of those that failed.
"""

import json
import os
import sys
from contextlib import suppress
from decimal import Decimal
from itertools import count
from threading import Event, Thread
from uuid import UUID

import django

django.setup()

# What needs Django's apps.
from django.db import Error, connections  # noqa: E402

from eventstore.application import get_application  # noqa: E402
from eventstore.tenancy import Actor, Role  # noqa: E402
from ledger.accounts.commands import DepositMoney, WithdrawMoney  # noqa: E402

#: Between two requests of one client, in seconds.
PAUSE = 0.01
#: How long a reader waits for a worker.
PATIENCE = 20
CLIENTS = 2


class AtWork:
    def __init__(self, tenant_id: UUID, accounts: list[UUID]) -> None:
        self._application = get_application()
        self._actor = Actor(tenant_id=tenant_id, user=os.environ["RELEASE"], role=Role.MEMBER)
        self._accounts = accounts
        queried = next(iter(self._application.projections))
        self._queried = queried.name
        self._rows = queried.tables[0].model._default_manager
        self._answered = count()
        self._failures: list[str] = []
        self._ended, self._served = Event(), Event()

    def until_input_ends(self) -> None:
        clients = [Thread(target=self._serve, args=(client,)) for client in range(CLIENTS)]
        worker = Thread(target=self._work)
        for thread in (*clients, worker):
            thread.start()
        sys.stdin.read()
        self._ended.set()
        for thread in clients:
            thread.join()
        self._served.set()  # The last requests may have waited for the worker.
        worker.join()
        print(json.dumps({"answered": next(self._answered), "failures": self._failures}))

    def _serve(self, number: int) -> None:
        while not self._ended.wait(PAUSE):
            number += 1
            try:
                self._answer(number)
            except Exception as error:
                self._failures.append(f"{type(error).__name__}: {error}")
            else:
                next(self._answered)
        connections.close_all()

    def _answer(self, number: int) -> None:
        """Book, and read what was booked, among all rows."""
        kind = WithdrawMoney if number % 5 == 0 else DepositMoney
        account = self._accounts[number % len(self._accounts)]
        command = kind(aggregate_id=account, amount=Decimal(number % 7 + 1) / 100)
        result = self._application.bus.send(command, actor=self._actor)
        self._application.read_models.freshness(self._queried, result.position, PATIENCE)
        versions = dict(self._rows.values_list("account_id", "version"))
        assert len(versions) == len(self._accounts), f"{len(versions)} rows"
        assert versions[account] >= (result.version or 0), "a row that is behind"

    def _work(self) -> None:
        while not self._served.wait(PAUSE):
            with suppress(Error):  # A lock that did not come in time: it looks again.
                self._application.subscriptions.work()
        connections.close_all()


if __name__ == "__main__":
    tenant_id, *accounts = map(UUID, sys.argv[1:])
    AtWork(tenant_id, accounts).until_input_ends()
