"""A progress bar for long commands: on a terminal only, quiet otherwise."""

import time
from typing import TextIO

#: Seconds between two drawings; a terminal is slower than the work.
INTERVAL = 0.2
WIDTH = 30


class Progress:
    """`with Progress(stream, total, "transactions") as progress: ... progress.advance()`."""

    def __init__(self, stream: TextIO, total: int, what: str) -> None:
        self._stream = stream
        self._total = total
        self._what = what
        self._done = 0
        self._started = time.monotonic()
        self._drawn = 0.0

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._stream.isatty():
            self._draw()
            self._stream.write("\n")

    def advance(self, steps: int = 1) -> None:
        self.come_to(self._done + steps, self._total)

    def come_to(self, done: int, total: int) -> None:
        """For work that grows while it is done: so much is done, of so much."""
        self._done, self._total = done, total
        now = time.monotonic()
        if self._stream.isatty() and now - self._drawn >= INTERVAL:
            self._drawn = now
            self._draw()

    @property
    def rate(self) -> float:
        """Steps a second since the start."""
        return self._done / max(time.monotonic() - self._started, 1e-9)

    def _draw(self) -> None:
        filled = WIDTH * self._done // max(self._total, 1)
        left = int((self._total - self._done) / max(self.rate, 1e-9))
        self._stream.write(
            f"\r[{'#' * filled}{'.' * (WIDTH - filled)}] "
            f"{self._done:,}/{self._total:,} {self._what}, {self.rate:,.0f}/s, {left} s left   "
        )
        self._stream.flush()
