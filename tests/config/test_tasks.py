"""django-q2 brings workers to the work: `manage.py qcluster` as a process, and what it is told."""

import os
import signal
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from django.contrib import admin
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule, Task
from django_q.scheduler import scheduler

from config import tasks
from eventstore.models import ProcessInstance, Reaction
from eventstore.serialization import decode_json
from eventstore.tenancy import Actor
from eventstore.wakeups import Work
from tests.config.background.bell import EXIT, Bell, bell, scene_for
from tests.config.background.processes import PATIENCE, running, wait_until
from tests.config.background.settings import LEASE, TIMEOUT
from tests.config.background.waiting import waiting
from tests.eventstore.reactions.domain import Play

ALL = sorted(tasks.path_of(task) for task in tasks.TASKS.values())

#: Longer than the lease; of django-q2 also than the timeout and the three seconds it adds to it.
LONG = {"qcluster": TIMEOUT + 3.5, "worker": 1.5 * LEASE}


@pytest.fixture
def door(database: None) -> Generator[Bell]:
    with bell() as door:
        yield door


@pytest.fixture
def scene(database: None, member: Actor) -> Play:
    return scene_for(member)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


# Effects that last -------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("command", LONG)
def test_an_effect_longer_than_lease_and_timeout_is_performed_once(
    scene: Play, door: Bell, log: Path, command: str
) -> None:
    run = scene.begin("ring long")

    with running(door, log, command):
        wait_until(lambda: door.calls)
        for _ in looking_for(LONG[command]):
            # A second worker, which is this process, never gets hold of it.
            assert leased()
            assert scene.application.reactions.work() == 0
        door.answer.set()
        wait_until(lambda: seen(run) == ["ring long", "done ring"])
        # Whoever did it lives on, and does the next one.
        other = scene.begin("ring again")
        wait_until(lambda: tell(Work.EFFECTS) or "done ring" in seen(other))

    assert [call.word for call in door.calls] == ["long", "again"]
    assert Reaction.objects.get(kind="effect", instance_id=run).attempts == 1
    assert "reincarnated" not in log.read_text()
    assert not Task.objects.exists()


@pytest.mark.long
def test_effects_that_hang_do_not_hold_up_reactions(scene: Play, door: Bell, log: Path) -> None:
    for word in ("first", "second", "third"):
        scene.begin(f"ring {word}")

    with running(door, log, "qcluster"):
        wait_until(lambda: door.calls)
        # Whoever takes this one finds that no more workers may be at effects.
        tell(Work.EFFECTS)
        wait_until(lambda: not OrmQ.objects.filter(lock__lte=timezone.now()).exists())
        forgotten = forget(scene, "end")
        tell(Work.REACTIONS)
        wait_until(lambda: seen(forgotten) == ["end"])

        assert [call.word for call in door.calls] == ["first"]


@pytest.mark.long
def test_an_effect_whose_worker_was_killed_is_performed_again_under_its_id(
    scene: Play, door: Bell, log: Path
) -> None:
    run = scene.begin("ring long")

    with running(door, log, "qcluster"):
        wait_until(lambda: door.calls)
        os.kill(door.calls[0].pid, signal.SIGKILL)
        wait_until(lambda: tell(Work.EFFECTS) or len(door.calls) == 2)
        assert not leased(by_attempt=1)
        door.answer.set()
        wait_until(lambda: seen(run) == ["ring long", "done ring"])

    first, second = door.calls
    assert first.effect_id == second.effect_id
    assert first.pid != second.pid


@pytest.mark.long
def test_a_worker_that_loses_a_thread_ends_and_says_so(scene: Play, door: Bell, log: Path) -> None:
    """Else nobody would do its work, while the process looks alive."""
    with running(door, log, "worker") as process:
        scene.begin(f"ring {EXIT}")
        assert process.wait(PATIENCE) == 1
    assert "Lost, and with it this worker: effects." in log.read_text()
    assert '"message": "thread_ended"' in log.read_text()


# The schedule ------------------------------------------------------------------------------------


def test_every_minute_there_is_a_task_of_each_kind(database: None) -> None:
    tasks.ensure_schedules()

    scheduler()

    assert waiting() == ALL
    due = Schedule.objects.values_list("next_run", flat=True)
    assert all(0 < (at - timezone.now()).total_seconds() <= 60 for at in due)


def test_no_task_waits_twice(database: None) -> None:
    tasks.prepare()
    Schedule.objects.update(next_run=timezone.now())

    scheduler()
    tasks.enqueue(Work.REACTIONS)

    assert waiting() == ALL


def test_while_one_is_at_work_another_one_waits(database: None) -> None:
    """The one at work may have looked already when new work came."""
    tasks.enqueue(Work.REACTIONS)
    handed_out = tasks.CoalescingQueue().dequeue()

    tasks.enqueue(Work.REACTIONS)

    assert handed_out is not None
    assert waiting() == ["config.tasks.do_reactions"]


@pytest.mark.parametrize("task", tasks.TASKS.values())
def test_a_task_whose_turn_is_over_asks_for_another_one(
    database: None, monkeypatch: pytest.MonkeyPatch, task: Callable[[], None]
) -> None:
    task()
    assert waiting() == []

    monkeypatch.setattr(tasks, "TURN_SECONDS", 0)
    task()

    assert waiting() == [tasks.path_of(task)]


def test_a_start_mends_the_schedule_and_leaves_a_teams_own_alone(database: None) -> None:
    tasks.ensure_schedules()
    Schedule.objects.filter(func="config.tasks.do_reactions").delete()
    Schedule.objects.update(func="gone.away", repeats=0)
    Schedule.objects.create(name="a team's own", func="print")

    tasks.ensure_schedules()

    assert sorted(Schedule.objects.values_list("func", "repeats")) == [
        *((path, -1) for path in ALL),
        ("print", -1),
    ]


def test_a_teams_own_tasks_may_wait_in_any_number(database: None) -> None:
    for number in (1, 2):
        tasks.async_task("print", number)

    assert OrmQ.objects.count() == 2


def test_tasks_carry_no_data(database: None) -> None:
    tasks.prepare()

    assert OrmQ.objects.count() == len(ALL)
    for queued in OrmQ.objects.all():
        assert (queued.args(), queued.kwargs()) == ((), {})
    assert not Schedule.objects.exclude(args=None).exists()


def test_the_admin_shows_nothing_of_django_q2() -> None:
    assert not [model for model in admin.site._registry if model._meta.app_label == "django_q"]


# Short ways --------------------------------------------------------------------------------------


def seen(run: UUID) -> list[str]:
    """What a run has written down."""
    state = ProcessInstance.objects.get(instance_id=run).state
    return decode_json(state)["seen"] if state else []


def forget(scene: Play, note: str) -> UUID:
    """Begin a run whose first step its sender cannot do."""

    def fail(note: str) -> None:
        raise RuntimeError("not here")

    scene.process.before = fail
    return scene.begin(note)


def tell(kind: Work) -> None:
    """Do not wait for the schedule's minute."""
    tasks.enqueue(kind)


def leased(by_attempt: int | None = None) -> bool:
    """Whether the one effect belongs to a worker, on the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lease_until > clock_timestamp() FROM eventstore_reaction"
            " WHERE kind = 'effect' AND attempts = coalesce(%s, attempts)",
            [by_attempt],
        )
        return cursor.fetchone() == (True,)


def looking_for(seconds: float) -> Iterator[None]:
    """Again and again for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)
