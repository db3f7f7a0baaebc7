"""Between Python values and the JSON text that is stored. The only module that knows msgspec.

msgspec is no input wall: what comes from outside passes `eventstore.input` first.
"""

import dataclasses
from collections.abc import Callable, Hashable
from functools import cache
from hashlib import sha256
from typing import Any, TypeVar, cast

import msgspec
from django.utils.functional import Promise

from eventstore.aggregates import State
from eventstore.errors import UnreadableData, UnreadableEvent
from eventstore.event_types import EventTypes
from eventstore.events import Event, Origin
from eventstore.upcasting import Upcasting

# Decimals become JSON strings, so no reader can turn them into binary floats.
_encoder = msgspec.json.Encoder(decimal_format="string")

encode: Callable[[Any], bytes] = _encoder.encode

#: JSON Lines: each value ends with a line feed, which JSON text itself never contains.
encode_lines: Callable[[Any], bytes] = _encoder.encode_lines


def _text_of(value: Any) -> str:
    if isinstance(value, str | Promise):
        return str(value)  # msgspec takes no subclass of str, nor a text to be translated late.
    raise TypeError(f"{type(value).__name__} has no form in JSON.")


#: An answer to a client; the same, and texts of Django's and REST framework's own kinds.
encode_answer: Callable[[Any], bytes] = msgspec.json.Encoder(
    decimal_format="string", enc_hook=_text_of
).encode


def encode_text(value: Any) -> str:
    """JSON text of a dataclass or of builtins; keys in the order of the fields."""
    return _encoder.encode(value).decode()


#: Stored JSON that goes into an answer byte for byte.
stored_json: Callable[[str], Any] = msgspec.Raw

#: Stored JSON as dicts, lists and strings.
decode_json: Callable[[str], Any] = msgspec.json.decode


def to_builtins(value: Any, *, in_order: bool = False) -> Any:
    """The same value as dicts, lists and strings, as it would stand in JSON.

    `in_order`: what has no order of its own, sets and dicts, is sorted.
    """
    return msgspec.to_builtins(value, order="deterministic" if in_order else None)


StoredT = TypeVar("StoredT")


def decode_as(stored_class: type[StoredT], text: str) -> StoredT:
    """A command, an effect or a process' state from its JSON; raises UnreadableData.

    Also for a field that the class does not have (any more): msgspec would pass over it, and what
    a process knew would be lost when a field is renamed.
    """
    fields = decode_json(text)
    if unknown := fields.keys() - _fields_of(cast("Hashable", stored_class)):
        raise UnreadableData(stored_class.__name__, f"it has {', '.join(sorted(unknown))}")
    try:
        return msgspec.convert(fields, stored_class)
    except msgspec.ValidationError as error:
        raise UnreadableData(stored_class.__name__, str(error)) from error


@cache
def _fields_of(stored_class: Any) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(stored_class))


class EventSerializer:
    """Decodes stored events, with one prepared decoder for each type and schema version."""

    def __init__(self, event_types: EventTypes) -> None:
        self._event_types = event_types
        self._decoders: dict[tuple[str, int], Callable[[str], Event]] = {}

    def decode(self, type_name: str, schema_version: int, data: str) -> Event:
        """The event that was stored, brought to the present schema version.

        Raises UnknownEventType, UpcastFailed or UnreadableEvent rather than guess.
        """
        decode = self._decoders.get((type_name, schema_version))
        if decode is None:
            decode = self._prepare(type_name, schema_version)
        try:
            return decode(data)
        except msgspec.DecodeError as error:
            raise UnreadableEvent(type_name, schema_version, str(error)) from error

    def _prepare(self, type_name: str, schema_version: int) -> Callable[[str], Event]:
        event_type, upcasting = self._event_types.stored_as(type_name, schema_version)
        decode: Callable[[str], Event] = msgspec.json.Decoder(event_type.event_class).decode
        if upcasting.upcasters:
            decode = _OlderDecoder(event_type.event_class, upcasting).decode
        self._decoders[type_name, schema_version] = decode
        return decode


class _OlderDecoder:
    """Decodes events of one type and one schema version that is not the present one."""

    def __init__(self, event_class: type[Event], upcasting: Upcasting) -> None:
        self._event_class = event_class
        self._upcasting = upcasting
        self._fields = schema_of(event_class)["properties"].keys()

    def decode(self, data: str) -> Event:
        upcast = self._upcasting.apply(decode_json(data))
        # msgspec would pass over a field that an upcaster has misspelt, and what was in it. (As it
        # does inside of nested values: golden files must tell.)
        if unknown := upcast.keys() - self._fields:
            raise self._upcasting.misfit(
                f"left {', '.join(sorted(map(str, unknown)))}, which {self._event_class.__name__} "
                "does not have"
            )
        try:
            return msgspec.convert(upcast, self._event_class)
        except msgspec.ValidationError as error:
            problem = f"returned what is no {self._event_class.__name__} ({error})"
            raise self._upcasting.misfit(problem) from error


def schema_of(stored: type[Any]) -> dict[str, Any]:
    """The JSON Schema of what is stored: without texts, and with inner types written out."""
    (top,), components = msgspec.json.schema_components([stored], ref_template="{name}")
    written_out = _written_out(top, components, within=())
    schema: dict[str, Any] = decode_json(encode_text(written_out))  # Defaults as JSON has them.
    return schema


def _written_out(part: Any, components: dict[str, Any], within: tuple[str, ...]) -> Any:
    match part:
        case {"$ref": str(name)} if name not in within:
            component = dict(components[name])
            component.pop("title", None)  # The names of classes, and what they say of themselves,
            component.pop("description", None)  # may change.
            if "required" in component:
                component["required"] = sorted(component["required"])
            return _written_out(component, components, (*within, name))
        case dict():
            return {key: _written_out(inner, components, within) for key, inner in part.items()}
        case list():
            return [_written_out(inner, components, within) for inner in part]
        case _:
            return part


#: The `metadata` column of an event.
decode_origin: Callable[[str], Origin] = msgspec.json.Decoder(Origin).decode


class UnreadableState(Exception):
    """The text of a snapshot is not a state of this code's schema."""


class StateSerializer:
    """Encodes and decodes the states of one aggregate, for snapshots."""

    def __init__(self, state_type: type[State], state_version: int) -> None:
        self.encode: Callable[[State], str] = encode_text
        self._decode = msgspec.json.Decoder(state_type).decode
        #: SHA-256, in hex, over the fields, their types and `state_version`.
        self.schema = sha256(encode([state_version, msgspec.json.schema(state_type)])).hexdigest()

    def decode(self, text: str) -> State:
        """The state that was encoded; raises UnreadableState."""
        try:
            return self._decode(text)
        except msgspec.DecodeError as error:
            raise UnreadableState(str(error)) from error
