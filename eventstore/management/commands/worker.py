"""`manage.py worker`: does what others have left to do: reactions, their commands, effects."""

import signal
from argparse import ArgumentParser
from threading import Event
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError

from eventstore.application import get_application

#: How often to look when nothing was due.
POLL_SECONDS = 1.0


class Command(BaseCommand):
    requires_migrations_checks = True
    help = "Do forgotten reactions and effects that are due, until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due now, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if once:
            done = get_application().reactions.work()
            if options["verbosity"]:
                self.stdout.write(f"Done: {done}")
            return
        ended = Event()
        end_gently(ended)
        while not ended.is_set():
            self._work(ended)
            ended.wait(POLL_SECONDS)

    def _work(self, ended: Event) -> None:
        """Go on after whatever the database does: it may be stopped for a while."""
        application = get_application()
        try:
            application.reactions.work(until=ended.is_set)
        except (OperationalError, InterfaceError) as error:
            self.stderr.write(
                f"The database does not answer ({str(error).strip()}). Trying again."
            )
            application.database.connection.close()


def end_gently(ended: Event) -> None:
    """Let Ctrl-C and SIGTERM end the loop, not what is just being done."""

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
