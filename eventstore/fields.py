"""The bounds of a command's fields, written once in its type and used by parser, bus and API.

    Name = Annotated[str, Text(minimum=1, maximum=100, example="Alice")]

A bound has two methods. `clean` returns the value in its one normal form or raises `ValueError`
with a message for the sender; `schema` says to programs what `clean` takes.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Bound(Protocol):
    """What stands in `Annotated[...]` beside a field's type."""

    def clean(self, value: Any) -> Any: ...

    def schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of what `clean` takes from JSON, with a list of `examples`."""
        ...


# Sets of characters for regular expressions, in escapes that Python's and JavaScript's share, so
# that parser and schema are made of the same text.

#: What `str.strip()` cuts off.
_BLANK = r"\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
#: Unicode's category Cc.
_CONTROL = r"\x00-\x1f\x7f-\x9f"
#: What takes no ink: Unicode's Default_Ignorable_Code_Point (soft hyphen, zero-width and direction
#: marks, Hangul fillers, variation selectors, tags), other format characters, an empty Braille.
_INKLESS = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    # Beyond four digits the two languages write escapes in different ways.
    "\U00013430-\U00013438\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)

_CONTROL_CHARACTER = re.compile(f"[{_CONTROL}]")
_VISIBLE_CHARACTER = re.compile(f"[^{_BLANK}{_CONTROL}{_INKLESS}]")


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
        seen = f"[^{_BLANK}{_CONTROL}{_INKLESS}][^{_CONTROL}]*" if self.minimum else ""
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


#: Digits on each side of the point; more than any amount has.
_MAXIMUM_DIGITS = 40
# ASCII digits only: `\d` and Decimal() also take full-width and other digits.
_PLAIN_DECIMAL = re.compile(
    rf"-?[0-9]{{1,{_MAXIMUM_DIGITS}}}(\.[0-9]{{1,{_MAXIMUM_DIGITS}}})?", re.ASCII
)


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
            raise ValueError(f"must be more than 0 and less than {self.below}")
        exact = number.quantize(Decimal(1).scaleb(-self.places))
        if exact != number:
            raise ValueError(f"must have at most {self.places} digits after the point")
        return exact

    def schema(self) -> dict[str, Any]:
        """JSON Schema counts 5.0 among the integers, which `clean` does not.

        A pattern counts digits: it is exact where `below` is a power of ten.
        """
        digits = len(str(self.below - 1))
        return {
            "type": ["string", "integer"],
            "pattern": rf"^(?![0.]*$)0{{0,{_MAXIMUM_DIGITS - digits}}}[0-9]{{1,{digits}}}"
            rf"({self._fraction()})?$",
            "minimum": 1,
            "maximum": self.below - 1,
            "examples": [self._example()],
        }

    def _fraction(self) -> str:
        """Zeros may follow the digits that count."""
        if self.places == 0:
            return rf"\.0{{1,{_MAXIMUM_DIGITS}}}"
        return rf"\.[0-9]{{1,{self.places}}}0{{0,{_MAXIMUM_DIGITS - self.places}}}"

    def _read(self, value: Any) -> Decimal:
        if isinstance(value, Decimal):
            return value
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= self.below:
            return Decimal(value)
        if isinstance(value, int) and not isinstance(value, bool):
            raise ValueError(f"must be more than 0 and less than {self.below}")
        if isinstance(value, str) and _PLAIN_DECIMAL.fullmatch(value):
            return Decimal(value)
        raise ValueError(
            f'must be an exact amount in text, such as "{self._example()}", or an integer'
        )

    def _example(self) -> str:
        return f"{min(12.34, self.below / 2):.{self.places}f}"
