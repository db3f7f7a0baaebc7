"""`manage.py qcluster`: django-q2's own, once all that it needs is there."""

import logging
import os
from argparse import ArgumentParser
from threading import Thread
from types import FrameType
from typing import Any

from django_q.cluster import Cluster
from django_q.management.commands.qcluster import Command as DjangoQ2Command

from config import leash
from config.tasks import prepare

#: In seconds: how often the first process looks whether it was told to end.
LOOK_AGAIN = 0.2


class Command(DjangoQ2Command):  # type: ignore[misc]  # django-q2 has no types
    requires_migrations_checks = True
    help = (
        "Do the background work with django-q2, until Ctrl-C or SIGTERM: projections, scheduled "
        "commands, forgotten reactions, effects, rebuilds."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--follow-stdin", action="store_true", help="end also when the standard input ends"
        )

    def handle(self, *args: Any, follow_stdin: bool = False, **options: Any) -> None:
        if not options["verbosity"]:
            logging.getLogger("daybook").setLevel(logging.WARNING)
        os.environ.setdefault("PGAPPNAME", "daybook qcluster")
        if options["cluster_name"]:
            os.environ["Q_CLUSTER_NAME"] = options["cluster_name"]
        prepare()
        # A cluster without its first process would go on unseen, and nobody could stop it.
        leash.hold_children()
        if follow_stdin:
            leash.follow_stdin()
        OrderlyCluster().run(once=options["run_once"])


class OrderlyCluster(Cluster):  # type: ignore[misc]  # as above
    """One that may be told to end at any time, also as it starts, and alone or with all its own.

    django-q2 ends within the signal's handler: before there is anything to end, in the child that
    has just been forked, or while the locks are held that it then waits for.
    """

    is_told_to_end = False

    def sig_handler(self, number: int, frame: FrameType | None) -> None:
        """Note it, and no more; a child has this handler too until it sets its own."""
        self.is_told_to_end = True

    def run(self, *, once: bool) -> None:
        """Start, and come back when all has ended."""
        try:
            self.start()
        except RuntimeError:
            # The guard has died as it started: where all were told to end, so it should.
            if not self.is_told_to_end:
                raise
        while not once and not self.is_told_to_end and self.sentinel.is_alive():
            self.sentinel.join(LOOK_AGAIN)
        # The guard may be told as well and die asleep, and who wakes it then waits for ever.
        ending = Thread(target=self.stop, daemon=True)
        ending.start()
        self.sentinel.join()
        ending.join(LOOK_AGAIN)
