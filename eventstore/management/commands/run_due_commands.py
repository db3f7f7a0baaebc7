"""`manage.py run_due_commands`: does the commands for later that are due; the worker does more."""

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.db.models.functions import Now

from eventstore.application import get_application
from eventstore.input.values import read_time
from eventstore.management.quiet import without_command_lines
from eventstore.models import StoredCommand


class Command(BaseCommand):
    requires_migrations_checks = True
    help = (
        "Do the commands for later that are due, the oldest first, and end. Any number may run "
        "at once, beside any number of workers: each command is done once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--now",
            metavar="TIME",
            help="do what is due until then, such as 2027-12-31T12:00Z; no clock is changed",
        )
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        now = _read_now(options["now"])
        with without_command_lines(verbosity=options["verbosity"]):
            tried = get_application().scheduling.run_due(now=now)
        counts = {"tried": tried, **what_is_left(now)}
        if options["json"]:
            self.stdout.write(json.dumps(counts, separators=(",", ":")))
        elif options["verbosity"]:
            for line in _in_words(counts):
                self.stdout.write(line)


def what_is_left(now: datetime | None = None) -> dict[str, int]:
    """Of the commands for later: what is due all the same, what is not yet, what nobody tries."""
    rows = StoredCommand.objects.using(get_application().database.alias)
    rows = rows.filter(reaction__isnull=True)
    waiting = rows.filter(status__in=["scheduled", "pending"])
    due = Q(due_at__lte=now) if now else Q(due_at__lte=Now())
    return {
        "due": waiting.filter(due).count(),
        "later": waiting.exclude(due).count(),
        "set_aside": rows.filter(status="failed").count(),
    }


def _in_words(counts: dict[str, int]) -> list[str]:
    lines = [f"Tried: {counts['tried']}"]
    if counts["due"]:
        lines.append(f"Due, and waiting for a lease or the next attempt: {counts['due']}")
    if counts["later"]:
        lines.append(f"For later: {counts['later']}")
    if counts["set_aside"]:
        lines.append(f"Set aside: {counts['set_aside']}; see Schedules in the admin")
    return lines


def _read_now(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        now: datetime = read_time(text)
    except ValueError as error:
        raise CommandError(f"--now {text!a} {error}.", returncode=2) from None
    return now
