"""A clock for the feed that stands still but for those who sleep: nobody waits for real."""

from collections.abc import Callable

import pytest

from eventstore.api import feed


class HandMovedClock:
    """`on_sleep`: called each time that a reader waits, with how often there was one before."""

    def __init__(self, on_sleep: Callable[[int], None] = lambda times: None) -> None:
        self.now = 0.0
        self.times = 0
        self._on_sleep = on_sleep

    def install(self, monkeypatch: pytest.MonkeyPatch) -> "HandMovedClock":
        monkeypatch.setattr(feed, "monotonic", lambda: self.now)
        monkeypatch.setattr(feed, "sleep", self.sleep)
        return self

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 0.5, "a reader looks at least twice a second"
        self.now += seconds
        self._on_sleep(self.times)
        self.times += 1
