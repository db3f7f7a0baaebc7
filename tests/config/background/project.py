"""The project's settings with leases that end soon, and a qcluster that logs who is who in it."""

from config.settings import *  # noqa: F403 - Django's way to settings of one's own
from config.settings import EVENTSTORE, LOGGING, PROJECTIONS

# In seconds. A crashed process' work lies that long.
EVENTSTORE = EVENTSTORE | {"LEASE_SECONDS": 1.0, "RETRY_AFTER": (0.1, 0.2, 0.5, 1.0)}
PROJECTIONS = PROJECTIONS | {"TOTALS_EVERY": 0.2}
PASSWORD_HASHERS = ["tests.hashers.QuickHasher"]
LOGGING["loggers"]["django-q"] = {  # type: ignore[index]
    "handlers": ["stderr"],
    "level": "INFO",
    "propagate": False,
}
