"""`manage.py verify [--tenant SLUG] [--stream NAME] [--reconcile]`: is all as it was appended?"""

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Sum

from eventstore.application import get_application
from eventstore.errors import ColdStorageFailed
from eventstore.integrity import Finding, Scope
from eventstore.management.commands.projections import who
from eventstore.management.orphan_verification import OrphanVerification
from eventstore.management.progress import Progress
from eventstore.management.row_verification import RowVerification
from eventstore.management.streams import find_any_tenant, find_stream
from eventstore.management.verification import Verification
from eventstore.models import StoredStream

#: Findings shown one by one; the rest is counted.
SHOWN_FINDINGS = 100


class Command(BaseCommand):
    requires_migrations_checks = True
    help = (
        "Verify versions, positions and hash chains of all streams, the files of cold storage "
        "against their registry, the command log against the events of both, and snapshots and "
        "the rows of projections against replay. Ends with 4 and "
        "the first bad place where something was changed behind the event store's back, or where "
        "cold storage has a file that no box is. Whoever "
        "changes all of these to match is not found: note elsewhere how a stream ends, which "
        "--stream prints; the hash "
        "at that version never changes again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="the slug of a tenant; default: all of them")
        parser.add_argument("--stream", help="one stream, such as account-<aggregate id>")
        parser.add_argument(
            "--all", action="store_true", help=f"show up to {SHOWN_FINDINGS} bad places"
        )
        parser.add_argument(
            "--without-rows",
            action="store_true",
            help="leave out the rows of projections; comparing takes as long as a rebuild of all",
        )
        parser.add_argument(
            "--reconcile",
            action="store_true",
            help="remove files of cold storage that no box is, where all their events are online",
        )
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(
        self,
        *args: Any,
        tenant: str | None = None,
        stream: str | None = None,
        **options: Any,
    ) -> None:
        try:
            report = _verified(
                _scope(tenant, stream),
                with_rows=not options["without_rows"],
                reconcile=options["reconcile"],
            )
        except ColdStorageFailed as error:
            raise CommandError(f"Boxes cannot be read. {error}") from error
        if options["json"]:
            self.stdout.write(json.dumps(report))
        else:
            self._write(report, shown=SHOWN_FINDINGS if options["all"] else 1)
        if sentence := _verdict(report, is_all_shown=options["all"] or options["json"]):
            raise CommandError(sentence, returncode=4)

    def _write(self, report: dict[str, Any], shown: int) -> None:
        for finding in report["findings"][:shown]:
            self.stdout.write(_line(**finding))
        for path in report["removed"]:
            self.stdout.write(f"Removed: {path}, of which all events are online.")
        for what, count in sorted(report["passed_over"].items()):
            self.stdout.write(f"Not looked at: {count:,} {what}")
        numbers = [f"{count:,} {what}" for what, count in report["looked_at"].items()]
        self.stdout.write(f"Verified {', '.join(numbers)} in {report['seconds']:.1f} s.")
        if head := report["head"]:
            self.stdout.write(f"The stream ends at version {head['version']} with {head['hash']}.")


def _verified(scope: Scope, *, with_rows: bool, reconcile: bool) -> dict[str, Any]:
    """The answer for programs."""
    started = time.monotonic()
    application = get_application()
    with Progress(sys.stderr, _expected_events(scope), "events") as progress:
        verification = Verification(application, scope, progress.advance)
        findings = verification.findings()
        shown = list(islice(findings, SHOWN_FINDINGS))
        count = len(shown) + sum(1 for _ in findings)
    orphans = OrphanVerification(application, scope, reconcile=reconcile)
    _add(shown, orphans.findings())
    rows = RowVerification(application, scope, user=who())
    if with_rows:
        _add(shown, rows.findings())
    head = {"version": verification.head.version, "hash": verification.head.hash.hex()}
    is_one_sound_stream = scope.aggregate_id and verification.head.version and not count
    return {
        "finding_count": count + orphans.count + rows.differing,
        "orphans": orphans.count,
        "differing_rows": rows.differing,
        "findings": [finding._asdict() for finding in shown],
        "removed": orphans.removed,
        "looked_at": {**verification.looked_at, **rows.looked_at},
        "passed_over": {**verification.passed_over, **orphans.passed_over, **rows.passed_over},
        "head": head if is_one_sound_stream else None,
        "seconds": round(time.monotonic() - started, 3),
    }


def _add(shown: list[Finding], findings: Iterator[Finding]) -> None:
    """As many as are shown; the others are counted where they were found."""
    shown += islice(findings, SHOWN_FINDINGS - len(shown))
    for _ in findings:
        pass


def _verdict(report: dict[str, Any], *, is_all_shown: bool) -> str:
    """A sentence about what was found; "" for nothing."""
    count, rows, orphans = (report[key] for key in ("finding_count", "differing_rows", "orphans"))
    found = []
    if places := count - rows - orphans:
        found.append(f"{places:,} {'place is' if places == 1 else 'places are'} not as appended")
    if orphans:
        files = "1 file" if orphans == 1 else f"{orphans:,} files"
        found.append(f"{files} of cold storage without a box")
    if rows:
        found.append(f"{rows:,} {'row is' if rows == 1 else 'rows are'} not as a replay gives")
    hint = "" if is_all_shown or count == 1 else "; --all shows them"
    advice = " Before `manage.py rebuild NAME --fix` mends rows, make sure of the events."
    return f"{', '.join(found)}{hint}.{advice if rows else ''}" if found else ""


def _scope(tenant_slug: str | None, stream_name: str | None) -> Scope:
    if stream_name is not None:
        stream = find_stream(stream_name, tenant_slug)
        return Scope(stream.tenant_id, stream.aggregate_id)
    if tenant_slug is not None:
        return Scope(find_any_tenant(tenant_slug).id)
    return Scope()


def _expected_events(scope: Scope) -> int:
    streams = StoredStream.objects.using(get_application().database.alias)
    if scope.tenant_id:
        streams = streams.filter(tenant=scope.tenant_id)
    if scope.aggregate_id:
        streams = streams.filter(aggregate_id=scope.aggregate_id)
    return int(streams.aggregate(events=Sum("version"))["events"] or 0)


def _line(
    *, tenant: str, stream: str, version: int | None, position: int | None, problem: str
) -> str:
    places = [f"{tenant} {stream}".strip() or "somewhere"]
    if version is not None:
        places.append(f"version {version}")
    if position is not None:
        places.append(f"position {position}")
    return f"{', '.join(places)}: {problem}"
