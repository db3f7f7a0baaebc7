"""One projection rebuilt, checked or mended, and what came of it in words."""

import sys
import time
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import Error

from eventstore.application import Application
from eventstore.errors import AlreadyRunning, DaybookError
from eventstore.management.progress import Progress
from eventstore.management.row_differences_told import Told, as_line, told
from eventstore.rebuild_log import Order
from eventstore.rebuilding import Outcome

FAILED = 1
ALREADY_RUNNING = 3

#: What a projection's own code or the database may raise: the next projection has its turn.
FAILURES = (DaybookError, Error, psycopg.Error)

#: What has been done to the rows that are counted.
DONE = {"rebuild": "written", "fix": "mended"}
#: How a row can differ from a replay.
KINDS = ("missing", "extra", "different")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of one projection. `error` is a sentence; then there is no outcome."""

    order: Order
    seconds: float
    outcome: Outcome | None = None
    differences: tuple[Told, ...] = ()
    error: str = ""
    exit_code: int = 0

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.outcome.events / max(self.seconds, 1e-9) if self.outcome else 0.0


def run_order(application: Application, order: Order) -> Run:
    """Do it, with a bar on a terminal; failures are told, not raised."""
    started = time.monotonic()
    try:
        with Progress(sys.stderr, 0, f"positions of {order.projection}") as bar:
            outcome = application.rebuilding.run(
                order, lambda progress: bar.come_to(progress.position, progress.head)
            )
        differences = tuple(told(outcome.checked.differences)) if outcome.checked else ()
    except FAILURES as error:
        return Run(
            order=order,
            seconds=time.monotonic() - started,
            error=one_line(error),
            exit_code=ALREADY_RUNNING if isinstance(error, AlreadyRunning) else FAILED,
        )
    return Run(
        order=order,
        seconds=time.monotonic() - started,
        outcome=outcome,
        differences=differences,
        exit_code=FAILED if differences else 0,
    )


def lines(run: Run) -> list[str]:
    """One for what was done, and for a check one for each of the first rows that differ."""
    if run.outcome is None:
        return []
    effort = f"{run.outcome.events:,} events, {run.seconds:.2f} s, {run.rate:,.0f} events/s"
    if run.outcome.checked is None:
        unit = "row" if run.outcome.rows == 1 else "rows"
        done = f"{run.outcome.rows:,} {unit} {DONE[run.order.kind]}"
        return [f"{run.order.projection}: {done}, {effort}"]
    kinds = run.outcome.checked.kinds
    counts = ", ".join(f"{kinds[kind]:,} {kind}" for kind in KINDS)
    found = [f"{run.order.projection}: {counts}, {effort}"]
    found += [f"  {as_line(difference)}" for difference in run.differences]
    if untold := run.outcome.rows - len(run.differences):
        found.append(f"  and {untold:,} more rows")
    return found


def plain(run: Run) -> dict[str, Any]:
    """For programs."""
    answer: dict[str, Any] = {
        "projection": run.order.projection,
        "kind": run.order.kind,
        "exit_code": run.exit_code,
        "error": run.error or None,
        "seconds": round(run.seconds, 3),
        "events_per_second": round(run.rate),
        "events": run.outcome.events if run.outcome else None,
        "rows": run.outcome.rows if run.outcome else None,
    }
    if run.outcome and run.outcome.checked:
        answer |= {kind: run.outcome.checked.kinds[kind] for kind in KINDS}
        answer["differences"] = [difference._asdict() for difference in run.differences]
    return answer


def verdict(runs: list[Run]) -> tuple[int, str]:
    """The worst exit code, and a sentence about those that did not end with 0.

    Whoever else is at it will end; so a failure is worse.
    """
    bad = [run for run in runs if run.exit_code]
    if not bad:
        return 0, ""
    code = FAILED if any(run.exit_code == FAILED for run in bad) else ALREADY_RUNNING
    return code, "\n".join(_sentence(run) for run in bad)


def one_line(error: Exception) -> str:
    """What it says; the database's own errors have several lines."""
    return " ".join(str(error).split())


def _sentence(run: Run) -> str:
    if run.outcome is None:
        return named(run.order.projection, run.error)
    name, count = run.order.projection, run.outcome.rows
    differ = "1 row differs" if count == 1 else f"{count:,} rows differ"
    return f"{name}: {differ} from a replay. The same with --fix mends them, and only them."


def named(name: str, error: str) -> str:
    """The error, and whose it is where it does not say so itself."""
    return error if error.startswith(name) else f"{name}: {error}"
