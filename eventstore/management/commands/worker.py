"""`manage.py worker`: does what others have left to do: reactions, their commands, effects."""

import signal
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event, Thread
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError

from eventstore.application import get_application
from eventstore.models import Reaction, StoredCommand

#: How often to look when nothing was due.
POLL_SECONDS = 1.0


class Command(BaseCommand):
    requires_migrations_checks = True
    help = "Do forgotten reactions and effects that are due, until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due now, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        say = self.stdout.write if options["verbosity"] else (lambda text: None)
        if once:
            say(f"Done: {get_application().reactions.work()}")
            for line in what_is_left():
                say(line)
            return
        say("At work until Ctrl-C or SIGTERM.")
        ended = Event()
        end_gently(ended)
        reactions = get_application().reactions
        # An effect may take long, or hang: reactions go on beside it.
        effects = Thread(target=self._repeat, args=(ended, reactions.perform_effects), daemon=True)
        effects.start()
        self._repeat(ended, partial(reactions.work, effects=False))
        effects.join()

    def _repeat(self, ended: Event, work: Callable[[Callable[[], bool]], int]) -> None:
        """Go on after whatever the database does: it may be stopped for a while."""
        database = get_application().database
        while not ended.is_set():
            try:
                work(ended.is_set)
            except (OperationalError, InterfaceError) as error:
                reason = str(error).strip()
                self.stderr.write(f"The database does not answer ({reason}). Trying again.")
                database.connection.close()
            ended.wait(POLL_SECONDS)
        database.connection.close()


def what_is_left() -> Iterator[str]:
    """What waits, until when, and what nobody will do before an operator looks at it."""
    alias = get_application().database.alias
    reactions, commands = Reaction.objects.using(alias), StoredCommand.objects.using(alias)
    sent = commands.filter(reaction__isnull=False)
    waiting = [
        until
        for rows in (reactions, sent)
        for until in rows.filter(status="pending").values_list("lease_until", flat=True)
        if until is not None
    ]
    if waiting:
        first = f"{min(waiting):%H:%M:%S} UTC"
        yield f"Waiting for a lease or the next attempt: {len(waiting)}, the first until {first}"
    aside = reactions.filter(status="parked").count() + sent.filter(status="failed").count()
    if aside:
        yield f"Set aside: {aside}; see Processes in the admin"


def end_gently(ended: Event) -> None:
    """Let Ctrl-C and SIGTERM end the loops, not what is just being done; the next one ends all."""

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
