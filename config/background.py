"""A qcluster beside `manage.py demo --serve`, which lives no longer than that."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

#: Seconds that it has to end what it is at.
PATIENCE = 10.0


@contextmanager
def running_qcluster(*, verbosity: int) -> Iterator[None]:
    """Have one until the block ends; it also ends where this process is killed.

    It says nothing but warnings, unless the user asked for more with `--verbosity 2`.
    """
    is_quiet = verbosity < 2
    options = ["--follow-stdin", "--verbosity", "0" if is_quiet else "1"]
    process = subprocess.Popen(
        [sys.executable, settings.BASE_DIR / "manage.py", "qcluster", *options],
        # Nobody writes to it: it ends with this process, and the qcluster with it.
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL if is_quiet else None,
        # Ctrl-C is for the server; the qcluster ends after it.
        start_new_session=True,
    )
    try:
        yield
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None, "it was started with a pipe"
    process.stdin.close()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()  # With it go all its workers; what they are at is done again.
        process.wait()
