"""The parameters of a list: page, page_size, ordering, and a filter for each column."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Field, QuerySet
from django.http import QueryDict

from eventstore.api.values import read_date, read_uuid
from eventstore.errors import UnknownParameter
from projections.queries import Query

DEFAULT_PAGE_SIZE = 50
MAXIMUM_PAGE_SIZE = 500

_DIGITS = re.compile(r"[0-9]{1,10}", re.ASCII)
_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,22}(\.[0-9]{1,2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ListParameters:
    """`ordering` is complete: it always ends with the key, so that pages never overlap."""

    page: int
    page_size: int
    ordering: tuple[str, ...]
    filters: dict[str, Any]


def read_list_parameters(
    parameters: QueryDict, query: Query, rows: QuerySet[Any]
) -> ListParameters:
    """Raises UnknownParameter with every parameter that is unknown, given twice or unreadable."""
    reader = _ParameterReader(parameters)
    page = reader.take("page", _read_page, default=1)
    page_size = reader.take("page_size", _read_page_size, default=DEFAULT_PAGE_SIZE)
    ordering = reader.take("ordering", _OrderingReader(query), default=(query.key,))
    filters = {
        column: reader.take(column, _reader_of_column(rows, column))
        for column in query.columns
        if column in parameters
    }
    reader.finish()
    return ListParameters(page, page_size, ordering, filters)


class _ParameterReader:
    """Takes parameters one by one and gathers what is wrong with them."""

    def __init__(self, parameters: QueryDict) -> None:
        self._left = dict(parameters.lists())
        self._errors: dict[str, list[str]] = {}

    def take(self, name: str, read: Callable[[str], Any], default: Any = None) -> Any:
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
        unknown = {name: ["is unknown here"] for name in self._left}
        if self._errors or unknown:
            raise UnknownParameter(self._errors | unknown)


def _read_page(text: str) -> int:
    return _read_count(text, 10**9)


def _read_page_size(text: str) -> int:
    return _read_count(text, MAXIMUM_PAGE_SIZE)


def _read_count(text: str, maximum: int) -> int:
    if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= maximum:
        raise ValueError(f"must be a number from 1 to {maximum}")
    return int(text)


class _OrderingReader:
    """`balance,-opened_at`: columns of the rows, `-` for descending, the key as tie-break."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def __call__(self, text: str) -> tuple[str, ...]:
        names = text.split(",")
        known = self._query.columns
        if any(name.removeprefix("-") not in known for name in names):
            raise ValueError(f"must list some of {', '.join(known)}, with - for descending")
        return (*names, self._query.key)


def _reader_of_column(rows: QuerySet[Any], column: str) -> Callable[[str], Any]:
    """How to read a filter's value; annotated columns are text."""
    annotation = rows.query.annotations.get(column)
    field: Field[Any, Any] = (
        annotation.output_field if annotation else rows.model._meta.get_field(column)
    )
    return READERS[field.get_internal_type()]


def _read_text(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL")
    return text


def _read_integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError("must be an integer")
    return int(text)


def _read_decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("must be an amount, such as 12.34")
    return Decimal(text)


def _read_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            "must be an ISO 8601 time with its offset, such as 1994-03-31T12:00Z"
        ) from None


def _read_truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


#: How a filter is read, by the kind of its column's field.
READERS: dict[str, Callable[[str], Any]] = {
    "UUIDField": read_uuid,
    "CharField": _read_text,
    "IntegerField": _read_integer,
    "BigIntegerField": _read_integer,
    "DecimalField": _read_decimal,
    "DateField": read_date,
    "DateTimeField": _read_time,
    "BooleanField": _read_truth,
}
