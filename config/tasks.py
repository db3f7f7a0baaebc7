"""What django-q2 runs in `manage.py qcluster`: two tasks without any data, and their schedule.

A task says only that there may be work. What there is stands in our own tables, each piece with
its lease and its attempts; so a task may come twice, late or never: django-q2 promises no more.

Effects have a task of their own: one may take long, and even hang, and reactions go on beside it.
"""

import fcntl
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import Schedule
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from eventstore.application import get_application

#: After so many seconds a task takes on nothing more, and asks for another one in its place.
TURN_SECONDS = 20.0

#: Our schedules are those whose names begin so; a team's own are left alone.
OURS = "daybook: "

#: Which workers are at effects: one byte for each that may be. Opened before a qcluster starts
#: its workers, who share it; a worker's lock on a byte ends with the worker, however it ends.
_lanes = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as the process lives


def do_reactions() -> None:
    """Do the steps of process managers that are due, and their commands."""
    over = turn()
    get_application().reactions.work(until=over, effects=False)
    if over():
        enqueue(do_reactions)


def perform_effects() -> None:
    """Perform the effects that are due, where a worker stays free for reactions."""
    with lane() as is_ours:
        if not is_ours:
            return  # The workers who are at effects take the next one when they have done theirs.
        over = turn()
        get_application().reactions.perform_effects(until=over)
        if over():
            enqueue(perform_effects)


#: Each task with django-q2's options for it.
TASKS: Mapping[Callable[[], None], dict[str, Any]] = {
    do_reactions: {},
    # Not the cluster's timeout, which would end an effect in the middle.
    perform_effects: {"timeout": settings.EVENTSTORE["EFFECT_SECONDS"]},
}


def prepare() -> None:
    """Make all ready for a qcluster: its schedule, and a first task of each kind."""
    ensure_schedules()
    for task in TASKS:
        enqueue(task)
    # The qcluster's processes are forked from this one, and must not share its connection.
    connections.close_all()


def ensure_schedules() -> None:
    """Write our schedules anew, so that each start mends whatever has become of them."""
    with transaction.atomic(using=Conf.ORM):
        Schedule.objects.filter(name__startswith=OURS).delete()
        for task, options in TASKS.items():
            Schedule.objects.create(
                name=f"{OURS}{task.__name__}",
                func=path_of(task),
                kwargs=repr({"q_options": options}),
                schedule_type=Schedule.MINUTES,
                minutes=1,
            )


def enqueue(task: Callable[[], None]) -> None:
    """Let a worker of any qcluster run `task` soon, where it does not wait already."""
    async_task(path_of(task), q_options=dict(TASKS[task]))


class CoalescingQueue(ORM):  # type: ignore[misc]  # django-q2 has no types
    """django-q2's queue in our database, where of each of our tasks no more than one waits."""

    def enqueue(self, task: str) -> int:
        func = SignedPackage.loads(task)["func"]
        if func not in map(path_of, TASKS):
            return int(super().enqueue(task))
        with transaction.atomic(using=Conf.ORM):
            # Two may ask at once; the row of the schedule is the lock of its kind.
            list(Schedule.objects.using(Conf.ORM).select_for_update().filter(func=func))
            waiting = self.get_connection().filter(key=self.list_key, lock__lte=timezone.now())
            same = (queued.pk for queued in waiting if queued.func() == func)
            return int(next(same, None) or super().enqueue(task))


def path_of(task: Callable[[], None]) -> str:
    """How django-q2 finds a task."""
    return f"{task.__module__}.{task.__name__}"


def turn() -> Callable[[], bool]:
    """Whether a turn that begins now is over."""
    end = time.monotonic() + TURN_SECONDS
    return lambda: time.monotonic() >= end


@contextmanager
def lane() -> Iterator[bool]:
    """Whether this worker may be at effects: all of a qcluster's workers may but one."""
    for number in range(max(1, Conf.WORKERS - 1)):
        try:
            fcntl.lockf(_lanes, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError:
            continue  # Another worker has it.
        try:
            yield True
        finally:
            fcntl.lockf(_lanes, fcntl.LOCK_UN, 1, number)
        return
    yield False
