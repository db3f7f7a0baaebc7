"""`manage.py worker`: does what others have left to do, some milliseconds after they did."""

import logging
import os
import signal
import time
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import closing
from threading import Event, Thread
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from eventstore.application import Application, get_application
from eventstore.listening import Listener
from eventstore.management.leftovers import what_is_left
from eventstore.management.loops import Loop, Outages
from eventstore.management.rebuild_process import RebuildProcesses
from eventstore.wakeups import Work

logger = logging.getLogger("daybook.worker")

#: Seconds that the others have for what they are at, when a thread is lost.
PATIENCE = 10.0
LOST = "Lost, and with it this worker: {}. The log says why. Start it again."


class Command(BaseCommand):
    requires_migrations_checks = True
    help = (
        "Do the background work until Ctrl-C or SIGTERM: projections, scheduled commands, "
        "forgotten reactions, effects, rebuilds, policies of cold storage."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due now, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        # For those who look at pg_stat_activity.
        os.environ.setdefault("PGAPPNAME", "daybook worker")
        say = self.stdout.write if options["verbosity"] else (lambda text: None)
        application = get_application()
        if once:
            say(f"Done: {do_all(application)}")
            for line in what_is_left(application):
                say(line)
            return
        application.database.connection.close()
        crew = Crew(application, Outages(self.stderr.write))
        crew.start()

        def announce() -> None:
            say("At work until Ctrl-C or SIGTERM.")
            self.stdout.flush()

        crew.work_until_told(announce)


def kinds_of_work(
    application: Application, rebuilds: RebuildProcesses
) -> dict[Work, Callable[[Callable[[], bool]], int]]:
    """What is done for each kind; each takes a function that says when to stop."""
    reactions = application.reactions
    return {
        Work.PROJECTIONS: application.subscriptions.work,
        Work.COMMANDS: application.scheduling.run_due,
        Work.REACTIONS: lambda until: reactions.work(until, effects=False),
        Work.EFFECTS: reactions.perform_effects,
        Work.REBUILDS: rebuilds.work,
        Work.BOXES: application.box_policies.work,
    }


def do_all(application: Application) -> int:
    """Do all that is due, and what that causes; how much it was."""
    done = 0
    with closing(RebuildProcesses(application, is_once=True)) as rebuilds:
        kinds = list(kinds_of_work(application, rebuilds).values())
        while did := sum(work(lambda: False) for work in kinds):
            done += did
    return done


class Crew:
    """A thread for each kind of work, so that none waits for another, and one that listens."""

    def __init__(self, application: Application, outages: Outages) -> None:
        self._ended = Event()
        self._loops = {
            kind: Loop(kind, application.database, work, self._ended, outages)
            for kind, work in kinds_of_work(application, RebuildProcesses(application)).items()
        }
        listener = Listener(application.database, settings.EVENTSTORE["LISTEN_DATABASE_URL"])
        self._listening = self._thread(
            "listening", lambda: listener.listen(self._ring, self._ended)
        )
        self._working = [self._thread(kind.value, loop.run) for kind, loop in self._loops.items()]
        #: Those that have ended though nobody told them to.
        self._lost: list[str] = []
        self._has_lost = Event()

    def start(self) -> None:
        for thread in (self._listening, *self._working):
            thread.start()

    def work_until_told(self, announce: Callable[[], None]) -> None:
        """Go on until Ctrl-C or SIGTERM, and then to the end of what is just being done.

        It is announced once a signal is heeded: who reads that may send one at once. The next one
        ends all at once, and what was being done with it. Raises CommandError where a thread has
        ended by itself: nobody else would do its work, and nobody would know.
        """
        try:
            signal.signal(signal.SIGTERM, stop)
            signal.signal(signal.SIGINT, stop)
            announce()
            self._has_lost.wait()
        except Stop:
            self._end()
        else:
            die_at_the_next_signal()
            self._end(PATIENCE)
            raise CommandError(LOST.format(", ".join(self._lost)))

    def _end(self, patience: float | None = None) -> None:
        """Let each end what it is at; None: however long that takes."""
        self._ended.set()
        self._ring("")
        until = None if patience is None else time.monotonic() + patience
        for thread in self._working:
            thread.join(None if until is None else max(0, until - time.monotonic()))

    def _thread(self, name: str, run: Callable[[], None]) -> Thread:
        """One that Python does not wait for: the second Ctrl-C ends all of it."""
        return Thread(target=self._watch, args=(name, run), name=name, daemon=True)

    def _watch(self, name: str, run: Callable[[], None]) -> None:
        """Let it run, and tell the main thread where it ends before it is told to."""
        try:
            run()
        except BaseException:  # SystemExit as well, of which Python would say nothing.
            logger.exception("thread_ended", extra={"kind": name})
        if not self._ended.is_set():
            self._lost.append(name)
            self._has_lost.set()

    def _ring(self, kind: str) -> None:
        """Call those who do this kind of work; everybody, where it is not known."""
        for loop in self._loops.values():
            if loop.kind == kind or not kind:
                loop.bell.set()


class Stop(Exception):
    """The process is told to end."""


def stop(number: int, frame: FrameType | None) -> None:
    die_at_the_next_signal()
    raise Stop


def die_at_the_next_signal() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
