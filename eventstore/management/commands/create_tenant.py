"""`manage.py create_tenant SLUG [--name]`."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from eventstore.management.arguments import printable, tenants
from eventstore.models import Tenant


class Command(BaseCommand):
    requires_migrations_checks = True
    help = "Create a tenant. Does nothing where the slug exists."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="short name in URLs and commands: letters, digits, -")
        parser.add_argument("--name", default="", help="shown to people; default: the slug")

    def handle(self, *args: Any, slug: str, name: str, **options: Any) -> None:
        tenant = Tenant(slug=printable(slug), name=printable(name) or slug)
        try:
            tenant.clean_fields()
        except ValidationError as error:
            raise CommandError(
                f"{slug} cannot be used: {error.message_dict}", returncode=2
            ) from None
        existing = tenants().filter(slug=slug).first()
        if existing is None:
            tenant.save(using=tenants().db)
            self.stdout.write(f"Tenant {slug} created, id {tenant.id}.")
        else:
            self.stdout.write(f"Tenant {slug} exists, id {existing.id}, and stays as it is.")
