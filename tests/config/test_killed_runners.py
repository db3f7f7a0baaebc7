"""kill -9 of a runner, or of any process of a qcluster: the work goes on, at the latest with the
next one.
"""

import os
import signal
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import UUID

import pytest
from django.test import Client

from config import health_reasons
from eventstore.application import Application
from eventstore.models import StoredCommand
from eventstore.tenancy import Actor
from tests.config.background.ledger import (
    Branch,
    balance,
    lines,
    opened_branch,
    status_of,
    undone,
)
from tests.config.background.runners import Runner, runner, wait_until
from tests.http import Api
from tests.replay import assert_rows_as_replayed, catch_up_on_demand, is_level

#: Commands that are due when a worker is killed amid them.
MANY = 50
#: What readiness takes for too long in a test: a runner that lives needs one at most.
SOME_SECONDS = 1.5


@pytest.fixture
def branch(application: Application, api: Api, member: Actor) -> Branch:
    return opened_branch(application, member)


@pytest.mark.long
def test_a_worker_killed_amid_its_work_leaves_it_to_the_next(
    branch: Branch, tmp_path: Path
) -> None:
    account = branch.opened()
    for _ in range(MANY):
        branch.schedule(account)

    with runner("worker", tmp_path / "first") as first:
        wait_until(lambda: balance(account) > MANY / 10)
        first.process.kill()
        first.process.wait()
    assert undone() > 0

    with runner("worker", tmp_path / "second"):
        wait_until(lambda: not undone())
        wait_until(lambda: is_level(branch.application))

    assert balance(account) == MANY
    assert StoredCommand.objects.filter(status="completed", due_at__isnull=False).count() == MANY
    assert lines(account) == MANY
    catch_up_on_demand(branch.application)
    assert_rows_as_replayed(branch.application)


@pytest.mark.long
def test_a_qcluster_goes_on_without_whom_it_replaces_and_the_next_without_the_last(
    branch: Branch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two clusters each process is killed in its turn; so few, since each takes long to start.

    Where idle workers are killed, one of them held the lock of the queue, and nobody can take it
    any more: that one hangs, is told by readiness, and has to be restarted.
    """
    monkeypatch.setattr(health_reasons, "MOST_OVERDUE", SOME_SECONDS)
    account = branch.opened()
    with qcluster(tmp_path / "first") as cluster:
        works(branch, account)
        kill(cluster.pusher())
        works(branch, account)
        kill(cluster.monitor())
        works(branch, account)
        assert cluster.process.poll() is None

        wait_until(cluster.is_complete)
        for worker in cluster.workers():
            kill(worker)
        wait_until(cluster.is_complete)  # All look alive.
        left = branch.schedule(account)
        wait_until(lambda: readiness() == "degraded")
        assert status_of(left) == "pending"
        kill(cluster.process.pid)
        cluster.process.wait()
        # Not one of them goes on unseen, beside the next cluster or with older code.
        wait_until(lambda: not cluster.members())
    due = branch.schedule(account)
    assert status_of(due) == "pending"

    with qcluster(tmp_path / "second") as cluster:
        wait_until(lambda: {status_of(left), status_of(due)} == {"completed"})
        works(branch, account)
        assert readiness() == "ok"
        wait_until(lambda: is_level(branch.application))
        wait_until(cluster.is_complete)
        kill(cluster.guard())
        cluster.process.wait(30)
        wait_until(lambda: not cluster.members())
    catch_up_on_demand(branch.application)
    assert_rows_as_replayed(branch.application)


# Short ways ----------------------------------------------------------------------------------


def qcluster(log: Path) -> AbstractContextManager[Runner]:
    return runner("qcluster", log)


def works(branch: Branch, account: UUID) -> None:
    """It does what comes."""
    before = lines(account)
    branch.deposit(account)
    wait_until(lambda: lines(account) > before)


def readiness() -> str:
    answer = Client(SERVER_NAME="localhost").get("/readyz")
    assert answer.status_code == 200
    return str(answer.json()["status"])


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
