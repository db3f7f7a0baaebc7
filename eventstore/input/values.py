"""Reads one value from outside into the Python type that a field, a header or a parameter has.

Stricter than the constructors of the standard library, which also take `{...}` and `urn:uuid:`
around a UUID, week dates, and digits of other scripts.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from types import NoneType
from typing import Any, get_args
from uuid import UUID

from eventstore.fields import bound_of

#: Returns the value, or raises ValueError with a message for the sender.
Reader = Callable[[Any], Any]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def reader_for(hint: Any) -> Reader:
    """The reader of a field's type hint; raises TypeError for a type that no field may have."""
    choices = [choice for choice in get_args(hint) if choice is not NoneType]
    if NoneType in get_args(hint):
        return _OrNull(reader_for(choices[0]))
    if (bound := bound_of(hint)) is not None:
        clean: Reader = bound.clean
        return clean
    if hint in _READERS:
        return _READERS[hint]
    raise TypeError(f"{hint} is no type that a command's field can have")


class _OrNull:
    """Null, or what the inner reader takes."""

    def __init__(self, read: Reader) -> None:
        self._read = read

    def __call__(self, value: Any) -> Any:
        return None if value is None else self._read(value)


def read_uuid(value: Any) -> UUID:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise ValueError("must be a UUID, such as 0a1b2c3d-0000-4000-8000-000000000000")
    return UUID(value)


def read_date(value: Any) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("must be a day, such as 1994-03-31")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a day that exists") from None


def read_time(value: Any) -> datetime:
    """In UTC; the offset must be there, since nobody can say what time it is without."""
    try:
        if "\0" in value:
            raise ValueError  # Python's own reader ends there, and takes what is before.
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            "must be an ISO 8601 time with its offset, such as 2030-01-31T12:00Z (in a URL a + "
            "is written %2B)"
        ) from None


_READERS: dict[Any, Reader] = {UUID: read_uuid, date: read_date, datetime: read_time}
