"""`manage.py import_transactions FILE --tenant SLUG`: posts a bank's transactions as commands."""

import sys
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventstore.application import get_application
from eventstore.command_bus import CommandBus
from eventstore.errors import CommandIdReused, Refusal
from eventstore.management.arguments import find_tenant
from eventstore.management.progress import Progress
from eventstore.management.quiet import without_command_lines
from eventstore.models import Tenant
from eventstore.tenancy import Actor, Role
from ledger.transactions import Posting, UnreadableFile, read_postings

#: Refusals shown one by one; the rest is counted.
SHOWN_REFUSALS = 10


class Command(BaseCommand):
    requires_migrations_checks = True
    help = (
        "Post the transactions of a bank's CSV file, each as a command of its own. Stop it and "
        "run it again as often as you like: each transaction is posted once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--tenant", required=True, help="the tenant's slug")

    def handle(self, *args: Any, file: Path, tenant: str, **options: Any) -> None:
        found_tenant = find_tenant(tenant)
        try:
            todo = read_postings(file, found_tenant.id)
        except (OSError, UnreadableFile) as error:
            raise CommandError(str(error), returncode=2) from None
        with without_command_lines(verbosity=options["verbosity"]):
            counts = self._post_all(found_tenant, todo)
        self.stdout.write(
            f"{len(todo):,} commands: {counts['posted']:,} posted, "
            f"{counts['replayed']:,} were there already, {counts['refused']:,} refused."
        )
        if counts["refused"]:
            raise CommandError("Some transactions were refused; see above.", returncode=1)

    def _post_all(self, tenant: Tenant, todo: list[Posting]) -> Counter[str]:
        bus = get_application().bus
        actor = Actor(tenant_id=tenant.id, user="import_transactions", role=Role.MEMBER)
        counts: Counter[str] = Counter()
        with Progress(sys.stderr, len(todo), "commands") as progress:
            for posting in todo:
                outcome = self._post(bus, actor, posting, counts)
                counts[outcome] += 1
                progress.advance()
        return counts

    def _post(self, bus: CommandBus, actor: Actor, posting: Posting, counts: Counter[str]) -> str:
        try:
            result = bus.send(posting.command, actor=actor, command_id=posting.command_id)
        except (Refusal, CommandIdReused) as error:
            if counts["refused"] < SHOWN_REFUSALS:
                self.stderr.write(f"Line {posting.line}: {error}")
            return "refused"
        return "replayed" if result.replayed else "posted"
