"""The rows, pages and filters of a query, described from its spec and its model's fields."""

from typing import Any
from uuid import UUID

from django.db.models import DecimalField, Field, QuerySet

from eventstore.api.openapi.parts import (
    COUNT,
    FROM_ONE,
    TIME_TEXT,
    UUID_TEXT,
    Part,
    parameter,
    record,
)
from eventstore.input.schemas import Schema, or_null
from projections.api.parameters import (
    DEFAULT_PAGE_SIZE,
    MAXIMUM_PAGE,
    MAXIMUM_PAGE_SIZE,
    field_of,
)
from projections.queries import Query

#: For making a query that is never sent.
_NO_TENANT = UUID(int=0)

_INTEGER: Schema = {"type": "integer", "minimum": 1 - 10**18, "maximum": 10**18 - 1}
DAY: Schema = {"type": "string", "format": "date"}
_TRUTH: Schema = {"type": "boolean"}

#: How a column is shown, by the kind of its field; amounts by their places, see `_shown`.
SHOWN: dict[str, Schema] = {
    "UUIDField": UUID_TEXT,
    "CharField": {"type": "string"},
    "IntegerField": {"type": "integer"},
    "BigIntegerField": {"type": "integer"},
    "DecimalField": {"type": "string"},
    "DateField": DAY,
    "DateTimeField": TIME_TEXT,
    "BooleanField": _TRUTH,
}

#: What a filter on a column takes, by the kind of its field; as `projections.api.parameters`.
TAKEN: dict[str, Schema] = {
    "UUIDField": UUID_TEXT,
    "CharField": {"type": "string", "pattern": r"^[^\x00]*$"},
    "IntegerField": _INTEGER,
    "BigIntegerField": _INTEGER,
    "DecimalField": {"type": "string", "pattern": r"^-?[0-9]{1,22}(\.[0-9]{1,2})?$"},
    "DateField": DAY,
    "DateTimeField": TIME_TEXT,
    "BooleanField": _TRUTH,
}


def _rows(query: Query) -> QuerySet[Any]:
    return query.rows(_NO_TENANT)


def key_of(query: Query) -> Part:
    return parameter(query.key, "path", UUID_TEXT, "As in the answer of the command that made it.")


def page_of(query: Query) -> dict[str, Schema]:
    return {
        "count": {**COUNT, "description": "Of all rows that match, on any page."},
        "page": FROM_ONE,
        "page_size": FROM_ONE,
        "results": {"type": "array", "items": record(row_of(query))},
    }


def row_of(query: Query) -> dict[str, Schema]:
    rows = _rows(query)
    return {column: _shown(rows, column) for column in query.columns}


def _shown(rows: QuerySet[Any], column: str) -> Schema:
    field = field_of(rows, column)
    schema = dict(SHOWN[field.get_internal_type()])
    if isinstance(field, DecimalField):
        schema["pattern"] = rf"^-?[0-9]+\.[0-9]{{{field.decimal_places}}}$"
    if field.choices:
        schema["enum"] = _words(field)
    # What was annotated comes from another row, which need not be there.
    return or_null(schema) if field.null or column in rows.query.annotations else schema


def list_parameters(query: Query) -> list[Part]:
    return [*_paging(query), *_filters(query)]


def _filters(query: Query) -> list[Part]:
    described, rows = [], _rows(query)
    for column in query.columns:
        field = field_of(rows, column)
        schema = TAKEN[field.get_internal_type()]
        if field.choices:
            schema = {"type": "string", "enum": _words(field)}
        described.append(parameter(column, "query", schema, f"Only rows with this `{column}`."))
    return described


def _words(field: "Field[Any, Any]") -> list[Any]:
    return [value for value, _ in field.flatchoices]


def _paging(query: Query) -> list[Part]:
    size = {
        "type": "integer",
        "minimum": 1,
        "maximum": MAXIMUM_PAGE_SIZE,
        "default": DEFAULT_PAGE_SIZE,
    }
    page = {"type": "integer", "minimum": 1, "maximum": MAXIMUM_PAGE, "default": 1}
    names = "|".join(query.columns)
    # No column twice, then one or more of them.
    ordering = {
        "type": "string",
        "pattern": rf"^(?!(.*,)?-?(\w+),(.*,)?-?\2(,|$))-?({names})(,-?({names}))*$",
        "default": query.key,
    }
    return [
        parameter("page", "query", page, "Counts from 1."),
        parameter("page_size", "query", size, "Rows on a page."),
        parameter(
            "ordering",
            "query",
            ordering,
            f"Columns with commas between, `-` for descending, each at most once: "
            f"`{query.columns[1]},-{query.columns[-1]}`. Rows alike come by `{query.key}`.",
        ),
    ]
