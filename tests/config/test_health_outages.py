"""A database that is slow, locked, hangs or is gone: probes say so, and in time."""

import os
import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config import health
from eventstore.lag import Lag
from tests.config.probes import ask, reasons, unavailable
from tests.eventstore.failing import work
from tests.eventstore.high_water_mark.own_server import own_server
from tests.eventstore.support import raw_connection
from tests.http import Answer
from tests.server import running_server

#: Seconds within which a probe has to be answered, however ill the database is.
IN_TIME = 5.5


@pytest.fixture
def world(application):
    """All projections level: the daily totals have run."""
    work()


def test_a_migration_that_is_missing_is_told(world):
    forget = "DELETE FROM django_migrations WHERE app = 'projections' RETURNING app, name, applied"
    with raw_connection() as owner:
        gone = owner.execute(forget).fetchall()
        owner.commit()
    try:
        assert "manage.py migrate" in unavailable(ask())
        assert "manage.py migrate" in unavailable(ask("/metrics"))
    finally:
        with raw_connection() as owner, owner.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", gone
            )
    assert reasons() == []


def test_a_table_that_is_locked_takes_no_process_out(world):
    with raw_connection() as owner:
        owner.execute("LOCK eventstore_event IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        assert reasons() == [health.SLOW]
        assert unavailable(ask("/metrics")) == health.SLOW
        assert time.monotonic() - started < 2 * IN_TIME
        owner.rollback()
    assert reasons() == []


@contextmanager
def stopped_by_signal(server: Any) -> Generator[None]:
    """All of a server's processes, as a machine that stands still."""
    processes = processes_of(
        int(Path(server.home, "data", "postmaster.pid").read_text().split()[0])
    )
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(processes):
            os.kill(pid, signal.SIGCONT)


def processes_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


@pytest.mark.long
def test_a_database_that_hangs_or_is_gone_is_told_in_time_and_its_return_as_well():
    with own_server() as server, running_server({"DATABASE_URL": server.url}) as daybook:
        assert ready(daybook).status == 200
        with stopped_by_signal(server):
            for path in ("/readyz", "/metrics"):
                assert unavailable(ready(daybook, path)) == "The database does not answer."
        assert ready(daybook).status == 200
        server.stop("fast")
        assert unavailable(ready(daybook)) == "The database does not answer."
        assert daybook.call("GET", "/healthz", "none").status == 200
        server.ensure_running()
        assert ready(daybook).status == 200


def ready(daybook: Any, path: str = "/readyz") -> Answer:
    started = time.monotonic()
    answer: Answer = daybook.call("GET", path, "none")
    assert time.monotonic() - started < IN_TIME
    return answer


@pytest.mark.long
def test_an_answer_that_never_comes_is_cut_off(world, monkeypatch):
    """The server has taken the statement, and says nothing for longer than anybody waits."""
    monkeypatch.setattr(health, "PATIENCE", 0.5)

    def sleep(lag: Lag) -> None:
        lag._database.execute("SET statement_timeout = 0")
        lag._database.execute("SELECT pg_sleep(3)")

    started = time.monotonic()
    with pytest.raises(health.NotReady):
        health.ask(sleep)
    assert time.monotonic() - started < 2
    # Until it has woken, the database could not be removed.
    wait_until(lambda: not sleepers())


def sleepers() -> int:
    with raw_connection() as observer:
        sleeping = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event = 'PgSleep' AND datname = current_database()"
        )
        return observer.execute(sleeping).fetchone()[0]


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
