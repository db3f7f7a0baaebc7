"""Settings of a command that is told to end while it writes its first line."""

import os
import signal
import sys

from tests.quick_settings import *  # noqa: F403 - Django's way to settings of one's own

write = sys.stdout.write


def write_and_tell(text: str) -> int:
    sys.stdout.write = write  # type: ignore[method-assign]
    written = write(text)
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGTERM)
    return written


sys.stdout.write = write_and_tell  # type: ignore[method-assign, assignment]
