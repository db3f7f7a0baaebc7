"""The bounds of a command's fields, written once in its type and used by parser, bus and API.

    Name = Annotated[str, Text(minimum=1, maximum=100, example="Alice")]

A bound has two methods. `clean` returns the value in its one normal form or raises `ValueError`
with a message for the sender; `schema` says to programs what `clean` takes.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from types import NoneType
from typing import Annotated, Any, Protocol, get_args, get_origin, runtime_checkable


@runtime_checkable
class Bound(Protocol):
    """What stands in `Annotated[...]` beside a field's type."""

    def clean(self, value: Any) -> Any: ...

    def schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of what `clean` takes from JSON, with a list of `examples`."""
        ...


def bound_of(hint: Any) -> Bound | None:
    """The bound inside a type hint such as `Annotated[str, Text(1, 100)] | None`, or None."""
    if get_origin(hint) is Annotated:
        return next((extra for extra in get_args(hint)[1:] if isinstance(extra, Bound)), None)
    for part in get_args(hint):
        if part is not NoneType and (bound := bound_of(part)) is not None:
            return bound
    return None


@dataclass(frozen=True, slots=True)
class ProcessOnly:
    """Marks a field that only a process manager sets: for the outside it does not exist.

    transfer_id: Annotated[UUID | None, ProcessOnly()] = None
    """


def is_process_only(hint: Any) -> bool:
    return get_origin(hint) is Annotated and ProcessOnly() in get_args(hint)[1:]


# Sets of characters for regular expressions, in escapes that Python's and JavaScript's share, so
# that parser and schema are made of the same text.

#: What `str.strip()` cuts off.
_BLANK = r"\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
#: Unicode's category Cc.
_CONTROL = r"\x00-\x1f\x7f-\x9f"
#: What takes no ink: Unicode's Default_Ignorable_Code_Point (soft hyphen, zero-width and direction
#: marks, Hangul fillers, variation selectors, tags), other format characters, an empty Braille.
INKLESS = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    # Beyond four digits the two languages write escapes in different ways.
    "\U00013430-\U00013438\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)

_CONTROL_CHARACTER = re.compile(f"[{_CONTROL}]")
_VISIBLE_CHARACTER = re.compile(f"[^{_BLANK}{_CONTROL}{INKLESS}]")


@dataclass(frozen=True, slots=True)
class Text:
    """Text of `minimum` to `maximum` characters, counted after trimming.

    No control characters, and something to see where it may not be empty: a name of zero-width
    spaces would look like none.
    """

    minimum: int
    maximum: int
    #: For the API's description; None: a placeholder.
    example: str | None = None

    def clean(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be text")
        text = value.strip()
        if not self.minimum <= len(text) <= self.maximum:
            raise ValueError(f"must have {self.minimum} to {self.maximum} characters")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError("must not contain a lone surrogate")
        if _CONTROL_CHARACTER.search(text):
            raise ValueError("must not contain control characters, such as NUL, tab or line break")
        if self.minimum and not _VISIBLE_CHARACTER.search(text):
            raise ValueError("must contain a visible character")
        return text

    def schema(self) -> dict[str, Any]:
        """Its `maxLength` also counts blanks around the text, which a sender may leave out."""
        seen = f"[^{_BLANK}{_CONTROL}{INKLESS}][^{_CONTROL}]*" if self.minimum else ""
        schema = {
            "type": "string",
            "minLength": self.minimum,
            "maxLength": self.maximum,
            "pattern": f"^[{_BLANK}]*[^{_CONTROL}]*{seen}[{_BLANK}]*$",
            "examples": [self._example()],
        }
        if self.minimum > 1:
            # From the first character that is not blank to the last one.
            ends, between = f"[^{_BLANK}]", f"[^{_CONTROL}]{{{self.minimum - 2},}}"
            schema["allOf"] = [{"pattern": f"{ends}{between}{ends}"}]
        return schema

    def _example(self) -> str:
        if self.example is not None:
            return self.example
        return ("text" * self.maximum)[: max(self.minimum, min(4, self.maximum))]


# ASCII digits only: `\d` and Decimal() also take full-width and other digits. More than forty
# on either side of the point are no amount.
_PLAIN_DECIMAL = re.compile(r"-?([0-9]{1,40})(?:\.([0-9]{1,40}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ExactDecimal:
    """A decimal above zero and below `below`, with at most `places` digits after the point.

    Taken from a Decimal, an integer or plain digits in text; never from a float, which cannot
    hold 0.10. The normal form has exactly `places` digits after the point.
    """

    places: int
    below: int

    def clean(self, value: Any) -> Decimal:
        number = self._read(value)
        if not number.is_finite() or not 0 < number < self.below:
            raise ValueError(self._out_of_bounds())
        exact = number.quantize(Decimal(1).scaleb(-self.places))
        if exact != number:
            raise ValueError(self._too_many_places())
        return exact

    def schema(self) -> dict[str, Any]:
        """JSON Schema counts 5.0 among the integers, which `clean` does not.

        A pattern counts digits: it is exact where `below` is a power of ten.
        """
        fraction = rf"(\.[0-9]{{1,{self.places}}})?" if self.places else ""
        return {
            "type": ["string", "integer"],
            "pattern": rf"^(?![0.]*$)[0-9]{{1,{self._whole_digits()}}}{fraction}$",
            "minimum": 1,
            "maximum": self.below - 1,
            "examples": [self._example()],
        }

    def _read(self, value: Any) -> Decimal:
        if isinstance(value, Decimal):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            if abs(value) > self.below:  # Decimal() of a million digits would take its time.
                raise ValueError(self._out_of_bounds())
            return Decimal(value)
        if isinstance(value, str) and (found := _PLAIN_DECIMAL.fullmatch(value)):
            # Digits count as written, zeros too, so that `schema` can say the same in a pattern.
            if len(found[1]) > self._whole_digits():
                raise ValueError(self._out_of_bounds())
            if len(found[2] or "") > self.places:
                raise ValueError(self._too_many_places())
            return Decimal(value)
        raise ValueError(
            f'must be an exact amount in text, such as "{self._example()}", or an integer'
        )

    def _whole_digits(self) -> int:
        return len(str(self.below - 1))

    def _out_of_bounds(self) -> str:
        return f"must be more than 0 and less than {self.below}"

    def _too_many_places(self) -> str:
        return f"must have at most {self.places} digits after the point"

    def _example(self) -> str:
        return f"{min(12.34, self.below / 2):.{self.places}f}"


@dataclass(frozen=True, slots=True)
class Secret:
    """A password: `minimum` to `maximum` characters, taken exactly as they are.

    It reaches the handler and nothing else: the command log, fingerprints and forms leave the
    field out. Write it as `password: Annotated[str, Secret(8, 128)] = field(repr=False)`.
    """

    minimum: int
    maximum: int

    def clean(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be text")
        if not self.minimum <= len(value) <= self.maximum:
            raise ValueError(f"must have {self.minimum} to {self.maximum} characters")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("must not contain a lone surrogate")
        return value

    def schema(self) -> dict[str, Any]:
        return {
            "type": "string",
            "format": "password",
            "writeOnly": True,
            "minLength": self.minimum,
            "maxLength": self.maximum,
            "examples": [
                ("correct horse battery staple " * self.maximum)[
                    : min(max(self.minimum, 28), self.maximum)
                ]
            ],
        }
