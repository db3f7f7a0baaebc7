"""`manage.py event_schemas`: does today's code still read what earlier code has stored?"""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from eventstore.application import get_application
from eventstore.checks.event_schemas import Difference, compare, read, write


class Command(BaseCommand):
    help = (
        "Compare every event's schema with the committed file. Ends with 1 where they differ; "
        "--write brings the file up to date, unless a released event would be broken."
    )
    # The check of this name finds the same, and would end the command before it could write.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", action="store_true", help="bring the file up to date")

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.EVENTSTORE.get("EVENT_SCHEMAS")
        if path is None:
            raise CommandError('Name a file in settings.EVENTSTORE["EVENT_SCHEMAS"] first.')
        events = get_application().events
        try:
            released = read(path)
        except ValueError as error:
            raise CommandError(f"{path} cannot be read: {error}.") from error
        differences = list(compare(released, events))
        for difference in differences:
            self.stdout.write(_line(difference))
        if any(difference.is_breaking for difference in differences):
            raise CommandError("Released events would be broken; nothing was written.")
        if options["write"]:
            write(path, released, events)
            self.stdout.write(f"{path} is up to date.")
        elif differences:
            raise CommandError("The file is out of date.")


def _line(difference: Difference) -> str:
    return f"{difference.text} {difference.remedy}"
