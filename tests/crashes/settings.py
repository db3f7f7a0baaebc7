"""The project's settings, with an application that a test can kill and leases that end soon."""

from config.settings import *  # noqa: F403 - Django's way to settings of one's own
from config.settings import EVENTSTORE, LOGGING

EVENTSTORE = EVENTSTORE | {
    "APPLICATION": "tests.crashes.striking.build_application",
    # In seconds. A crashed process' work lies that long.
    "LEASE_SECONDS": 0.5,
    "RETRY_AFTER": (0.1, 0.2, 0.5, 1.0),
}
PASSWORD_HASHERS = ["tests.hashers.QuickHasher"]
LOGGING["loggers"]["daybook"]["level"] = "WARNING"  # type: ignore[index]
