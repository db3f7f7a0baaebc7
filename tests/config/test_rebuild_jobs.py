"""Rebuilds in the background, by real processes: asked for over HTTP, and done, whoever dies."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from eventstore.application import Application
from eventstore.models import Rebuild, Subscription, Tenant
from eventstore.tenancy import Actor, Role
from projections.models import AccountSummary
from tests.config.background import holding
from tests.config.background.ledger import Branch, lines, opened_branch
from tests.config.background.runners import Runner, runner, wait_until
from tests.http import Api, answer_of, api_for
from tests.processes import run_manage

NAME = "account_summary"
RUNNERS = ("worker", "qcluster")


@pytest.fixture
def branch(application: Application, member: Actor) -> Branch:
    return opened_branch(application, member)


@pytest.fixture
def operator(application: Application, tenant: Tenant) -> Api:
    return api_for(tenant, Role.OPERATOR, "olive")


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """While this folder is there, rebuilds of `holding` runners wait in it."""
    folder = tmp_path / "held"
    folder.mkdir()
    return folder


def holding_runner(command: str, log: Path, held: Path) -> AbstractContextManager[Runner]:
    return runner(
        command,
        log,
        {"DJANGO_SETTINGS_MODULE": holding.__name__, holding.VARIABLE: str(held)},
    )


def ask(operator: Api, kind: str = "rebuild", name: str = NAME) -> int:
    path = f"/api/projections/{name}/rebuild"
    body = f'{{"kind": "{kind}", "reason": "a test"}}'
    answer = answer_of(operator._client.post(path, body, content_type="application/json"))
    assert answer.status == 202, answer.raw
    return int(answer.body["id"])


def status_of(number: int) -> str:
    return Rebuild.objects.get(pk=number).status


def damaged(branch: Branch) -> None:
    branch.opened(deposit=5)
    AccountSummary.objects.update(balance=666)


def is_mended() -> bool:
    return {row.balance for row in AccountSummary.objects.all()} == {5}


def waiting(held: Path) -> list[int]:
    """The processes that are held."""
    return [int(path.name) for path in held.iterdir()]


def lives(pid: int) -> bool:
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")


def shadow_schemas() -> int:
    with connection.cursor() as cursor:
        cursor.execute(r"SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'shadow\_%'")
        return int(cursor.fetchone()[0])


# Each runner alone ---------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["worker", pytest.param("qcluster", marks=pytest.mark.long)])
def test_one_runner_alone_does_what_is_asked_for(
    command: str, branch: Branch, operator: Api, tmp_path: Path
) -> None:
    damaged(branch)
    waited = ask(operator)
    with runner(command, tmp_path / "log") as running:
        wait_until(lambda: status_of(waited) == "done")
        assert is_mended()
        AccountSummary.objects.update(balance=666)
        for kind, outcome in (("check", "differs"), ("fix", "done"), ("check", "done")):
            number = ask(operator, kind)
            wait_until(lambda: status_of(number) == outcome)  # noqa: B023
        assert is_mended()
        assert running.ended() == 0
    assert {run.attempts for run in Rebuild.objects.all()} == {1}
    # Replaced once; checks and mends leave the tables as they are.
    assert Subscription.objects.get(projection=NAME).generation == waited + 1
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.long
def test_once_waits_until_all_is_done(branch: Branch, operator: Api) -> None:
    damaged(branch)
    numbers = [ask(operator), ask(operator, "check", "person_summary")]
    done = run_manage("worker", "--once")
    assert done.returncode == 0, done.stderr
    assert [status_of(number) for number in numbers] == ["done", "done"]
    assert is_mended()


@pytest.mark.long
def test_a_run_that_fails_is_told_by_readiness_until_one_is_done(
    branch: Branch, operator: Api, application: Application
) -> None:
    number = ask(operator)
    Rebuild.objects.filter(pk=number).update(status="running", attempts=5)
    # Somebody has to come and give it up.
    assert "rebuilds" in application.wakeups.due()
    assert run_manage("worker", "--once").returncode == 0
    failed = Rebuild.objects.get(pk=number)
    assert (failed.status, failed.error) == (
        "failed",
        "Whoever did it died, and nobody begins it again.",
    )
    assert f"The last rebuild of projection {NAME} has failed." in readiness()
    assert 'daybook_set_aside{kind="rebuild"} 1.0' in metrics()

    ask(operator, "check")
    application.rebuilding.work()
    assert readiness() == []
    damaged(branch)
    ask(operator, "check")
    application.rebuilding.work()
    told = f"Rows of projection {NAME} differ from a replay, says its last check."
    assert told in readiness()


def test_what_nobody_begins_is_told_by_readiness(operator: Api, application: Application) -> None:
    number = ask(operator)
    assert readiness() == []
    with connection.cursor() as cursor:
        cursor.execute("UPDATE eventstore_rebuild SET asked_at = now() - interval '70 s'")
    (reason,) = readiness()
    assert reason.startswith("1 rebuild is due, and nobody has done the oldest for 7")
    assert "daybook_due_rebuilds 1.0" in metrics()
    with application.rebuilding.log.alone("person_summary"):
        assert readiness() == [], "a runner does one at a time"
    Rebuild.objects.filter(pk=number).update(projection="gone")
    assert readiness() == []


# While one is at work ------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("command", RUNNERS)
def test_a_runner_does_one_at_a_time_and_all_the_rest_beside_it(
    command: str, branch: Branch, operator: Api, tmp_path: Path, held: Path
) -> None:
    account = branch.opened()
    with holding_runner(command, tmp_path / "log", held):
        first = ask(operator)
        wait_until(lambda: waiting(held))
        second = ask(operator, name="person_summary")
        for number in range(1, 4):
            branch.deposit(account)
            wait_until(lambda: lines(account) == number)  # noqa: B023
            time.sleep(0.5)  # In each second somebody is called for the second one.
        assert (status_of(first), status_of(second)) == ("running", "waiting")
        assert len(waiting(held)) == 1
        shutil.rmtree(held)
        wait_until(lambda: {status_of(first), status_of(second)} == {"done"})


@pytest.mark.long
def test_of_many_runners_one_does_it_once(branch: Branch, operator: Api, tmp_path: Path) -> None:
    damaged(branch)
    with ExitStack() as running:
        for number, command in enumerate((*RUNNERS, "worker")):
            running.enter_context(runner(command, tmp_path / str(number)))
        for _ in range(3):
            number = ask(operator)
            wait_until(lambda: status_of(number) == "done")  # noqa: B023
    assert [run.attempts for run in Rebuild.objects.all()] == [1, 1, 1]
    assert is_mended()


# Who dies ------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("command", RUNNERS)
def test_a_run_whose_process_was_killed_is_begun_again(
    command: str, branch: Branch, operator: Api, tmp_path: Path, held: Path
) -> None:
    damaged(branch)
    with holding_runner(command, tmp_path / "log", held):
        number = ask(operator)
        wait_until(lambda: waiting(held))
        (pid,) = waiting(held)
        assert not is_mended()
        shutil.rmtree(held)
        held.mkdir()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: waiting(held) not in ([], [pid]))
        assert status_of(number) == "running"
        shutil.rmtree(held)
        wait_until(lambda: status_of(number) == "done")
    assert Rebuild.objects.get(pk=number).attempts == 2
    assert is_mended()
    assert shadow_schemas() == 0


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "command"),
    [
        (signal.SIGTERM, "qcluster"),
        (signal.SIGKILL, "worker"),
        pytest.param(signal.SIGTERM, "worker", marks=pytest.mark.soak),
        pytest.param(signal.SIGKILL, "qcluster", marks=pytest.mark.soak),
    ],
)
def test_a_run_ends_with_its_runner_and_the_next_one_begins_it_again(
    command: str,
    number: signal.Signals,
    branch: Branch,
    operator: Api,
    tmp_path: Path,
    held: Path,
) -> None:
    """Else nobody would know of it, and after a release it would bring the old code's rows."""
    damaged(branch)
    with holding_runner(command, tmp_path / "first", held) as first:
        run = ask(operator)
        wait_until(lambda: waiting(held))
        (pid,) = waiting(held)
        first.process.send_signal(number)
        first.process.wait(30)
        wait_until(lambda: not lives(pid))
    assert status_of(run) == "running"
    assert not is_mended()
    shutil.rmtree(held)
    with holding_runner(RUNNERS[command == "worker"], tmp_path / "second", held):
        wait_until(lambda: status_of(run) == "done")
    assert is_mended()
    assert shadow_schemas() == 0


@pytest.mark.long
def test_a_process_that_is_told_to_end_leaves_its_run_to_the_next_one(
    branch: Branch, operator: Api, tmp_path: Path, held: Path
) -> None:
    """As who stops a service does, with all that belongs to it."""
    with holding_runner("worker", tmp_path / "log", held):
        number = ask(operator)
        wait_until(lambda: waiting(held))
        (pid,) = waiting(held)
        shutil.rmtree(held)
        held.mkdir()
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: waiting(held) not in ([], [pid]))
        assert status_of(number) == "running"
        shutil.rmtree(held)
        wait_until(lambda: status_of(number) == "done")


# Short ways ----------------------------------------------------------------------------------


def readiness() -> list[str]:
    answer = Client(SERVER_NAME="localhost").get("/readyz")
    assert answer.status_code == 200
    return [str(reason) for reason in answer.json()["reasons"]]


def metrics() -> str:
    return Client(SERVER_NAME="localhost").get("/metrics").content.decode()
