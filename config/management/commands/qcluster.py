"""`manage.py qcluster`: django-q2's own, once all that it needs is there."""

import logging
import os
from argparse import ArgumentParser
from typing import Any

from django_q.management.commands.qcluster import Command as DjangoQ2Command

from config import leash
from config.tasks import prepare


class Command(DjangoQ2Command):  # type: ignore[misc]  # django-q2 has no types
    requires_migrations_checks = True
    help = (
        "Do the background work with django-q2, until Ctrl-C or SIGTERM: projections, scheduled "
        "commands, forgotten reactions, effects."
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
        prepare()
        # A cluster without its first process would go on unseen, and nobody could stop it.
        leash.hold_children()
        if follow_stdin:
            leash.follow_stdin()
        super().handle(*args, **options)
