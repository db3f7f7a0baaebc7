"""An event that changed its shape three times, as each release of a library had it."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.event_types import EventTypes
from eventstore.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class BoughtOne(Event):
    name: str
    price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BoughtTwo(Event):
    """`name` renamed to `title`."""

    title: str
    price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BoughtThree(Event):
    """`author` split off `title`."""

    title: str
    author: str
    price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought(Event):
    """`price` retyped; this is schema version 4, today's."""

    title: str
    author: str
    price: Decimal
    shelf: UUID | None = None


def upcast_bought_1_to_2(data: dict[str, Any]) -> dict[str, Any]:
    return {"title": data["name"], "price": data["price"]}


def upcast_bought_2_to_3(data: dict[str, Any]) -> dict[str, Any]:
    title, _, author = data["title"].partition(" by ")
    return {**data, "title": title, "author": author}


def upcast_bought_3_to_4(data: dict[str, Any]) -> dict[str, Any]:
    """Changes what it was given, which is its own."""
    data["price"] = f"{data['price']:.2f}"
    return data


MOMO = Bought(title="Momo", author="Michael Ende", price=Decimal("9.50"))
RELEASES: list[tuple[int, Event]] = [
    (1, BoughtOne(name="Momo by Michael Ende", price=9.5)),
    (2, BoughtTwo(title="Momo by Michael Ende", price=9.5)),
    (3, BoughtThree(title="Momo", author="Michael Ende", price=9.5)),
    (4, MOMO),
]
STEPS: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
    upcast_bought_1_to_2,
    upcast_bought_2_to_3,
    upcast_bought_3_to_4,
]


def register(events: EventTypes) -> None:
    """As today's code does."""
    events.name(Bought, "book.bought", schema_version=4)
    for version, upcaster in enumerate(STEPS, 1):
        events.upcast("book.bought", version, upcaster)
