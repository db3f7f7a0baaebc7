"""`manage.py create_api_key --tenant SLUG --user NAME [--role ROLE]`."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from eventstore.application import get_application
from eventstore.management.arguments import find_tenant
from eventstore.tenancy import Role


class Command(BaseCommand):
    requires_migrations_checks = True
    help = "Create an API key, and its user where there is none. Prints the key once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, help="the tenant's slug")
        parser.add_argument("--user", required=True, help="who acts under this key")
        parser.add_argument("--role", choices=[role.value for role in Role], default="member")

    def handle(self, *args: Any, tenant: str, user: str, role: str, **options: Any) -> None:
        found_tenant = find_tenant(tenant)
        users = get_user_model()
        account = users.objects.filter(username=user).first()
        if account is None:
            account = users(username=user)
            account.set_unusable_password()
            try:
                account.full_clean()
            except ValidationError as error:
                raise CommandError(
                    f"{user!r} cannot be a user's name: {error.message_dict}", returncode=2
                ) from None
            account.save()
        self.stdout.write(get_application().access.create_key(found_tenant, account, Role(role)))
