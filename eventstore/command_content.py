"""What the log keeps of a command, and when two of them are the same."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from eventstore.command_types import CommandType
from eventstore.commands import Command
from eventstore.serialization import encode, encode_text, to_builtins


def fingerprint(
    command_type: CommandType,
    command: Command,
    client_fields: frozenset[str] | None = None,
    due_at: datetime | None = None,
) -> bytes:
    """SHA-256 over the name and the fields that the sender filled in, before defaults.

    And over the time for which it was sent, in whichever zone that was said.

    An honest retry must have the same one, so nothing that we generate or hash goes in; and
    nothing that is secret.
    """
    values = _stored_fields(command_type, command)
    fields = {
        name: values[name]
        for name in sorted(values)
        if client_fields is None or name in client_fields
    }
    sent_for = [] if due_at is None else [due_at.astimezone(UTC)]
    return sha256(encode([command_type.name, fields, *sent_for])).digest()


def stored_data(command_type: CommandType, command: Command) -> str:
    """The JSON that the log keeps of a command: all but its secrets."""
    if command_type.secrets:
        return encode_text(_stored_fields(command_type, command))
    return encode_text(command)


def _stored_fields(command_type: CommandType, command: Command) -> dict[str, Any]:
    values: dict[str, Any] = to_builtins(command)
    return {name: value for name, value in values.items() if name not in command_type.secrets}
