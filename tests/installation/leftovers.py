"""What must not be left of an installation that nobody uses any more: processes and servers."""

import subprocess
import time
from pathlib import Path

from config.postgres_programs import WHEEL
from tests.installation.installations import Failed, Installation, Source

# Chromium's helpers take a moment longer than the browser.
ENDING_SECONDS = 10
# What a server leaves that was not stopped in order, or is not swept.
OF_RUNNING_SERVERS = (".daybook/**/postmaster.pid", ".daybook/tests/throwaway-*")
OF_ANY_SERVER = (".daybook/postgres-*", ".daybook/tests")
PACKAGE = f".venv/lib/*/site-packages/{WHEEL}"


def check_nothing_left(installation: Installation) -> None:
    """Nothing runs, and of PostgreSQL there is only what this installation should have."""
    check_nothing_runs(installation, ENDING_SECONDS)
    unwanted = [*OF_RUNNING_SERVERS]
    if installation.source is not Source.WHEEL:
        unwanted.append(PACKAGE)
    if installation.source is Source.URL:
        unwanted.extend(OF_ANY_SERVER)
    if left := [str(path) for pattern in unwanted for path in installation.clone.glob(pattern)]:
        raise Failed(f"These should not be there: {', '.join(left)}")


def check_nothing_runs(installation: Installation, seconds: float = 0) -> None:
    deadline = time.monotonic() + seconds
    while survivors := processes_in(installation.clone):
        if time.monotonic() > deadline:
            raise Failed(f"These processes survived: {', '.join(map(about, survivors))}")
        time.sleep(0.1)


def processes_in(place: Path) -> list[int]:
    """Return the processes that have to do with `place`; the dead that nobody reaped do not."""
    if Path("/proc/self").exists():
        numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [number for number in numbers if str(place) in about(number)]
    listing = subprocess.run(
        ["ps", "-Axo", "pid=,args="], capture_output=True, text=True, check=True
    )
    lines = [line for line in listing.stdout.splitlines() if str(place) in line]
    return [int(line.split()[0]) for line in lines]


def about(number: int) -> str:
    """Return the working folder and the command line of a process, where the system tells them."""
    process = Path("/proc") / str(number)
    try:
        command = (process / "cmdline").read_text(errors="replace").replace("\0", " ")
        return f"{(process / 'cwd').readlink()} {command.strip()}"
    except OSError:
        return ""
