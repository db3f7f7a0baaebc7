"""Tasks of a qcluster: who may be at what, who is called again, and what their queue promises."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from config import tasks
from eventstore.application import Application
from eventstore.wakeups import Work
from tests.config.background.ledger import lines
from tests.config.background.runners import wait_until
from tests.config.background.waiting import waiting
from tests.eventstore.high_water_mark.support import append_one
from tests.eventstore.support import raw_connection
from tests.http import Api

#: Seconds: less than anybody would wait for a lock.
QUICK = 3
ONE_AT_A_TIME = (Work.PROJECTIONS, Work.COMMANDS, Work.REACTIONS, Work.REBUILDS, Work.BOXES)
#: Of six workers these are left.
EFFECTS = (Work.EFFECTS, 3)


def test_a_command_calls_for_its_async_projections_by_a_task(api: Api) -> None:
    owner_id = api.registered_person()
    assert waiting() == []  # Nothing in the background is about persons alone.

    account = api.opened_account(owner_id)
    api.send("deposit-money", {"aggregate_id": account, "amount": "1"})

    assert waiting() == ["config.tasks.project"]


def test_who_was_called_during_a_turn_gets_another_one(application: Application) -> None:
    """It may have been the last look that he came too late for."""

    def is_called_meanwhile(over: Callable[[], bool]) -> None:
        application.wakeups.wake(Work.REACTIONS)
        # The worker who is handed the task out finds the lane taken, and leaves.
        assert len(tasks.CoalescingQueue().dequeue() or ()) == 1

    tasks.take_turn(Work.REACTIONS, is_called_meanwhile)
    assert waiting() == ["config.tasks.do_reactions"]

    OrmQ.objects.all().delete()
    tasks.take_turn(Work.REACTIONS, lambda over: None)
    assert waiting() == []


def test_what_waits_for_somebody_else_is_looked_at_each_second_and_not_without_end(
    api: Api,
) -> None:
    """For whoever has their rows, and for whose transaction holds the mark."""
    account = api.opened_account(api.registered_person())
    with raw_connection() as other:
        append_one(other)
        api.send("deposit-money", {"aggregate_id": account, "amount": "1"})
        for holds in ("", "SELECT FROM eventstore_subscription FOR UPDATE"):
            other.execute(holds)
            OrmQ.objects.all().delete()
            tasks.project()
            assert waiting() == []
            ((_, task),) = tasks.CoalescingQueue().dequeue() or ()
            assert tasks.is_ours(task)
        assert lines(UUID(account)) == 0
        other.rollback()
    tasks.project()
    assert lines(UUID(account)) == 1


@pytest.mark.parametrize(("kind", "at_once"), [*((kind, 1) for kind in ONE_AT_A_TIME), EFFECTS])
def test_each_kind_has_its_lanes(kind: Work, at_once: int, tmp_path: Path) -> None:
    """So there is always a worker for the others; each one is a process, as in a qcluster."""
    tasks.lanes()
    started = [fork_into_lane(kind, tmp_path / str(number)) for number in range(5)]
    try:
        wait_until(lambda: all((tmp_path / str(n)).exists() for n in range(5)))
        had = [(tmp_path / str(number)).read_text() for number in range(5)]
        assert had.count("True") == at_once
    finally:
        for pid in started:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    with tasks.lane(kind) as is_ours:
        assert is_ours, "who dies gives his lane back"


def test_who_boxes_what_is_idle_keeps_nobody_but_an_effect_waiting(tmp_path: Path) -> None:
    tasks.lanes()
    boxes = fork_into_lane(Work.BOXES, tmp_path / "boxes")
    try:
        wait_until((tmp_path / "boxes").exists)
        for kind in Work:
            with tasks.lane(kind) as is_ours:
                assert is_ours is (kind is not Work.BOXES), kind
    finally:
        os.kill(boxes, signal.SIGKILL)
        os.waitpid(boxes, 0)


def fork_into_lane(kind: Work, answer: Path) -> int:
    """A child that enters it, says whether it may, and stays."""
    if pid := os.fork():
        return pid
    try:
        with tasks.lane(kind) as is_ours:
            answer.with_suffix(".new").write_text(str(is_ours))
            answer.with_suffix(".new").rename(answer)
            signal.pause()
    finally:
        os._exit(0)


def test_a_task_is_handed_out_once_and_a_teams_own_until_it_is_done(database: None) -> None:
    queue = tasks.CoalescingQueue()
    tasks.enqueue(Work.EFFECTS)
    assert len(queue.dequeue() or ()) == 1
    assert not OrmQ.objects.exists()

    tasks.async_task("print")
    assert len(queue.dequeue() or ()) == 1
    assert OrmQ.objects.get().lock > timezone.now()


def test_a_queue_looks_each_second_for_what_is_due(
    api: Api, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.opened_account(api.registered_person(), deposit="1")
    OrmQ.objects.all().delete()
    queue = tasks.CoalescingQueue()

    ((_, task),) = queue.dequeue() or ()
    assert tasks.is_ours(task)
    assert queue.dequeue() is None, "it has looked just now"
    monkeypatch.setattr(tasks, "LOOK_AGAIN", 0)
    assert len(queue.dequeue() or ()) == 1


# Others who are frozen, or in the way -----------------------------------------------------------


def test_who_is_frozen_while_he_asks_holds_up_no_queue(api: Api) -> None:
    """He has the lock of his kind; django-q2's own schedule takes the same ones."""
    tasks.ensure_schedules()
    api.opened_account(api.registered_person(), deposit="1")
    OrmQ.objects.all().delete()
    queue = tasks.CoalescingQueue()
    with raw_connection() as frozen:
        frozen.execute("SELECT FROM django_q_schedule FOR UPDATE")
        tasks.async_task("print")
        began = time.monotonic()
        handed_out = [task for _ in range(2) for _, task in queue.dequeue() or ()]
        # What was due is asked for all the same: he might be frozen for long. (In any order.)
        assert sorted(tasks.is_ours(task) for task in handed_out) == [False, True]
        # Nor does he hold up one that starts, and finds the schedule as it is to be.
        tasks.ensure_schedules()
        assert time.monotonic() - began < QUICK
        frozen.rollback()
    assert Schedule.objects.filter(name__startswith=tasks.OURS).count() == len(tasks.TASKS)


def test_a_look_that_fails_keeps_nobody_from_his_task(
    database: None, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.enqueue(Work.EFFECTS)
    caplog.set_level("WARNING", logger="daybook.qcluster")
    queue = tasks.CoalescingQueue()
    with raw_connection() as operator:
        # What the look reads is gone for a moment.
        operator.execute("ALTER TABLE eventstore_subscription RENAME TO elsewhere")
        operator.commit()
        try:
            assert len(queue.dequeue() or ()) == 1
        finally:
            operator.execute("ALTER TABLE elsewhere RENAME TO eventstore_subscription")
            operator.commit()
    of_ours = [record for record in caplog.records if record.name == "daybook.qcluster"]
    assert [record.message for record in of_ours] == ["look_failed"]


def test_a_queue_without_its_database_waits_for_it(
    database: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tasks, "LOOK_AGAIN", 0.01)
    queue = tasks.CoalescingQueue()
    caplog.set_level("WARNING", logger="daybook.qcluster")
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    connection.close()
    try:
        assert queue.dequeue() is None
        assert queue.dequeue() is None
    finally:
        monkeypatch.undo()
    assert [record.message for record in caplog.records] == ["database_gone"]
    tasks.enqueue(Work.EFFECTS)
    assert len(queue.dequeue() or ()) == 1


def test_a_task_signed_with_another_key_is_nobodys(database: None) -> None:
    assert not tasks.is_ours("nonsense:of:somebody")
