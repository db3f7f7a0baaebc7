"""`manage.py worker` as a process: what it does, how it ends, and what it survives."""

import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from django.db import connection
from django.db.models.functions import Now

from eventstore.models import Reaction, Tenant
from projections.models import TransferSummary
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
        patch.setattr(
            "eventstore.reactions.Reactions.drain", lambda self, caused, correlation_id: None
        )
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

    assert (first.returncode, first.stdout) == (0, "Done: 1\n")
    assert completed() == 1
    assert (second.returncode, second.stdout) == (0, "Done: 0\n")


def test_once_says_what_it_has_left(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten_transfer(api, monkeypatch)
    Reaction.objects.update(lease_until=datetime(2099, 1, 1, 12, 30, 15, tzinfo=UTC))
    waiting = run_manage("worker", "--once")
    Reaction.objects.update(status="parked")
    aside = run_manage("worker", "--once")

    assert waiting.stdout.splitlines() == [
        "Done: 0",
        "Waiting for a lease or the next attempt: 1, the first until 12:30:15 UTC",
    ]
    assert aside.stdout.splitlines() == ["Done: 0", "Set aside: 1; see Processes in the admin"]


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
