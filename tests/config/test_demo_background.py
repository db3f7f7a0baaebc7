"""`manage.py demo --serve` has a qcluster beside it, for as long as it lives and no longer."""

import os
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress

import pytest
from django.conf import settings

from eventstore.application import Application
from eventstore.tenancy import Actor
from tests.config.background.ledger import lines, opened_branch
from tests.config.background.runners import wait_until
from tests.http import Api
from tests.processes import start_manage

PATIENCE = 40


@contextmanager
def demo() -> Generator[tuple[subprocess.Popen[str], int]]:
    """The demo that serves, and the qcluster's process group."""
    environment = {"DAYBOOK_SECRET_KEY": settings.SECRET_KEY}
    process = start_manage("demo", "A", "--serve", "--port", "0", environment=environment)
    assert process.stdout is not None
    child = None
    try:
        while not process.stdout.readline().startswith("Serving on "):
            assert process.poll() is None
        (child,) = [pid for pid, parent, _ in processes() if parent == process.pid]
        yield process, child
    finally:
        process.kill()
        if child:
            with suppress(ProcessLookupError):  # It has ended by itself.
                os.killpg(child, signal.SIGKILL)
        process.communicate()


@pytest.mark.long
@pytest.mark.parametrize(
    "number",
    # What SIGTERM does to a server is tried without a qcluster as well.
    [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.soak), signal.SIGKILL],
)
def test_the_demos_qcluster_ends_with_it(
    number: signal.Signals, application: Application, api: Api, member: Actor
) -> None:
    with demo() as (process, group):
        if number is signal.SIGINT:
            branch = opened_branch(application, member)
            account = branch.opened(deposit=5)
            wait_until(lambda: lines(account) == 1)
        process.send_signal(number)
        _, logged = process.communicate(timeout=PATIENCE)
        assert process.returncode == (-signal.SIGKILL if number is signal.SIGKILL else 0)
        wait_until(lambda: group not in {of for _, _, of in processes()})
    assert "Traceback" not in logged
    assert '"batch"' not in logged


def processes() -> list[tuple[int, int, int]]:
    """Of each that lives its id, its parent's and its group's."""
    arguments = ["ps", "-A", "-o", "pid=,ppid=,pgid=,stat="]
    listed = subprocess.run(arguments, capture_output=True, text=True, check=True)
    rows = (line.split() for line in listed.stdout.splitlines())
    return [(int(pid), int(ppid), int(pgid)) for pid, ppid, pgid, stat in rows if stat[0] != "Z"]
