"""Each runner alone does all the background work: `manage.py qcluster`, or `manage.py worker`."""

import time
from datetime import timedelta
from pathlib import Path
from statistics import median

import pytest
from django.utils import timezone

from eventstore.application import Application
from eventstore.tenancy import Actor
from tests.config.background.ledger import (
    deposits_of_all_days,
    lines,
    opened_branch,
    status_of,
    transfer_status,
)
from tests.config.background.runners import runner, wait_until
from tests.eventstore.boxes import policies
from tests.http import Api
from tests.processes import PROJECT
from tests.replay import assert_rows_as_replayed, catch_up_on_demand, is_level

#: How soon an async row is there, in seconds: the worker does not wait for its next poll.
IN_TIME = 4.0
SOON = {"qcluster": 1.0, "worker": 0.2}


@pytest.mark.parametrize("command", SOON)
def test_one_runner_alone_does_everything(
    command: str, application: Application, api: Api, member: Actor, tmp_path: Path
) -> None:
    branch = opened_branch(application, member)
    account, other = branch.opened(deposit=100), branch.opened()
    forgotten = branch.forget_transfer(account, other)
    due = branch.schedule(account)
    idle = policies.person(application, member.tenant_id)
    policy = policies.put(application, member.tenant_id)
    time.sleep(0.3)
    assert (lines(account), deposits_of_all_days()) == (0, 0)
    assert (transfer_status(forgotten), status_of(due)) == (None, "pending")

    with runner(command, tmp_path / "log") as running:
        wait_until(lambda: status_of(due) == "completed")
        wait_until(lambda: transfer_status(forgotten) == "completed")
        # The deposit, the one that was due, and what the transfer has taken.
        wait_until(lambda: lines(account) == 3)
        wait_until(lambda: deposits_of_all_days() >= 2)

        wait_until(lambda: policies.counts(policy)[0] == 1)
        assert policies.boxed(member.tenant_id) == set()
        policies.let_the_notice_pass()
        wait_until(lambda: policies.boxed(member.tenant_id) == {idle})

        at = timezone.now() + timedelta(seconds=0.7)
        in_time = branch.schedule(other, at=at)
        waited = []
        for number in range(4, 9):
            branch.deposit(account)
            waited.append(wait_until(lambda: lines(account) == number))  # noqa: B023
        # Nobody calls when its time has come.
        wait_until(lambda: status_of(in_time) == "completed")
        assert timedelta(0) <= timezone.now() - at < timedelta(seconds=IN_TIME)
        later = branch.schedule(other)
        wait_until(lambda: status_of(later) == "completed")
        wait_until(lambda: is_level(application))
        assert running.ended() == 0

    assert median(waited) < SOON[command], waited
    catch_up_on_demand(application)
    assert_rows_as_replayed(application)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_no_test_runs_a_task_inside_its_caller() -> None:
    """django-q2 can, and it would hide what only processes of their own show."""
    forbidden = "sync" + "=True"
    files = [*PROJECT.glob("tests/**/*.py"), *PROJECT.glob("config/**/*.py")]
    assert len(files) > 100
    assert [path for path in files if forbidden in path.read_text().replace(" ", "")] == []
    assert [path for path in files if '"sync' + '":' in path.read_text()] == []
