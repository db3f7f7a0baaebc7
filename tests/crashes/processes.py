"""Real processes with connections of their own, forked from one that has loaded everything."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any
from unittest.mock import patch

from tests.processes import database_url

#: In this order: the first one sets Django up.
PRELOADED = (
    "tests.crashes.preload",
    "tests.crashes.senders",
    "tests.crashes.workers",
    "tests.crashes.rebuilders",
)
#: Seconds before a test gives up on a process.
PATIENCE = 60

_context = get_context("forkserver")
_running: set[BaseProcess] = set()


def prepare(environment: dict[str, str]) -> None:
    """Start the process that forks, for this test run's database; call it once."""
    _context.set_forkserver_preload(list(PRELOADED))
    own = {
        "DJANGO_SETTINGS_MODULE": "tests.crashes.settings",
        "DATABASE_URL": database_url(),
        "DAYBOOK_SECRET_KEY": "for tests",
    }
    with patch.dict(os.environ, own | environment):
        forkserver.ensure_running()


@dataclass(frozen=True)
class Started:
    """A process, and what it tells through the connection that is its first argument."""

    process: BaseProcess
    messages: Connection

    def told(self) -> list[Any]:
        """What it has told since the last time; it may be dead."""
        messages = []
        try:
            while self.messages.poll():
                messages.append(self.messages.recv())
        except EOFError:
            pass  # It has ended, and this was all.
        return messages

    def next_message(self, patience: float = PATIENCE) -> Any:
        """Wait for it; raises EOFError where the process ends without one."""
        assert self.messages.poll(patience), "the process says nothing"
        return self.messages.recv()

    def kill(self) -> None:
        """kill -9."""
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGKILL)
        assert self.ended() == -signal.SIGKILL

    def go_on(self) -> None:
        """After it stood still; it lives to its end."""
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGCONT)
        assert self.ended() == 0

    def ended(self) -> int:
        """Wait for its end; its exit code, negative where it was a signal."""
        assert wait([self.process.sentinel], PATIENCE), "the process does not end"
        self.process.join()
        _running.discard(self.process)
        assert self.process.exitcode is not None
        return self.process.exitcode


def start(target: Callable[..., None], *arguments: Any) -> Started:
    """Call `target` with a Connection to tell through, and these arguments, in a new process."""
    ours, theirs = _context.Pipe(duplex=False)
    process = _context.Process(target=target, args=(theirs, *arguments), daemon=True)
    process.start()
    _running.add(process)
    theirs.close()
    return Started(process, ours)


def end_all() -> None:
    """Kill what a test that failed has left; it would hold the test database."""
    for process in list(_running):
        process.kill()
        process.join(PATIENCE)
        _running.discard(process)
