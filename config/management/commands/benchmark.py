"""`manage.py benchmark`: this project beside its rivals, side by side in one run."""

import json
import logging
import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tests.benchmarks import report
from tests.benchmarks.measuring import Measured, measure
from tests.benchmarks.rival import has_library
from tests.benchmarks.rows import rows
from tests.benchmarks.scratch_database import AlreadyRunning, scratch_database

NAMES = (
    "append",
    "append-100",
    "connections",
    "command",
    "command-cold",
    "command-warm",
    "deposit",
    "transfer",
    "import",
    "load",
    "load-snapshot",
    "load-warm",
    "feed",
    "catch-up",
    "catch-up-statement",
    "post",
    "page",
    "parse",
    "box",
    "box-small",
    "box-memory",
    "growth-append",
    "growth-load",
    "rebuild-memory",
    "rebuild",
    "rebuild-persons",
    "rebuild-statement",
    "rebuild-waits",
    "row-by-worker",
    "row-by-qcluster",
)
ROWS = (
    f"any of: {', '.join(NAMES)}. Those of growth and of rebuild "
    "first fill a store with 1,000,000 events."
)
#: Where the data lie beside a checkout; not part of the project.
TRANSACTIONS = settings.BASE_DIR.parent / "shared" / "data" / "berka-1993.csv"
ALREADY_RUNNING = 3


class Command(BaseCommand):
    help = "Measure this project beside its rivals, in a database of its own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rounds", type=int, default=5, help="medians are taken over these")
        parser.add_argument(
            "--only", nargs="+", choices=NAMES, default=NAMES, metavar="ROW", help=ROWS
        )
        parser.add_argument(
            "--transactions", type=Path, default=TRANSACTIONS, help="a bank's file, for import"
        )
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument("--scale", type=float, default=1.0, help="share of the usual work")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["rounds"] < 1 or options["scale"] <= 0:
            raise CommandError("--rounds and --scale must be above 0.", returncode=2)
        with ExitStack() as closing:
            closing.enter_context(stop_cleanly_on_sigterm())
            try:
                closing.enter_context(scratch_database())
            except AlreadyRunning as error:
                raise CommandError(str(error), returncode=ALREADY_RUNNING) from error
            closing.enter_context(log_to_nowhere())
            self._run(closing, options)

    def _run(self, closing: ExitStack, options: dict[str, Any]) -> None:
        facts, rounds = report.machine(), options["rounds"]
        show = (lambda line: None) if options["json"] else self.stdout.write
        show(report.header(facts, rounds))
        if not has_library():
            show(report.NOT_INSTALLED)
        show(report.table_head())
        results: list[Measured] = []
        for row in rows(closing, options["transactions"]):
            if row.name in options["only"]:
                results.append(measure(row, rounds, options["scale"]))
                show(report.table_line(results[-1]))
        if options["json"]:
            document = report.as_json(facts, rounds, results)
            self.stdout.write(json.dumps(document, indent=2))


@contextmanager
def log_to_nowhere() -> Iterator[None]:
    """Each command still pays for its line in the log; nobody has to read it."""
    handlers = logging.getLogger("daybook").handlers
    with open(os.devnull, "w") as nowhere, ExitStack() as restoring:
        for handler in handlers:
            # The settings' own; a test runner's file, not open yet, would be put back closed.
            if type(handler) is logging.StreamHandler:
                restoring.callback(handler.setStream, handler.setStream(nowhere) or nowhere)
        yield


@contextmanager
def stop_cleanly_on_sigterm() -> Iterator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that the database is dropped."""

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
