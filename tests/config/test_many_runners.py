"""Two qclusters and two workers at once, tasks twice, one of each frozen: rows equal a replay."""

import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from django_q.brokers.orm import ORM
from django_q.tasks import async_task

from config import tasks
from eventstore.application import Application
from eventstore.models import StoredCommand
from eventstore.tenancy import Actor
from tests.config.background.ledger import balance, opened_branch, transfer_status, undone
from tests.config.background.runners import Runner, runner, wait_until
from tests.http import Api
from tests.replay import assert_rows_as_replayed, catch_up_on_demand, is_level

#: How long two of them stand still, in seconds and longer than a lease; and how long others may
#: wait for their locks then.
FROZEN = (1.5, pytest.param(60.0, marks=pytest.mark.soak))
LONG = 90.0

MONEY = 1000
ROUNDS = 8


@pytest.mark.long
@pytest.mark.parametrize("seconds", FROZEN)
def test_many_runners_and_frozen_ones_do_everything_once(
    seconds: float, application: Application, api: Api, member: Actor, tmp_path: Path
) -> None:
    branch, other_branch = (opened_branch(application, member) for _ in range(2))
    account, source, target = branch.opened(), branch.opened(deposit=MONEY), branch.opened()
    other = other_branch.opened()
    with ExitStack() as running:
        workers, clusters = (
            [
                running.enter_context(runner(command, tmp_path / f"{command}{number}"))
                for number in range(2)
            ]
            for command in ("worker", "qcluster")
        )
        wait_until(lambda: all(cluster.is_complete() for cluster in clusters))
        transfers = []

        def one_round() -> None:
            branch.schedule(account)
            transfers.append(branch.forget_transfer(source, target))
            every_task_twice()
            # Of another person: who is frozen may have locked the row that his accounts share.
            other_branch.deposit(other)

        for number in range(ROUNDS):
            if number == ROUNDS // 2:
                freeze(workers[0], clusters[0])
                thaw_at = time.monotonic() + seconds
            one_round()
        while time.monotonic() < thaw_at:
            every_task_twice()
            other_branch.deposit(other)
            time.sleep(0.2)
        for frozen in (workers[0], clusters[0]):
            frozen.signal_all(signal.SIGCONT)

        wait_until(lambda: not undone(), LONG)
        assert [each.process.poll() for each in (*workers, *clusters)] == [None] * 4
        wait_until(lambda: is_level(application), LONG)
        assert workers[0].ended() == 0

    scheduled = StoredCommand.objects.filter(due_at__isnull=False, reaction__isnull=True)
    assert [*scheduled.values_list("status", flat=True)] == ["completed"] * ROUNDS
    assert balance(account) == ROUNDS
    assert (balance(source), balance(target)) == (MONEY - ROUNDS, ROUNDS)
    assert {transfer_status(transfer_id) for transfer_id in transfers} == {"completed"}
    catch_up_on_demand(application)
    assert_rows_as_replayed(application)


def every_task_twice() -> None:
    """Past the queue that keeps one of a kind."""
    for task in tasks.TASKS.values():
        for _ in range(2):
            async_task(tasks.path_of(task), q_options={"broker": ORM()})


def freeze(*runners: Runner) -> None:
    for each in runners:
        each.signal_all(signal.SIGSTOP)
