"""The queries' part of the API's description, made from their specs and their models' fields."""

from typing import Any
from uuid import UUID

from django.db.models import DecimalField, Field, QuerySet

from eventstore.api.openapi.parts import (
    COUNT,
    FROM_ONE,
    OF_ANY_CALL,
    READING,
    SENT_NUMBER,
    TENANT,
    TIME_TEXT,
    UUID_TEXT,
    Part,
    Problems,
    answer,
    header,
    parameter,
    record,
)
from eventstore.input.schemas import Schema, or_null
from projections.api.parameters import (
    DEFAULT_PAGE_SIZE,
    MAXIMUM_PAGE,
    MAXIMUM_PAGE_SIZE,
    MAXIMUM_WAIT,
    field_of,
)
from projections.queries import Query

TAG = "Queries"

#: For making a query that is never sent.
_NO_TENANT = UUID(int=0)

_INTEGER: Schema = {"type": "integer", "minimum": 1 - 10**18, "maximum": 10**18 - 1}
_DAY: Schema = {"type": "string", "format": "date"}
_TRUTH: Schema = {"type": "boolean"}

#: How a column is shown, by the kind of its field; amounts by their places, see `_shown`.
SHOWN: dict[str, Schema] = {
    "UUIDField": UUID_TEXT,
    "CharField": {"type": "string"},
    "IntegerField": {"type": "integer"},
    "BigIntegerField": {"type": "integer"},
    "DecimalField": {"type": "string"},
    "DateField": _DAY,
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
    "DateField": _DAY,
    "DateTimeField": TIME_TEXT,
    "BooleanField": _TRUTH,
}

_POSITION = {"X-Position": header(COUNT, "What is shown contains all events up to this position.")}

_WANTED = [
    parameter(
        "min_position",
        "query",
        SENT_NUMBER,
        "The `position` of a command's answer: what is shown shall contain it. Beyond the last "
        "position there is: 400.",
    ),
    parameter(
        "wait",
        "query",
        {"type": "integer", "minimum": 0, "maximum": MAXIMUM_WAIT, "default": 0},
        "Seconds to wait for `min_position`.",
    ),
]


def query_paths(queries: tuple[Query, ...], problems: Problems) -> dict[str, Part]:
    """A list and a detail for each query."""
    described: dict[str, Part] = {}
    for query in queries:
        rows = query.rows(_NO_TENANT)
        key = f"/api/{query.name}/{{{query.key}}}"
        described[f"/api/{query.name}"] = {"get": _list(query, rows, problems)}
        described[key] = {"get": _detail(query, rows, problems)}
    return described


def _list(query: Query, rows: QuerySet[Any], problems: Problems) -> Part:
    page = record(
        {
            "count": {**COUNT, "description": "Of all rows that match, on any page."},
            "page": FROM_ONE,
            "page_size": FROM_ONE,
            "results": {"type": "array", "items": _row(query, rows)},
        }
    )
    return {
        "tags": [TAG],
        "operationId": f"list_{query.name}",
        "summary": f"All {query.name}, a page at a time.",
        "parameters": [*_paging(query), *_filters(query, rows), *_WANTED, TENANT],
        "security": READING,
        "responses": {
            "200": answer("A page; past the end it is empty.", page, _POSITION),
            **problems.answers(OF_ANY_CALL),
        },
    }


def _detail(query: Query, rows: QuerySet[Any], problems: Problems) -> Part:
    key = parameter(query.key, "path", UUID_TEXT, "As in the answer of the command that made it.")
    return {
        "tags": [TAG],
        "operationId": f"read_{query.category}",
        "summary": f"One {query.category}.",
        "parameters": [key, *_WANTED, TENANT],
        "security": READING,
        "responses": {
            "200": answer("It is there.", _row(query, rows), _POSITION),
            **problems.answers(OF_ANY_CALL),
        },
    }


def _row(query: Query, rows: QuerySet[Any]) -> Schema:
    return record({column: _shown(rows, column) for column in query.columns})


def _shown(rows: QuerySet[Any], column: str) -> Schema:
    field = field_of(rows, column)
    schema = dict(SHOWN[field.get_internal_type()])
    if isinstance(field, DecimalField):
        schema["pattern"] = rf"^-?[0-9]+\.[0-9]{{{field.decimal_places}}}$"
    if field.choices:
        schema["enum"] = _words(field)
    # What was annotated comes from another row, which need not be there.
    return or_null(schema) if field.null or column in rows.query.annotations else schema


def _filters(query: Query, rows: QuerySet[Any]) -> list[Part]:
    described = []
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
