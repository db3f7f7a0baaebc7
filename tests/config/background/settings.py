"""The project's settings for background workers whose effects call a test; see bell.py."""

from config.settings import *  # noqa: F403 - Django's way to settings of one's own
from config.settings import EVENTSTORE, Q_CLUSTER

#: In seconds, and shorter than the effects last that tests hold up.
LEASE = 1.0
TIMEOUT = 1

EVENTSTORE = EVENTSTORE | {"APPLICATION": "tests.config.background.bell.build_application"}
Q_CLUSTER = Q_CLUSTER | {"workers": 2, "timeout": TIMEOUT}

# The application is a tiny domain's: it has other events, and no commands for the outside.
SILENCED_SYSTEM_CHECKS = ["eventstore.E006", "eventstore.E008"]
