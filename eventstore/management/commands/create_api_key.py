"""`manage.py create_api_key --tenant SLUG --user NAME [--role ROLE] [--expires TIME]`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventstore.application import get_application
from eventstore.management.arguments import find_or_make_user, find_tenant, read_expiry
from eventstore.tenancy import Role


class Command(BaseCommand):
    requires_migrations_checks = True
    help = (
        "Create an API key, and its user where there is none, as a member of the tenant. "
        "Prints the key once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, help="the tenant's slug")
        parser.add_argument("--user", required=True, help="who acts under this key")
        parser.add_argument("--role", choices=[role.value for role in Role], default="member")
        parser.add_argument("--expires", help="a day or a time with its offset; default: never")

    def handle(
        self,
        *args: Any,
        tenant: str,
        user: str,
        role: str,
        expires: str | None = None,
        **options: Any,
    ) -> None:
        expires_at = read_expiry(expires) if expires else None
        access = get_application().access
        if expires_at and expires_at <= access.present():
            raise CommandError(f"--expires {expires} is in the past.", returncode=2)
        key = access.create_key(
            find_tenant(tenant), find_or_make_user(user), Role(role), expires_at=expires_at
        )
        self.stdout.write(key)
