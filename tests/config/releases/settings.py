"""The project's settings, with the application of whichever release the environment names."""

import os

from config.settings import *  # noqa: F403 - Django's way to settings of one's own
from config.settings import EVENTSTORE

EVENTSTORE = EVENTSTORE | {
    "APPLICATION": f"tests.config.releases.releases.{os.environ['RELEASE']}",
    "CALLS_PER_MINUTE": 0,
}
