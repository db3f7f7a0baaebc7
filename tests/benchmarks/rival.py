"""The library as one more contestant of a row, where it is installed."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from tests.benchmarks.measuring import Contestant


def has_library() -> bool:
    return find_spec("eventsourcing") is not None


class Rival:
    def __init__(self) -> None:
        self.is_here = has_library()
        # Imported by name: it is there only where the extra is installed.
        self._library = import_module("tests.benchmarks.library") if self.is_here else None

    def joins(
        self, contestants: dict[str, Contestant], make: Callable[[Any], Contestant]
    ) -> dict[str, Contestant]:
        """The contestants with the one that `make` makes of the library, made ready after them."""
        return contestants | ({"library": make(self._library)} if self.is_here else {})
