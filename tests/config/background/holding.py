"""Settings of runners whose rebuilds wait at a place, as long as the test wants them to."""

import os
import sys
import time
from pathlib import Path

from eventstore import fault_points
from tests.config.background.project import *  # noqa: F403 - Django's way to settings of one's own

#: The folder with a file for each process that waits, named by its number, until the file goes.
VARIABLE = "DAYBOOK_TEST_HELD"
PLACE = "rebuild.filled"


def hold(point: str) -> None:
    folder = Path(os.environ[VARIABLE])
    if point == PLACE and folder.is_dir():
        waits = folder / str(os.getpid())
        waits.touch()
        while waits.exists():
            time.sleep(0.02)


if "--asked" in sys.argv:
    fault_points.arm(hold)
