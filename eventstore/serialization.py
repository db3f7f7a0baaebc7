"""Between Python values and the JSON text that is stored. The only module that knows msgspec.

msgspec is no input wall: what comes from outside passes `eventstore.input` first.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from django.utils.functional import Promise

from eventstore.errors import UnknownEventType
from eventstore.event_types import EventTypes
from eventstore.events import Event, Origin

# Decimals become JSON strings, so no reader can turn them into binary floats.
_encoder = msgspec.json.Encoder(decimal_format="string")

encode: Callable[[Any], bytes] = _encoder.encode


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


#: Stored JSON as dicts, lists and strings.
decode_json: Callable[[str], Any] = msgspec.json.decode


def to_builtins(value: Any) -> Any:
    """The same value as dicts, lists and strings, as it would stand in JSON."""
    return msgspec.to_builtins(value)


class EventSerializer:
    """Encodes events, and decodes stored ones with one prepared decoder for each type."""

    def __init__(self, event_types: EventTypes) -> None:
        self._event_types = event_types
        self._decoders: dict[tuple[str, int], Callable[[str], Event]] = {}

    def decode(self, type_name: str, schema_version: int, data: str) -> Event:
        """The event that was stored; raises UnknownEventType rather than guess."""
        decode = self._decoders.get((type_name, schema_version))
        if decode is None:
            decode = self._prepare(type_name, schema_version)
        return decode(data)

    def _prepare(self, type_name: str, schema_version: int) -> Callable[[str], Event]:
        for event_type in self._event_types:
            if (event_type.name, event_type.schema_version) == (type_name, schema_version):
                decoder = msgspec.json.Decoder(event_type.event_class)
                self._decoders[type_name, schema_version] = decoder.decode
                return decoder.decode
        raise UnknownEventType(type_name, schema_version)


#: The `metadata` column of an event.
decode_origin: Callable[[str], Origin] = msgspec.json.Decoder(Origin).decode
