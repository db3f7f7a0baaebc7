"""Whole runners as processes: a qcluster with all that belongs to it, or a worker."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from tests.processes import PROJECT, database_url

#: Seconds before a test gives up.
PATIENCE = 40.0


@dataclass(frozen=True)
class Runner:
    """One that was started; all its processes are of one group."""

    process: subprocess.Popen[bytes]
    log: Path

    def members(self) -> set[int]:
        """Its processes that live."""
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
        )
        rows = (line.split() for line in listed.stdout.splitlines())
        group = str(self.process.pid)
        return {int(pid) for pid, pgid, stat in rows if pgid == group and stat[0] != "Z"}

    def called(self, said: str) -> set[int]:
        """The living processes of a qcluster that have said this of themselves."""
        said_by = re.findall(rf"{said} at (\d+)", self.log.read_text())
        return {int(pid) for pid in said_by} & self.members()

    def workers(self) -> set[int]:
        return self.called("ready for work")

    def pusher(self) -> int:
        (pid,) = self.called("pushing tasks")
        return pid

    def monitor(self) -> int:
        (pid,) = self.called("monitoring")
        return pid

    def guard(self) -> int:
        (pid,) = self.members() - {self.process.pid, *self.workers(), *self.helpers()}
        return pid

    def helpers(self) -> set[int]:
        return {self.pusher(), self.monitor()}

    def is_complete(self) -> bool:
        """Whether a qcluster has begun: first, guard, six workers, pusher and monitor."""
        return len(self.workers()) == 6 and len(self.members()) == 10

    def signal_all(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def ended(self) -> int:
        """Told to end, its exit code when it has."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


@contextmanager
def runner(
    command: str, log: Path, environment: Mapping[str, str] | None = None, *arguments: str
) -> Generator[Runner]:
    """`manage.py` with this command until the block ends, and then killed with all that it has."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", command, *arguments],
            cwd=PROJECT,
            env={
                "DJANGO_SETTINGS_MODULE": "tests.config.background.project",
                "DATABASE_URL": database_url(),
                "COLD_STORAGE_ROOT": str(settings.EVENTSTORE["COLD_STORAGE_ROOT"]),
                # Tasks are signed with it: those of this process are for the cluster, too.
                "DAYBOOK_SECRET_KEY": settings.SECRET_KEY,
                **(environment or {}),
            },
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield Runner(process, log)
    finally:
        with suppress(ProcessLookupError):  # All have ended by themselves.
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(holds: Callable[[], object], patience: float = PATIENCE) -> float:
    """Wait for it; how many seconds that took."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < patience, "it has not come"
        time.sleep(0.02)
    return time.monotonic() - started
