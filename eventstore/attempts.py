"""How often something is tried, when again, and what is kept of why it failed."""

from collections.abc import Sequence
from datetime import timedelta

#: How often something is tried, by whomever, before it is set aside.
ATTEMPTS = 5
#: After how many seconds a worker comes back to a step that somebody else was at.
LOOK_AGAIN = 0.5
#: Characters that are kept of an error.
MOST_TOLD = 2000


def told(error: Exception) -> str:
    """What is kept of an error."""
    return storable(f"{type(error).__name__}: {error}")


def storable(text: str, most: int = MOST_TOLD) -> str:
    """Without what PostgreSQL does not take: NUL, and half a surrogate pair."""
    return text[:most].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def wait_after(attempts: int, retry_after: Sequence[float]) -> timedelta:
    """How long to wait after so many failed attempts."""
    return timedelta(seconds=retry_after[min(attempts, len(retry_after)) - 1])
