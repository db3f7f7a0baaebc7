"""`manage.py add_member --tenant SLUG --user NAME --role ROLE`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from eventstore.access import COMMAND_LINE
from eventstore.application import get_application
from eventstore.management.arguments import find_or_make_user, find_tenant
from eventstore.tenancy import Role


class Command(BaseCommand):
    requires_migrations_checks = True
    help = "Let a user act in a tenant, or give them another role. Makes the user if need be."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, help="the tenant's slug")
        parser.add_argument("--user", required=True)
        parser.add_argument("--role", choices=[role.value for role in Role], required=True)

    def handle(self, *args: Any, tenant: str, user: str, role: str, **options: Any) -> None:
        found_tenant = find_tenant(tenant)
        get_application().access.add_member(
            found_tenant, find_or_make_user(user), Role(role), by=COMMAND_LINE
        )
        self.stdout.write(f"{user} is {role} in {tenant}. Keys that may do more are revoked.")
