"""`manage.py revoke_api_key KEY --reason TEXT`: the key's first characters are enough."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventstore.access import COMMAND_LINE, PREFIX_LENGTH
from eventstore.application import get_application
from eventstore.management.arguments import printable


class Command(BaseCommand):
    requires_migrations_checks = True
    help = "End an API key from the next request on. Does nothing where that was done before."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "key", help=f"its first {PREFIX_LENGTH} characters, as the admin shows them, or all"
        )
        parser.add_argument("--reason", required=True, help="kept with the key")

    def handle(self, *args: Any, key: str, reason: str, **options: Any) -> None:
        access = get_application().access
        # Keys of earlier versions have shorter prefixes.
        prefixes = [printable(key)[:length] for length in (12, PREFIX_LENGTH)]
        found = list(access.keys().filter(prefix__in=prefixes).select_related("tenant", "user"))
        if len(found) != 1:
            raise CommandError(
                f"{len(found) or 'No'} keys begin with {key[:PREFIX_LENGTH]!r}. The admin's page "
                "of API keys lists all of them.",
                returncode=2,
            )
        whose = f"Key {found[0].prefix} of {found[0].user} in {found[0].tenant}"
        if access.revoke_key(found[0], by=COMMAND_LINE, reason=printable(reason)[:200]):
            self.stdout.write(f"{whose} is revoked.")
        else:
            self.stdout.write(f"{whose} was revoked before, and stays as it is.")
