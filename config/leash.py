"""Processes that end with the one they belong to, however that one ends: also by kill -9.

Both ways stand on a pipe that nobody writes to: whoever reads it comes back when the last one who
could write has gone.
"""

import os
import signal
import time
from threading import Thread

STDIN = 0
#: Seconds in which to end in order.
PATIENCE = 15.0


def hold_children() -> None:
    """From now on all that this process forks, and what that forks, ends at once with this one."""
    reading, writing = os.pipe()
    held = [writing]

    def in_child() -> None:
        while held:  # Only this process is to hold it; a grandchild has not got it any more.
            os.close(held.pop())
        Thread(target=_end_after, args=(reading,), name="leash", daemon=True).start()

    os.register_at_fork(after_in_child=in_child)


def _end_after(reading: int) -> None:
    os.read(reading, 1)
    os._exit(1)  # Nothing to tidy up: whoever dies here leaves his work in the database.


def follow_stdin() -> None:
    """End this process in order, as by SIGTERM, when its standard input ends."""
    Thread(target=_terminate_after_stdin, name="leash", daemon=True).start()


def _terminate_after_stdin() -> None:
    # Not through sys.stdin, whose lock would be held when Python ends.
    while os.read(STDIN, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    # django-q2's own way to end may hang, and there is nobody left to see it.
    time.sleep(PATIENCE)
    os.kill(os.getpid(), signal.SIGKILL)
