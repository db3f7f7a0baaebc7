"""Tries the six installations one after the other and ends with a table; 1 where one failed."""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from config.postgres_programs import Programs, system_programs
from tests.installation.installations import (
    PROJECT,
    Failed,
    Installation,
    Source,
    all_installations,
)
from tests.installation.leftovers import processes_in
from tests.installation.report import FAILED, LEFT_OUT, NOT_TRIED, OK, Result, table, verdict
from tests.installation.steps import step
from tests.installation.trial import try_out

SHARED = PROJECT.parent / "shared"


def main() -> int:
    # A shell starts what runs in the background deaf to Ctrl-C, and the demos would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, end_in_order)
    with workplace() as place:
        found = max(system_programs(), default=None)
        results = try_all(all_installations(place, found), found)
    print(f"\n{table(results)}", flush=True)
    return verdict(results, in_ci=bool(os.environ.get("CI")))


def end_in_order(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


@contextmanager
def workplace() -> Iterator[Path]:
    """Make a folder that every user can enter; what runs in it at the end is killed."""
    place = Path(tempfile.mkdtemp(prefix="daybook-install-"))
    place.chmod(0o755)
    if SHARED.exists():
        (place / "shared").symlink_to(SHARED)
    try:
        yield place
    finally:
        with step("remove the clones, and what still runs in them"):
            remove(place)


def remove(place: Path) -> None:
    while running := processes_in(place):
        for process in running:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.1)
    shutil.rmtree(place)


def try_all(installations: Sequence[Installation], found: Programs | None) -> list[Result]:
    """Try one after the other, up to the first that fails."""
    results: list[Result] = []
    for installation in installations:
        if installation.source is Source.FOUND and found is None:
            results.append(Result(installation.title, LEFT_OUT))
        elif any(result.outcome == FAILED for result in results):
            results.append(Result(installation.title, NOT_TRIED))
        else:
            results.append(try_one(installation))
    return results


def try_one(installation: Installation) -> Result:
    start = time.monotonic()
    outcome, served, why = OK, None, ""
    try:
        served = try_out(installation)
    except Failed as failure:
        outcome, why = FAILED, str(failure)
        print(f"{installation.end_of_log()}\n{failure}", flush=True)
    return Result(installation.title, outcome, served, time.monotonic() - start, why)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failure:  # before any installation: a tool is missing
        sys.exit(str(failure))
