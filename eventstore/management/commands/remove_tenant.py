"""`manage.py remove_tenant SLUG --reason TEXT`: all rows of a tenant, everywhere, go for ever."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError

from eventstore.application import get_application
from eventstore.errors import AlreadyRunning, DaybookError
from eventstore.management.arguments import find_tenant, printable, tenants
from eventstore.management.commands.projections import read_reason, who
from eventstore.models import Tenant
from eventstore.removal import Removal, Removed, Wish

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Command(BaseCommand):
    requires_migrations_checks = True
    help = (
        "Remove a tenant: every row of it in every table, also of copies and of what waits. A "
        "certificate stays below COLD_STORAGE_ROOT/removed: what, when, by whom, why, how many "
        "rows, and how each stream ended. Box its streams before, or give --discard-events. Users "
        "stay. Run again it finishes what was interrupted. Exit 0 done, 1 refused, 2 wrong "
        "arguments, 3 already running."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="of the tenant")
        parser.add_argument("--reason", required=True, help="1 to 200 characters")
        parser.add_argument(
            "--with-boxes", action="store_true", help="files of its boxes go as well"
        )
        parser.add_argument(
            "--discard-events",
            action="store_true",
            help="also events that lie in no box, and so are nowhere afterwards",
        )
        parser.add_argument(
            "--certificate", metavar="PATH", help="a new file: a copy of the certificate"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--json", action="store_true", help="print the certificate")

    def handle(self, *args: Any, slug: str, **options: Any) -> None:
        application = get_application()
        removal = Removal(application.database, application.cold_storage)
        wish = Wish(
            who(), read_reason(options["reason"]), options["discard_events"], options["with_boxes"]
        )
        copy = _read_path(options["certificate"])
        tenant = tenants().filter(slug=printable(slug)).first()
        if tenant is not None and not options["yes"]:
            _ask(tenant)
        try:
            removed = removal.remove(tenant, wish) if tenant else removal.finish(slug, wish)
        except DaybookError as error:
            code = 3 if isinstance(error, AlreadyRunning) else 1
            raise CommandError(f"{error} ({error.code})", returncode=code) from None
        except (OperationalError, InterfaceError) as error:
            raise CommandError(
                f"The database did not go on ({type(error.__cause__).__name__}). Run the same "
                "again: it finds out what was done, and finishes it.",
                returncode=1,
            ) from error
        if removed is None:
            find_tenant(slug)  # Says which there are.
            raise AssertionError("there is no tenant")
        if copy is not None:
            _write(copy, application.cold_storage.root / removed.path)
        self._tell(removal, removed, as_json=options["json"])

    def _tell(self, removal: Removal, removed: Removed, *, as_json: bool) -> None:
        root, content = get_application().cold_storage.root, removed.certificate
        if as_json:
            self.stdout.write((root / removed.path).read_text())
            return
        tenant, tables = content["tenant"], content["tables"]
        self.stdout.write(
            f"Tenant {tenant['slug']}, {tenant['id']}, is removed: {sum(tables.values()):,} rows "
            f"of {len(tables)} tables. Certificate: {root / removed.path}"
        )
        if removed.files:
            self.stdout.write(f"{removed.files:,} files of boxes are removed.")
        if left := sum(1 for _ in removal.files(tenant["id"])):
            self.stdout.write(
                f"{left:,} files of boxes stay in {root / tenant['id']}. The same with "
                "--with-boxes removes them."
            )
        if users := content["users_without_tenant"]:
            self.stdout.write(f"Users who belong to no tenant now: {', '.join(users)}.")


def _ask(tenant: Tenant) -> None:
    """Whoever sits there types the slug; CommandError otherwise."""
    if not sys.stdin.isatty():
        raise CommandError("Nobody can be asked here: give --yes.", returncode=2)
    prompt = f"Every row of tenant {tenant.name} goes for ever. Type its slug to go on: "
    if input(prompt).strip() != tenant.slug:
        raise CommandError("That is not its slug. Nothing was changed.", returncode=2)


def _read_path(text: str | None) -> Path | None:
    if text is None:
        return None
    path = Path(printable(text))
    if "\0" in text or path.exists() or path.is_symlink() or not path.parent.is_dir():
        raise CommandError(
            f"--certificate {text!a} must be a new file in a folder that is there.", returncode=2
        )
    return path


def _write(path: Path, certificate: Path) -> None:
    try:
        with open(os.open(path, _NEW_FILE, 0o600), "wb") as file:
            file.write(certificate.read_bytes())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CommandError(
            f"The tenant is removed, and its certificate is {certificate}; a copy of it cannot be "
            f"written: {error}.",
            returncode=1,
        ) from None
