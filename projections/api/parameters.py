"""The parameters of a list: page, page_size, ordering, and a filter for each column."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Field, QuerySet
from django.http import QueryDict

from eventstore.errors import ValidationFailed
from eventstore.input.parameters import Choice, Number, ParameterReader, read_text
from eventstore.input.values import read_date, read_time, read_uuid
from projections.queries import Query

DEFAULT_PAGE_SIZE = 50
MAXIMUM_PAGE_SIZE = 500
MAXIMUM_PAGE = 10**9

#: Seconds.
MAXIMUM_WAIT = 30

#: By which of its days a booking counts towards a balance.
BALANCE_DAYS = ("booked_on", "recorded_on")

_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,22}(\.[0-9]{1,2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ListParameters:
    """`ordering` is complete: it always ends with the key, so that pages never overlap."""

    page: int
    page_size: int
    ordering: tuple[str, ...]
    filters: dict[str, Any]
    wanted: "Wanted"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader has seen done and wants to find done: `min_position`.

    And how many seconds to wait for it; see `eventstore.read_models`. Or `snapshot`: the label of
    the copy to read instead of the live rows; see `eventstore.copies`.
    """

    minimum: int | None
    wait: int
    snapshot: str | None

    @classmethod
    def take(cls, reader: ParameterReader) -> "Wanted":
        minimum = reader.take("min_position", Number(0))
        wait = reader.take("wait", Number(0, MAXIMUM_WAIT))
        is_waiting = minimum is not None or wait is not None
        snapshot = reader.take("snapshot", _not_with_waiting if is_waiting else read_text)
        return cls(minimum, wait or 0, snapshot)


@dataclass(frozen=True, slots=True)
class BalanceDay:
    """The day at whose end a balance is wanted, and which of a booking's days counts."""

    name: str
    day: date
    wanted: Wanted


def read_list_parameters(
    parameters: QueryDict, query: Query, rows: QuerySet[Any]
) -> ListParameters:
    """Raises UnknownParameter or ValidationFailed with every parameter that is wrong."""
    reader = ParameterReader(parameters.lists())
    page = reader.take("page", Number(1, MAXIMUM_PAGE), default=1)
    page_size = reader.take("page_size", Number(1, MAXIMUM_PAGE_SIZE), default=DEFAULT_PAGE_SIZE)
    ordering = reader.take("ordering", _OrderingReader(query), default=(query.key,))
    filters = {
        column: reader.take(column, reader_of(field_of(rows, column)))
        for column in query.columns
        if column in parameters
    }
    wanted = Wanted.take(reader)
    reader.finish()
    return ListParameters(page, page_size, ordering, filters, wanted)


def read_detail_parameters(parameters: QueryDict) -> Wanted:
    """Raises UnknownParameter or ValidationFailed with every parameter that is wrong."""
    reader = ParameterReader(parameters.lists())
    wanted = Wanted.take(reader)
    reader.finish()
    return wanted


def read_balance_parameters(parameters: QueryDict) -> BalanceDay:
    """Raises UnknownParameter or ValidationFailed with every parameter that is wrong."""
    reader = ParameterReader(parameters.lists())
    days = {name: reader.take(name, read_date) for name in BALANCE_DAYS}
    wanted = Wanted.take(reader)
    reader.finish()
    given = [(name, day) for name, day in days.items() if day is not None]
    if len(given) != 1:
        problem = [f"give one of {' and '.join(BALANCE_DAYS)}"]
        raise ValidationFailed(dict.fromkeys(BALANCE_DAYS, problem))
    return BalanceDay(*given[0], wanted)


def read_key(query: Query, text: str) -> UUID:
    """The key of a row in the URL; raises ValidationFailed for what is no id."""
    try:
        return read_uuid(text)
    except ValueError as error:
        raise ValidationFailed({query.key: [str(error)]}) from None


class _OrderingReader:
    """`balance,-opened_at`: columns of the rows, `-` for descending, the key as tie-break."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def __call__(self, text: str) -> tuple[str, ...]:
        names = text.split(",")
        known = self._query.columns
        if any(name.removeprefix("-") not in known for name in names):
            raise ValueError(f"must list some of {', '.join(known)}, with - for descending")
        if len({name.removeprefix("-") for name in names}) < len(names):
            raise ValueError("must name each column once")
        return (*names, self._query.key)


def field_of(rows: QuerySet[Any], column: str) -> "Field[Any, Any]":
    """The model's field behind a column, also behind one that was annotated."""
    annotation = rows.query.annotations.get(column)
    field: Field[Any, Any] = (
        annotation.output_field if annotation else rows.model._meta.get_field(column)
    )
    return field


def reader_of(field: "Field[Any, Any]") -> Callable[[str], Any]:
    """How to read the value of a filter on this field."""
    if field.choices:
        return Choice(value for value, _ in field.flatchoices)
    return READERS[field.get_internal_type()]


def _not_with_waiting(text: str) -> str:
    raise ValueError("cannot be given with min_position or wait: a copy stays as it is")


def _read_integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError("must be an integer")
    return int(text)


def _read_decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("must be an amount, such as 12.34")
    return Decimal(text)


def _read_truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


#: How a filter is read, by the kind of its column's field.
READERS: dict[str, Callable[[str], Any]] = {
    "UUIDField": read_uuid,
    "CharField": read_text,
    "IntegerField": _read_integer,
    "BigIntegerField": _read_integer,
    "DecimalField": _read_decimal,
    "DateField": read_date,
    "DateTimeField": read_time,
    "BooleanField": _read_truth,
}
