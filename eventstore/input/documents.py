"""From bytes to a JSON object: size, encoding and depth before anything is built.

Stricter than `json.loads`, which takes duplicate keys, NaN and 1e400, and overflows the stack on
a file of open brackets. msgspec does no better; see eventstore.serialization.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from eventstore.errors import BodyTooLarge, MalformedJson

#: Bytes of a request's body.
MAXIMUM_BODY_SIZE = 1024 * 1024

#: Objects and lists within each other; no command comes near it.
MAXIMUM_DEPTH = 32

#: Of an integer; no field holds more.
MAXIMUM_DIGITS = 40

# A string, also one that never ends, so that each character is looked at once; or a bracket.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class JsonFloat:
    """A number with a point or an exponent; kept apart, since a float cannot hold 0.10."""

    text: str


def parse_object(body: bytes, *, maximum_size: int = MAXIMUM_BODY_SIZE) -> dict[str, Any]:
    """A JSON object from UTF-8 bytes; raises BodyTooLarge or MalformedJson."""
    if len(body) > maximum_size:
        raise BodyTooLarge(maximum_size)
    try:
        text = body.decode("utf-8")
        _check_depth(text)
        document = json.loads(
            text,
            object_pairs_hook=_object_without_duplicates,
            parse_int=_read_integer,
            parse_float=JsonFloat,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError:
        raise MalformedJson("it is not UTF-8") from None
    except ValueError as error:
        raise MalformedJson(str(error)) from None
    if not isinstance(document, dict):
        raise MalformedJson("it is no object, {...}")
    return document


def _check_depth(text: str) -> None:
    if text.count("{") + text.count("[") <= MAXIMUM_DEPTH:
        return  # Not even all brackets of the text, one in another, would be too deep.
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0] in "{[":
            depth += 1
        elif found[0] in "}]":
            depth -= 1
        if depth > MAXIMUM_DEPTH:
            raise ValueError(f"it is nested more than {MAXIMUM_DEPTH} levels deep")


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
