"""From a JSON object, or a form's texts, to a command typed by its registered dataclass.

Unknown and missing fields, and each field by the type and bounds in the dataclass: all errors
are reported at once.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, get_type_hints
from uuid import UUID

from eventstore.command_types import CommandType
from eventstore.commands import Command
from eventstore.errors import ValidationFailed
from eventstore.fields import is_process_only
from eventstore.input.documents import parse_object
from eventstore.input.values import Reader, reader_for

#: Unknown names in an answer, and characters of each; a mebibyte has room for a hundred thousand.
MAXIMUM_UNKNOWN_FIELDS = 20
MAXIMUM_SHOWN_NAME = 100


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """`client_fields`: what the sender filled in, for the fingerprint."""

    command: Command
    client_fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class CommandField:
    """One field of a command's class, as the outside may fill it. `hint` is its type."""

    name: str
    hint: Any
    read: Reader
    required: bool


def parse_command(body: bytes, command_type: CommandType, *, new_id: UUID) -> ParsedCommand:
    """A command from JSON; `new_id` is for a new aggregate whose id was left out.

    Raises BodyTooLarge, MalformedJson, or ValidationFailed with every wrong field.
    """
    return read_command(parse_object(body), command_type, new_id=new_id)


def read_command(
    document: Mapping[str, Any], command_type: CommandType, *, new_id: UUID
) -> ParsedCommand:
    """A command from values by name; raises ValidationFailed with every wrong field."""
    known = fields_of(command_type)
    values: dict[str, Any] = {}
    errors = _unknown_fields(document, known)
    for field in known:
        _read_field(field, document, values, errors)
    if errors:
        raise ValidationFailed(errors)
    values.setdefault("aggregate_id", new_id)
    return ParsedCommand(command_type.command_class(**values), frozenset(document))


def _unknown_fields(
    document: Mapping[str, Any], known: tuple[CommandField, ...]
) -> dict[str, list[str]]:
    unknown = sorted(document.keys() - {field.name for field in known})
    shown = [name[:MAXIMUM_SHOWN_NAME] for name in unknown[:MAXIMUM_UNKNOWN_FIELDS]]
    return {name: ["is not a field of this command"] for name in shown}


def _read_field(
    field: CommandField,
    document: Mapping[str, Any],
    values: dict[str, Any],
    errors: dict[str, list[str]],
) -> None:
    if field.name not in document:
        if field.required:
            errors[field.name] = ["is required"]
        return
    try:
        values[field.name] = field.read(document[field.name])
    except ValueError as error:
        errors[field.name] = [str(error)]


@cache
def fields_of(command_type: CommandType) -> tuple[CommandField, ...]:
    """The fields that the outside may fill, in their order.

    `aggregate_id` is required where the command does not create.
    """
    command_class = command_type.command_class
    hints = get_type_hints(command_class, include_extras=True)
    optional = {"aggregate_id"} if command_type.creates else set()
    return tuple(
        CommandField(
            name=field.name,
            hint=hints[field.name],
            read=reader_for(hints[field.name]),
            required=(
                field.default is MISSING
                and field.default_factory is MISSING
                and field.name not in optional
            ),
        )
        for field in fields(command_class)
        if not is_process_only(hints[field.name])
    )
