"""Background workers as processes of their own, ended for sure with all that they have started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from tests.config.background.bell import VARIABLE, Bell
from tests.processes import PROJECT, database_url

#: Seconds before a test gives up.
PATIENCE = 30


@contextmanager
def running(bell: Bell, log: Path, *arguments: str) -> Generator[subprocess.Popen[bytes]]:
    """`manage.py` with these arguments until the block ends; it writes to `log`."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=environment(bell),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield process
        bell.answer.set()
        process.terminate()
        process.wait(PATIENCE)
    finally:
        with suppress(ProcessLookupError):  # All have ended by themselves.
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def environment(bell: Bell) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url(),
        # Tasks are signed with it: those of this process are for the cluster, too.
        "DAYBOOK_SECRET_KEY": settings.SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "tests.config.background.settings",
        VARIABLE: str(bell.port),
    }


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it has not come"
        time.sleep(0.02)
