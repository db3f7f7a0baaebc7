"""An event as it was released, and as careless developers have changed it."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from eventstore.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A part of an event."""

    title: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid(Event):
    """As it was released."""

    account_id: UUID
    amount: Decimal
    day: date | None = None
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LostField(Event):
    account_id: UUID
    day: date | None = None
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RenamedField(Event):
    account_id: UUID
    sum: Decimal
    day: date | None = None
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetypedField(Event):
    account_id: UUID
    amount: int
    day: date | None = None
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetypedPart(Event):
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Line:
        title: str
        amount: int

    account_id: UUID
    amount: Decimal
    day: date | None = None
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewField(Event):
    account_id: UUID
    amount: Decimal
    purpose: str
    day: date | None = None
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LostDefault(Event):
    account_id: UUID
    amount: Decimal
    day: date | None
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherDefault(Event):
    account_id: UUID
    amount: Decimal
    day: date | None = date(2000, 1, 1)
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOptionalField(Event):
    account_id: UUID
    amount: Decimal
    purpose: str = ""
    tags: list[str] = field(default_factory=list)
    day: date | None = None
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeDefault(Event):
    account_id: UUID
    amount: Decimal
    purpose: str = field(default_factory=lambda: "rent")


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherwiseSorted(Event):
    """Other words, another class, another order: the same schema."""

    lines: tuple[Line, ...] = ()
    day: date | None = None
    amount: Decimal
    account_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree(Event):
    branches: tuple["Tree", ...] = ()
