"""Settings of a qcluster that is told to end at a place in django-q2, named by its line."""

import linecache
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from tests.config.background.project import *  # noqa: F403 - Django's way to settings of one's own

PLACE = os.environ["TOLD_AT"]
NUMBER = signal.Signals[os.environ["TOLD_WITH"]]
#: As Ctrl-C does, or who stops a service with all that it has started.
WITH_ALL = bool(os.environ.get("TOLD_WITH_ALL"))
#: Said once, by whichever process is the first to come there.
SAID = "told to end"


def find(frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
    return tell if frame.f_code.co_filename.endswith("/django_q/cluster.py") else None


def tell(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    if event == "line" and line == PLACE:
        sys.settrace(None)
        frame.f_trace = None
        os.write(2, f"{SAID}\n".encode())
        # All of a runner's processes are of one group, and of no other's.
        (os.killpg if WITH_ALL else os.kill)(os.getpgrp() if WITH_ALL else os.getpid(), NUMBER)
    return tell


sys.settrace(find)
