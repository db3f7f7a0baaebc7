"""Ends this process at a fault point, as kill -9 does, or lets it stand still there."""

import os
import signal
import sys
from collections.abc import Callable
from typing import NamedTuple

import config.composition
from eventstore import fault_points
from eventstore.application import Application

#: Where a process that was not forked here shall die: `command.committed:1`.
VARIABLE = "DAYBOOK_CRASH_AT"


class Place(NamedTuple):
    """The `nth` time, from 1, that the point is reached; "": that any point is."""

    point: str
    nth: int


class Strike:
    """Arm it: it tells the point's name, then there is no process any more.

    With SIGSTOP there is one, which stands still until somebody sends it SIGCONT.
    """

    def __init__(
        self, place: Place, tell: Callable[[str], object], by: signal.Signals = signal.SIGKILL
    ) -> None:
        self._place = place
        self._tell = tell
        self._signal = by
        self._count = 0

    def __call__(self, point: str) -> None:
        if self._place.point in ("", point):
            self._count += 1
            if self._count == self._place.nth:
                self._tell(point)
                os.kill(os.getpid(), self._signal)


def build_application() -> Application:
    """The project's own, in a process that dies where the environment says."""
    if where := os.environ.get(VARIABLE):
        point, nth = where.split(":")
        fault_points.arm(Strike(Place(point, int(nth)), _say))
    return config.composition.build_application()


def _say(point: str) -> None:
    print(f"died at {point}", file=sys.stderr, flush=True)
