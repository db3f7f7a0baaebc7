"""`manage.py remove_member --tenant SLUG --user NAME`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from eventstore.access import COMMAND_LINE
from eventstore.application import get_application
from eventstore.management.arguments import find_tenant, find_user


class Command(BaseCommand):
    requires_migrations_checks = True
    help = "End a user's membership in a tenant, and revoke their API keys there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, help="the tenant's slug")
        parser.add_argument("--user", required=True)

    def handle(self, *args: Any, tenant: str, user: str, **options: Any) -> None:
        found_tenant, found_user = find_tenant(tenant), find_user(user)
        if get_application().access.remove_member(found_tenant, found_user, by=COMMAND_LINE):
            self.stdout.write(f"{user} is no member of {tenant} any more; their keys are revoked.")
        else:
            self.stdout.write(f"{user} is no member of {tenant}; nothing changed.")
