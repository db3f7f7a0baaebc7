"""From a query string to values: known parameters only, each once, all errors at once."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from eventstore.errors import UnknownParameter, ValidationFailed

#: What PostgreSQL's bigint can hold: positions, versions and numbers.
MAXIMUM_NUMBER = 2**63 - 1

_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)


class ParameterReader:
    """Takes parameters one by one, each from the texts given for its name, then `finish()`."""

    def __init__(self, parameters: Iterable[tuple[str, list[str]]]) -> None:
        self._left = dict(parameters)
        self._errors: dict[str, list[str]] = {}

    def take(self, name: str, read: Callable[[str], Any], default: Any = None) -> Any:
        """The value of a parameter, or `default` where it was not given or cannot be read."""
        values = self._left.pop(name, None)
        if values is None:
            return default
        try:
            if len(values) > 1:
                raise ValueError("was given more than once")
            return read(values[0])
        except ValueError as error:
            self._errors[name] = [str(error)]
            return default

    def finish(self) -> None:
        """Raises UnknownParameter where one is left over, ValidationFailed where one is wrong."""
        if self._left:
            unknown = {name: ["is unknown here"] for name in self._left}
            raise UnknownParameter(self._errors | unknown)
        if self._errors:
            raise ValidationFailed(self._errors)


class Number:
    """Reads a whole number from `minimum` to `maximum`."""

    def __init__(self, minimum: int, maximum: int = MAXIMUM_NUMBER) -> None:
        self._minimum = minimum
        self._maximum = maximum

    def __call__(self, text: str) -> int:
        if not _DIGITS.fullmatch(text) or not self._minimum <= int(text) <= self._maximum:
            raise ValueError(f"must be a number from {self._minimum} to {self._maximum}")
        return int(text)


class Choice:
    """Reads one of a few words."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = tuple(words)

    def __call__(self, text: str) -> str:
        if text not in self._words:
            raise ValueError(f"must be one of {', '.join(self._words)}")
        return text


def read_text(text: str) -> str:
    """Any text that PostgreSQL can hold."""
    if "\0" in text:
        raise ValueError("must not contain NUL")
    return text
