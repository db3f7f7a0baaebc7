"""What django-q2 runs in `manage.py qcluster`: a task for each kind of work, without any data.

A task says only that there may be work. What there is stands in our own tables, each piece with
its lease and its attempts; so a task may come twice, late or never: django-q2 promises no more.
Tasks are enqueued by whoever made the work, after his commit. Each second a qcluster also looks
itself for what nobody calls for, since only its time has come; and behind all stands a schedule.
"""

import fcntl
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import IO, Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections, transaction
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import Schedule
from django_q.signing import BadSignature, SignedPackage
from django_q.tasks import async_task

from eventstore.application import get_application
from eventstore.management.rebuild_process import RebuildProcesses
from eventstore.wakeups import Work

logger = logging.getLogger("daybook.qcluster")

#: After so many seconds a task takes on nothing more, and asks for another one in its place.
TURN_SECONDS = 20.0

#: Seconds until a qcluster looks again, and how often at most it says that the database is gone.
LOOK_AGAIN = 1.0
SILENCE_SECONDS = 60.0

#: Our schedules are those whose names begin so; a team's own are left alone.
OURS = "daybook: "


def project() -> None:
    """Bring the projections level that are async or scheduled and due."""
    take_turn(Work.PROJECTIONS, get_application().subscriptions.work)


def run_due_commands() -> None:
    """Do the commands whose time has come."""
    take_turn(Work.COMMANDS, get_application().scheduling.run_due)


def do_reactions() -> None:
    """Do the steps of process managers that are due, and their commands."""
    reactions = get_application().reactions
    take_turn(Work.REACTIONS, lambda over: reactions.work(over, effects=False))


def perform_effects() -> None:
    """Perform the effects that are due."""
    take_turn(Work.EFFECTS, get_application().reactions.perform_effects)


def rebuild() -> None:
    """Start a process for the rebuilds that were asked for; it goes on without this task."""
    take_turn(Work.REBUILDS, rebuilds().work)


def box_what_is_idle() -> None:
    """Report and act for the policies of cold storage that are due."""
    take_turn(Work.BOXES, get_application().box_policies.work)


TASKS: Mapping[Work, Callable[[], None]] = {
    Work.PROJECTIONS: project,
    Work.COMMANDS: run_due_commands,
    Work.REACTIONS: do_reactions,
    Work.EFFECTS: perform_effects,
    Work.REBUILDS: rebuild,
    Work.BOXES: box_what_is_idle,
}

#: What django-q2 is told of a task beside its name.
OPTIONS: Mapping[Work, dict[str, Any]] = {
    # Not the cluster's timeout, which would end an effect in the middle.
    Work.EFFECTS: {"timeout": settings.EVENTSTORE["EFFECT_SECONDS"]},
}


# Taking turns --------------------------------------------------------------------------------


def take_turn(kind: Work, work: Callable[[Callable[[], bool]], object]) -> None:
    """Work until nothing is due or the turn is over; then ask for another one, if need be.

    Where a lane of its kind is free: else somebody is at it, who looks whether he was called.
    What another worker has, or what waits for a transaction that has not ended, is for a later
    look: to ask at once for another turn would be to ask without end.
    """
    wakeups = get_application().wakeups
    over = turn()
    with lane(kind) as is_ours:
        if not is_ours:
            return
        wakeups.begin(kind)
        work(over)
    if over() or wakeups.is_asked(kind):
        enqueue(kind)


def turn() -> Callable[[], bool]:
    """Whether a turn that begins now is over."""
    end = time.monotonic() + TURN_SECONDS
    return lambda: time.monotonic() >= end


@cache
def lanes() -> IO[bytes]:
    """Which workers are at what: a byte for each that may be.

    Opened before a qcluster starts its workers, who share it. A worker's lock on a byte ends with
    the worker, however it ends.
    """
    return tempfile.TemporaryFile()


@cache
def rebuilds() -> RebuildProcesses:
    """Likewise: whichever worker starts one, it lives as long as its qcluster, and all know it."""
    return RebuildProcesses(get_application())


@contextmanager
def lane(kind: Work) -> Iterator[bool]:
    """Whether this worker may do this kind of work: of each, a qcluster has so many at a time.

    One for each kind, and all that are left for effects, which may take long, and even hang: so
    there is always a worker for the others. For rebuilds none is kept: to start one takes seconds.
    Policies of cold storage, which can wait, take the last of those for effects.
    """
    first = list(Work).index(kind)
    first_of_effects = list(Work).index(Work.EFFECTS)
    of_effects = range(first_of_effects, max(first_of_effects + 1, Conf.WORKERS))
    of_boxes = of_effects[-1:]
    of_rebuilds = (max(len(Work), Conf.WORKERS),)
    several = {Work.EFFECTS: of_effects, Work.REBUILDS: of_rebuilds, Work.BOXES: of_boxes}
    for number in several.get(kind, (first,)):
        try:
            fcntl.lockf(lanes(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError:
            continue  # Another worker has it.
        try:
            yield True
        finally:
            fcntl.lockf(lanes(), fcntl.LOCK_UN, 1, number)
        return
    yield False


# Calling for tasks ---------------------------------------------------------------------------


def prepare() -> None:
    """Make all ready for a qcluster: its schedule, and a first task of each kind."""
    lanes()
    rebuilds()
    ensure_schedules()
    for kind in TASKS:
        enqueue(kind)
    # The qcluster's processes are forked from this one, and must not share its connection.
    connections.close_all()


def ensure_schedules() -> None:
    """Write our schedules anew, so that each start mends whatever has become of them.

    One that somebody has locked is in use as it is: a start does not wait for him.
    """
    with transaction.atomic(using=Conf.ORM):
        ours = Schedule.objects.filter(name__startswith=OURS)
        free = [schedule.pk for schedule in ours.select_for_update(skip_locked=True)]
        Schedule.objects.filter(pk__in=free).delete()
        in_use = set(ours.values_list("name", flat=True))
        for kind, task in TASKS.items():
            name = f"{OURS}{task.__name__}"
            if name in in_use:
                continue
            Schedule.objects.create(
                name=name,
                func=path_of(task),
                kwargs=repr({"q_options": OPTIONS.get(kind, {})}),
                schedule_type=Schedule.MINUTES,
                minutes=1,
            )


def enqueue(kind: Work) -> None:
    """Let a worker of any qcluster do this kind of work soon, where none is to already."""
    async_task(path_of(TASKS[kind]), q_options=dict(OPTIONS.get(kind, {})))


class CoalescingQueue(ORM):  # type: ignore[misc]  # django-q2 has no types
    """django-q2's queue in our database, where of each of our tasks no more than one waits.

    None of them is ever handed out again: who dies with one leaves its work in our tables.
    """

    _looked_at = float("-inf")
    #: When it was last told what does not work.
    _told_at: Mapping[str, float] = {}

    def enqueue(self, task: str) -> int:
        if not is_ours(task):
            return int(super().enqueue(task))
        func = SignedPackage.loads(task)["func"]
        with transaction.atomic(using=Conf.ORM):
            # Two may ask at once; the row of the schedule is the lock of its kind. Nobody waits
            # for it: who has it may be frozen, and two tasks in place of one do no harm.
            schedules = Schedule.objects.using(Conf.ORM).filter(func=func)
            list(schedules.select_for_update(skip_locked=True))
            waiting = self.get_connection().filter(key=self.list_key, lock__lte=timezone.now())
            same = (queued.pk for queued in waiting if queued.func() == func)
            return int(next(same, None) or super().enqueue(task))

    def dequeue(self) -> list[tuple[int, str]] | None:
        failure = self._look()
        try:
            handed_out: list[tuple[int, str]] | None = super().dequeue()
            for number, task in handed_out or ():
                if is_ours(task):
                    self.delete(number)
        except (OperationalError, InterfaceError) as error:
            # django-q2 would give up for ten seconds, and begin with a new process.
            self._tell("database_gone", error)
            time.sleep(LOOK_AGAIN)
            return None
        self._told_at = {what: at for what, at in self._told_at.items() if what == "look_failed"}
        if failure:
            self._tell("look_failed", failure)
        return handed_out

    def _look(self) -> Exception | None:
        """Once a second, call for what is due and nobody is at; why that could not be done.

        Whatever it is: it must not keep this process from handing out what waits.
        """
        if time.monotonic() - self._looked_at < LOOK_AGAIN:
            return None
        self._looked_at = time.monotonic()
        try:
            self.get_connection()  # As before each look: a connection that is broken is closed.
            for kind in get_application().wakeups.due():
                enqueue(kind)
        except Exception as error:
            return error
        return None

    def _tell(self, what: str, error: Exception) -> None:
        """Once in an outage, and in a long one every minute."""
        if time.monotonic() - self._told_at.get(what, float("-inf")) >= SILENCE_SECONDS:
            self._told_at = {**self._told_at, what: time.monotonic()}
            logger.warning(what, extra={"reason": " ".join(str(error).split())})


def is_ours(task: str) -> bool:
    try:
        func = SignedPackage.loads(task)["func"]
    except (TypeError, BadSignature):
        return False  # Signed with another key: django-q2 throws it away.
    return func in map(path_of, TASKS.values())


def path_of(task: Callable[[], None]) -> str:
    """How django-q2 finds a task."""
    return f"{task.__module__}.{task.__name__}"
