"""The bounds of a command's fields, written once in its type and used by parser, bus and API.

    Name = Annotated[str, Text(minimum=1, maximum=100)]

A bound has one method, `clean`: it returns the value in its one normal form or raises
`ValueError` with a message for the sender.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Bound(Protocol):
    """What stands in `Annotated[...]` beside a field's type."""

    def clean(self, value: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Text:
    """Text of `minimum` to `maximum` characters, counted after trimming."""

    minimum: int
    maximum: int

    def clean(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be text")
        text = value.strip()
        if not self.minimum <= len(text) <= self.maximum:
            raise ValueError(f"must have {self.minimum} to {self.maximum} characters")
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError("must not contain NUL or a lone surrogate")
        return text


# ASCII digits only: `\d` and Decimal() also take full-width and other digits.
_PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)


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

    def _read(self, value: Any) -> Decimal:
        if isinstance(value, Decimal):
            return value
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= self.below:
            return Decimal(value)
        if isinstance(value, int) and not isinstance(value, bool):
            raise ValueError(f"must be more than 0 and less than {self.below}")
        if isinstance(value, str) and _PLAIN_DECIMAL.fullmatch(value):
            return Decimal(value)
        example = f"{12.34:.{self.places}f}"
        raise ValueError(f'must be an exact amount in text, such as "{example}", or an integer')
