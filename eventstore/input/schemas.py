"""What the readers of `eventstore.input.values` take, as JSON Schema for the API's description."""

from datetime import date, datetime
from types import NoneType
from typing import Any, get_args
from uuid import UUID

from eventstore.fields import bound_of

#: Stands in examples wherever an id is asked for.
EXAMPLE_ID = "0a1b2c3d-0000-4000-8000-000000000000"

Schema = dict[str, Any]


def schema_for(hint: Any) -> Schema:
    """The JSON Schema of a field's type hint; takes the hints that `reader_for` takes."""
    choices = [choice for choice in get_args(hint) if choice is not NoneType]
    if NoneType in get_args(hint):
        return or_null(schema_for(choices[0]))
    if (bound := bound_of(hint)) is not None:
        return bound.schema()
    if hint not in _SCHEMAS:
        raise TypeError(f"{hint} is no type that a command's field can have")
    return dict(_SCHEMAS[hint])


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    if {"type", "enum", "const"} & schema.keys() != {"type"}:
        return {"anyOf": [schema, {"type": "null"}]}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*kinds, "null"]}


_SCHEMAS: dict[Any, Schema] = {
    UUID: {"type": "string", "format": "uuid", "examples": [EXAMPLE_ID]},
    date: {"type": "string", "format": "date", "examples": ["1994-03-31"]},
    datetime: {"type": "string", "format": "date-time", "examples": ["1994-03-31T12:00:00Z"]},
}
