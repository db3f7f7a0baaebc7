"""The edge parser: the only way from outside text to a command.

In this order: size, encoding, JSON (no duplicate keys, no NaN, no floats kept), unknown and
missing fields, each field by the type and bounds in the registered dataclass. All field errors
are reported at once.
"""

import json
from dataclasses import MISSING, dataclass, fields
from typing import Any, get_type_hints
from uuid import UUID

from eventstore.api.values import Reader, reader_for
from eventstore.command_types import CommandType
from eventstore.commands import Command
from eventstore.errors import BodyTooLarge, MalformedJson, ValidationFailed

#: Bytes of a request's body.
MAXIMUM_BODY_SIZE = 1024 * 1024

#: Of an integer; no field holds more.
MAXIMUM_DIGITS = 40


@dataclass(frozen=True, slots=True)
class JsonFloat:
    """A number with a point or an exponent; kept apart, since a float cannot hold 0.10."""

    text: str


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """`client_fields`: what the sender filled in, for the fingerprint."""

    command: Command
    client_fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    read: Reader
    required: bool


def parse_command(body: bytes, command_type: CommandType, *, new_id: UUID) -> ParsedCommand:
    """A command from a request's body; `new_id` is for a new aggregate whose id was left out.

    Raises BodyTooLarge, MalformedJson, or ValidationFailed with every wrong field.
    """
    document = parse_object(body)
    values: dict[str, Any] = {}
    errors: dict[str, list[str]] = {}
    known = _fields_of(command_type.command_class)
    for field in known:
        _read_field(field, document, values, errors)
    for name in document.keys() - {field.name for field in known}:
        errors[name] = ["is not a field of this command"]
    if command_type.creates and "aggregate_id" not in document:
        errors.pop("aggregate_id")
        values["aggregate_id"] = new_id
    if errors:
        raise ValidationFailed(errors)
    return ParsedCommand(command_type.command_class(**values), frozenset(document))


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object from UTF-8 bytes; raises BodyTooLarge or MalformedJson."""
    if len(body) > MAXIMUM_BODY_SIZE:
        raise BodyTooLarge(MAXIMUM_BODY_SIZE)
    try:
        document = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_int=_read_integer,
            parse_float=JsonFloat,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError:
        raise MalformedJson("it is not UTF-8") from None
    except RecursionError:
        raise MalformedJson("it is nested too deeply") from None
    except ValueError as error:
        raise MalformedJson(str(error)) from None
    if not isinstance(document, dict):
        raise MalformedJson("it is no object, {...}")
    return document


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for key, _ in pairs:
        key.encode()  # A lone surrogate raises here: no answer could name such a field.
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return result


def _read_integer(text: str) -> int:
    if len(text) > MAXIMUM_DIGITS:
        raise ValueError(f"a number has more than {MAXIMUM_DIGITS} digits")
    return int(text)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _read_field(
    field: _Field, document: dict[str, Any], values: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    if field.name not in document:
        if field.required:
            errors[field.name] = ["is required"]
        return
    try:
        values[field.name] = field.read(document[field.name])
    except ValueError as error:
        errors[field.name] = [str(error)]


#: Made once for each command class.
_fields_by_class: dict[type[Command], tuple[_Field, ...]] = {}


def _fields_of(command_class: type[Command]) -> tuple[_Field, ...]:
    if command_class not in _fields_by_class:
        _fields_by_class[command_class] = _make_fields(command_class)
    return _fields_by_class[command_class]


def _make_fields(command_class: type[Command]) -> tuple[_Field, ...]:
    hints = get_type_hints(command_class, include_extras=True)
    return tuple(
        _Field(
            name=field.name,
            read=reader_for(hints[field.name]),
            required=field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(command_class)
    )
