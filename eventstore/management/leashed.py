"""How a process of `rebuild_process` begins: alone, and on a leash. Without Django yet."""

import fcntl
import os
import runpy
import sys
import time
from pathlib import Path
from threading import Thread

STDIN = 0
#: Seconds in which it finds out that another one lives; for a moment somebody may only look.
SOON = 1.0
OFTEN = 0.01


def run(lock: int, arguments: list[str]) -> None:
    """Where no other one lives, do what the arguments say: a program's path, and its own."""
    if not taken(lock):
        return
    Thread(target=end_with_starter, name="leash", daemon=True).start()
    sys.argv = arguments
    # As Python does where a program is started by its path.
    sys.path.insert(0, str(Path(arguments[0]).parent))
    runpy.run_path(arguments[0], run_name="__main__")


def taken(lock: int) -> bool:
    """Whether the lock is this process' from now on, to its end."""
    end = time.monotonic() + SOON
    while True:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= end:
                return False
            time.sleep(OFTEN)
        else:
            return True


def end_with_starter() -> None:
    """Nobody writes there: it ends with the last process that could."""
    os.read(STDIN, 1)
    os._exit(1)  # Nothing to tidy up: what it was at, the database undoes.


if __name__ == "__main__":
    run(int(sys.argv[1]), sys.argv[2:])
