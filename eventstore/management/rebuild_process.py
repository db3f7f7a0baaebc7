"""Rebuilds in the background: a process of its own, that ends with whoever has started it.

A rebuild takes minutes and memory. In a worker's thread it would hold up the others, and django-q2
would end it. A process that outlived its worker would be seen by nobody, and after a release it
would put rows of the old code in place. So it ends at once with all processes of its starter; the
next one begins again what it was at, five times at most, and the rows are as before until then.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from threading import Thread

from django.conf import settings

from eventstore.application import Application

#: Seconds between two looks at what it does.
OFTEN = 0.1
#: After one that failed, the next is started so many seconds later; doubled each time.
PAUSE, LONGEST_PAUSE = 1.0, 60.0
#: What the process begins with.
LEASHED = "eventstore.management.leashed"


class RebuildProcesses:
    """Starts them, one at a time. Made before its process forks, it is shared by all children.

    Two things tell who lives, both gone with their process: a lock on a file that the rebuild
    holds, and a pipe that nobody writes to, whose end the rebuild reads when all who could have
    gone. So no process needs to know the number of another one.
    """

    def __init__(self, application: Application, *, is_once: bool = False) -> None:
        """`is_once`: `work` comes back only when all is done, or cannot be."""
        self._application = application
        self._is_once = is_once
        self._lock = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as this lives
        self._reading, self._writing = os.pipe()
        self._not_before = 0.0
        self._pause = PAUSE

    def close(self) -> None:
        """Whoever is at work ends."""
        self._lock.close()
        os.close(self._writing)
        os.close(self._reading)

    def work(self, until: Callable[[], bool] = lambda: False) -> int:
        """Start one where there is something to do and none lives; how many runs it has taken on.

        Comes back as soon as it is at the first: nobody needs to be called for that one then.
        """
        due = self._due()
        if not due or until() or time.monotonic() < self._not_before or self._one_lives():
            return 0
        process = self._start()
        reaper = Thread(target=self._wait_for, args=(process,), daemon=True)
        reaper.start()
        while reaper.is_alive() and not until() and (self._is_once or self._due() == due):
            reaper.join(OFTEN)
        return len(due - self._due())

    def _due(self) -> set[int]:
        """What nobody is at, of projections that this code knows."""
        projections = self._application.projections
        undone = self._application.rebuilding.log.undone()
        return {each.id for each in undone if projections.named(each.order.projection)}

    def _one_lives(self) -> bool:
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        fcntl.lockf(self._lock, fcntl.LOCK_UN)
        return False

    def _start(self) -> subprocess.Popen[bytes]:
        manage = str(settings.BASE_DIR / "manage.py")
        arguments = [str(self._lock.fileno()), manage, "rebuild", "--asked", "--verbosity", "0"]
        return subprocess.Popen(
            [sys.executable, "-m", LEASHED, *arguments],
            cwd=settings.BASE_DIR,
            env={**os.environ, "PGAPPNAME": "daybook rebuild"},
            stdin=self._reading,
            stdout=subprocess.DEVNULL,
            pass_fds=[self._lock.fileno()],
            # Ctrl-C is for the worker; this one ends with it.
            start_new_session=True,
        )

    def _wait_for(self, process: subprocess.Popen[bytes]) -> None:
        """Leave no zombie; and where one cannot even begin, let there not be one each second."""
        if process.wait() == 0:
            self._pause, self._not_before = PAUSE, 0.0
        else:
            self._not_before = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
