"""`manage.py worker` as a process: what it does, how it ends, and what it survives."""

import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from threading import Event

import pytest
from django.db import connection
from django.db.models.functions import Now

from eventstore.application import get_application
from eventstore.models import Reaction, Subscription, Tenant
from projections.models import AccountStatementLine, TransferSummary
from tests.http import Api, api_for
from tests.mail_server import mail_server
from tests.processes import run_manage, start_manage

#: How long a test waits for the process, in seconds.
PATIENCE = 60


@pytest.fixture
def umbrella(other_tenant: Tenant) -> Api:
    return api_for(other_tenant, user_name="otto")


@contextmanager
def worker(**environment: str) -> Generator[Callable[[], tuple[int, str]]]:
    """A running worker; the function lets it end, and returns its exit code and errors."""
    process = start_manage("worker", environment=environment)

    def end() -> tuple[int, str]:
        assert process.stdout is not None
        # Before, it would end as any command does, and with another exit code.
        assert process.stdout.readline().startswith("At work")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE)
        return process.returncode, errors

    try:
        yield end
    finally:
        process.kill()
        process.communicate()


def forgotten_transfer(api: Api, monkeypatch: pytest.MonkeyPatch, amount: str = "69") -> None:
    """One whose sender has died after its commit, a while ago."""
    owner_id = api.registered_person()
    source, target = api.opened_account(owner_id, deposit="20000"), api.opened_account(owner_id)
    fields = {"from_account_id": source, "to_account_id": target, "amount": amount}
    with monkeypatch.context() as patch:
        # Of the object: another test may have left an attribute there, which hides the class's.
        reactions = get_application().reactions
        patch.setattr(reactions, "drain", lambda caused, correlation_id: None)
        assert api.send("start-transfer", fields).status == 201
    Reaction.objects.filter(status="pending").update(lease_until=Now() - timedelta(seconds=1))


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it has not come"
        time.sleep(0.05)


def completed() -> int:
    return TransferSummary.objects.filter(status="completed").count()


def test_once_does_what_is_due_and_ends(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten_transfer(api, monkeypatch)

    first, second = run_manage("worker", "--once"), run_manage("worker", "--once")

    assert (first.returncode, first.stdout[:6]) == (0, "Done: ")
    assert completed() == 1
    assert (second.returncode, second.stdout) == (0, "Done: 0\n")


def test_once_says_what_it_has_left(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten_transfer(api, monkeypatch)
    Reaction.objects.update(lease_until=datetime(2099, 1, 1, 12, 30, 15, tzinfo=UTC))
    waiting = run_manage("worker", "--once")
    Reaction.objects.update(status="parked")
    statement = Subscription.objects.filter(projection="account_statement")
    statement.update(status="stopped", position=7)
    aside = run_manage("worker", "--once")

    assert waiting.stdout.splitlines()[1:] == [
        "Waiting for a lease or the next attempt: 1, the first until 12:30:15 UTC",
    ]
    assert aside.stdout.splitlines() == [
        "Done: 0",
        "Set aside: 1; see Processes and Commands in the admin",
        "Projection account_statement is stopped at position 7",
    ]


def test_a_worker_does_what_comes_and_ends_in_order(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worker() as end:
        forgotten_transfer(api, monkeypatch)
        until(lambda: completed() == 1)
        # Whoever cuts its connections finds it at work again.
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        forgotten_transfer(api, monkeypatch)
        until(lambda: completed() == 2)
        code, errors = end()

    assert code == 0
    assert "Traceback" not in errors


@pytest.mark.long
def test_rows_are_there_before_the_next_poll(api: Api) -> None:
    """The sender's `NOTIFY` calls: to wait for the poll would take half a second and more."""
    account = api.opened_account(api.registered_person())
    with worker() as end:
        lines = AccountStatementLine.objects.filter(account_id=account)
        waited = []
        for number in range(1, 12):
            api.send("deposit-money", {"aggregate_id": account, "amount": "1"})
            committed = time.monotonic()
            until(lambda: lines.count() == number)  # noqa: B023
            waited.append(time.monotonic() - committed)
        # The first one has waited for the worker to start.
        assert median(waited[1:]) < 0.2, waited
        assert end()[0] == 0


def test_its_connections_tell_whose_they_are(api: Api) -> None:
    with worker() as end, connection.cursor() as cursor:

        def names() -> set[str]:
            cursor.execute(
                "SELECT application_name FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return {name for (name,) in cursor.fetchall()}

        until(lambda: "daybook worker" in names())
        assert end()[0] == 0
        until(lambda: "daybook worker" not in names())


def test_told_as_soon_as_it_says_that_it_is_at_work_it_ends_in_order(database: None) -> None:
    settings = {"DJANGO_SETTINGS_MODULE": "tests.eventstore.management.told_as_it_speaks"}
    process = start_manage("worker", environment=settings)

    said, errors = process.communicate(timeout=PATIENCE)

    assert said.startswith("At work")
    assert (process.returncode, errors) == (0, "")


@pytest.mark.long
def test_the_second_signal_ends_it_at_once(umbrella: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs, let_go = Event(), Event()

    def hang() -> None:
        hangs.set()
        let_go.wait(PATIENCE)

    with mail_server() as server:
        server.before_answer = hang
        host = {"DAYBOOK_EMAIL_HOST": "127.0.0.1", "DAYBOOK_EMAIL_PORT": str(server.port)}
        process = start_manage("worker", environment=host)
        try:
            forgotten_transfer(umbrella, monkeypatch, amount="10000.01")
            assert hangs.wait(PATIENCE), "the mail is not being sent"
            process.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1)  # The effect is being performed.
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == -signal.SIGINT
        finally:
            let_go.set()
            process.kill()
            process.communicate()


@pytest.mark.long
def test_without_a_connection_to_listen_it_still_polls(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worker(LISTEN_DATABASE_URL="postgresql:///nowhere?host=/nowhere") as end:
        forgotten_transfer(api, monkeypatch)
        until(lambda: completed() == 1)
        code, errors = end()
    assert code == 0
    assert errors.count("not_listening") == 1


@pytest.mark.long
def test_reactions_go_on_beside_an_effect_that_hangs(
    umbrella: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, let_go = Event(), Event()

    def hang() -> None:
        hangs.set()
        let_go.wait(PATIENCE)

    with mail_server() as server:
        server.before_answer = hang
        host = {"DAYBOOK_EMAIL_HOST": "127.0.0.1", "DAYBOOK_EMAIL_PORT": str(server.port)}
        with worker(**host) as end:
            try:
                forgotten_transfer(umbrella, monkeypatch, amount="10000.01")
                assert hangs.wait(PATIENCE), "the mail is not being sent"
                forgotten_transfer(umbrella, monkeypatch)
                until(lambda: completed() == 2)
                assert Reaction.objects.get(kind="effect").status == "pending"
            finally:
                let_go.set()
            until(lambda: Reaction.objects.get(kind="effect").status == "done")
            assert end()[0] == 0
        assert len(server.box) == 1
