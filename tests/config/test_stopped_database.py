"""The database is gone for a while under load: nobody is restarted, nothing answered is lost."""

import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections

from eventstore.access import Access
from eventstore.database import Database
from eventstore.models import StoredCommand, Tenant
from eventstore.tenancy import Role
from projections.models import AccountStatementLine
from tests.config.background.runners import runner, wait_until
from tests.eventstore.high_water_mark.own_server import ALIAS, own_server
from tests.http import Answer
from tests.server import Server, running_server

#: How long it is gone, in seconds.
GONE = (1.0, pytest.param(60.0, marks=pytest.mark.soak))
#: Seconds within which whoever had no database goes on.
SOON = 20.0

#: What the worker says when it has begun, and of the database.
AT_WORK = "At work"
ANSWERS_NOT = "The database does not answer"
ANSWERS_AGAIN = "The database answers again"


@dataclass
class Client:
    """Sends deposits one after the other, each under an id of its own, until it is stopped."""

    server: Server
    key: str
    account_id: str
    stopped: Event
    answers: list[tuple[UUID, Answer]] = field(default_factory=list)

    def send_all(self) -> None:
        while not self.stopped.is_set():
            self.deposit()
            time.sleep(0.01)

    def deposit(self) -> Answer:
        command_id = uuid4()
        fields = {"aggregate_id": self.account_id, "amount": "1"}
        answer = self.server.send(
            self.key, "deposit-money", fields, {"Idempotency-Key": str(command_id)}
        )
        self.answers.append((command_id, answer))
        return answer

    def acknowledged(self) -> set[UUID]:
        return {command_id for command_id, answer in self.answers if answer.status == 200}

    def refused(self) -> list[Answer]:
        return [answer for _, answer in self.answers if answer.status != 200]


@pytest.mark.long
@pytest.mark.parametrize("seconds", GONE)
def test_a_database_that_stops_under_load_stops_nobody(
    seconds: float, database: None, tmp_path: Path
) -> None:
    with ExitStack() as running:
        postgres = running.enter_context(own_server())
        environment = {
            "DATABASE_URL": postgres.url,
            "DAYBOOK_CALLS_PER_MINUTE": "0",
            "DAYBOOK_SECRET_KEY": settings.SECRET_KEY,
        }
        key = key_of_a_member()
        worker, qcluster = (
            running.enter_context(runner(command, tmp_path / command, environment))
            for command in ("worker", "qcluster")
        )
        server = running.enter_context(running_server(environment))
        wait_until(qcluster.is_complete)
        wait_until(lambda: AT_WORK in worker.log.read_text())
        clients = running.enter_context(load(server, key))

        wait_until(lambda: all(len(client.acknowledged()) > 5 for client in clients))
        # At once, with all that was not waited for: a crash of the machine would be no worse.
        postgres.stop("immediate")
        time.sleep(seconds)
        # Both have found out, and the worker has said it.
        wait_until(lambda: ANSWERS_NOT in worker.log.read_text(), SOON)
        wait_until(lambda: "database_gone" in qcluster.log.read_text(), SOON)
        acknowledged = set().union(*(client.acknowledged() for client in clients))
        postgres.ensure_running()
        connections[ALIAS].close()  # This process has lost it as well.

        for client in clients:
            before = len(client.acknowledged())
            wait_until(lambda: len(client.acknowledged()) > before + 5, SOON)  # noqa: B023
            client.stopped.set()
        assert len(acknowledged) > 5
        for client in clients:
            assert client.refused()
            assert {answer.status for answer in client.refused()} == {503}
            assert all(int(answer.headers["Retry-After"]) > 0 for answer in client.refused())
            acknowledged |= client.acknowledged()

        wait_until(lambda: all(is_level(client) for client in clients), SOON)
        completed = StoredCommand.objects.using(ALIAS).filter(status="completed")
        assert acknowledged <= set(completed.values_list("id", flat=True))

        assert [worker.process.poll(), qcluster.process.poll()] == [None, None]
        # Each of its loops has its next look within a second, and the last one of them says it.
        wait_until(lambda: ANSWERS_AGAIN in worker.log.read_text(), SOON)
        said = worker.log.read_text()
        assert said.count(ANSWERS_NOT) <= 1 + seconds / 60
        assert said.count(ANSWERS_AGAIN) == 1
        assert worker.ended() == 0
        # Now the qcluster is alone.
        assert clients[0].deposit().status == 200
        wait_until(lambda: is_level(clients[0]), SOON)


@contextmanager
def load(server: Server, key: str) -> Generator[list[Client]]:
    """Two clients at work until the block ends, each on an account of its own."""
    person = {"first_name": "Ada", "last_name": "King"}
    owner_id = server.send(key, "register-person", person).body["aggregate_id"]
    clients = []
    for code in "12":
        answer = server.send(key, "open-account", {"owner_id": owner_id, "code": code})
        clients.append(Client(server, key, answer.body["aggregate_id"], Event()))
    threads = [Thread(target=client.send_all) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.stopped.set()
        for thread in threads:
            thread.join()


def key_of_a_member() -> str:
    tenant = Tenant.objects.using(ALIAS).create(slug="acme", name="Acme")
    user = get_user_model().objects.db_manager(ALIAS).create_user("mary")
    return Access(Database(ALIAS)).create_key(tenant, user, Role.MEMBER)


def is_level(client: Client) -> bool:
    """Whether each deposit of the account that is stored has its line."""
    commands = StoredCommand.objects.using(ALIAS).filter(
        aggregate_id=client.account_id, type="deposit-money", status="completed"
    )
    lines = AccountStatementLine.objects.using(ALIAS).filter(account_id=client.account_id)
    return commands.count() == lines.count()
