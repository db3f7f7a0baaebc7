"""A shelf with books: a domain whose state has nested dicts, lists and sets."""

from dataclasses import dataclass, field
from typing import Any

from eventstore.aggregates import Aggregate
from eventstore.application import Application
from eventstore.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class BookPut(Event):
    title: str
    copies: int = 1
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BookTaken(Event):
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfDusted(Event):
    """Changes nothing, and cannot be done while there is no book."""


@dataclass(slots=True)
class ShelfState:
    books: dict[str, dict[str, Any]] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    last: str | None = None

    def apply(self, event: Event) -> None:
        match event:
            case BookPut():
                book = {"copies": event.copies, "tags": list(event.tags)}
                self.books = {**self.books, event.title: book}
                self.tags = frozenset([*event.tags, *self.tags])
                self.last = event.title
            case BookTaken():
                self.books = {k: v for k, v in self.books.items() if k != event.title}
            case ShelfDusted():
                if not self.books:
                    raise LookupError("there is no book to dust")


class Shelf(Aggregate[ShelfState]):
    category = "shelf"
    state_type = ShelfState


def library(*, knows_taken: bool = True) -> Application:
    """Today's code, or that of a release which does not know of taking books."""
    application = Application(pipeline=[])
    application.aggregates.add(Shelf)
    application.events.name(BookPut, "shelf.book_put")
    if knows_taken:
        application.events.name(BookTaken, "shelf.book_taken")
    application.events.name(ShelfDusted, "shelf.dusted")
    return application
