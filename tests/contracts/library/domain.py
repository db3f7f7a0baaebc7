"""All that a domain has: commands, events, aggregate, handlers, projection, registration."""

from dataclasses import dataclass
from typing import Annotated, assert_never

from eventstore.aggregates import Aggregate
from eventstore.application import Application, pipeline_from_settings
from eventstore.commands import Command
from eventstore.errors import Refusal
from eventstore.events import Event, RecordedEvent
from eventstore.fields import Text
from eventstore.projections import Plus, Projection, Rows, Table
from eventstore.repository import Repository
from tests.contracts.library.models import BookOnShelf

Title = Annotated[str, Text(minimum=1, maximum=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyBook(Command):
    title: Title


@dataclass(frozen=True, slots=True, kw_only=True)
class LendBook(Command):
    reader: Title


@dataclass(frozen=True, slots=True, kw_only=True)
class BookBought(Event):
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLent(Event):
    reader: str


class BookIsOut(Refusal):
    code = "book_is_out"


@dataclass(slots=True)
class BookState:
    reader: str = ""

    def apply(self, event: BookBought | BookLent) -> None:
        match event:
            case BookBought():
                pass
            case BookLent():
                self.reader = event.reader
            case _:
                assert_never(event)


class Book(Aggregate[BookState]):
    category = "book"
    state_type = BookState

    def buy(self, title: str) -> None:
        self.record(BookBought(title=title))

    def lend(self, reader: str) -> None:
        if self.state.reader:
            raise BookIsOut(f"{self.state.reader} has it. Wait until it is back.")
        self.record(BookLent(reader=reader))


def buy_book(command: BuyBook, repository: Repository) -> None:
    book = repository.create(Book, command.aggregate_id)
    book.buy(command.title)
    repository.save(book)


def lend_book(command: LendBook, repository: Repository) -> None:
    book = repository.load(Book, command.aggregate_id)
    book.lend(command.reader)
    repository.save(book)


def project_shelf(recorded: RecordedEvent[BookBought | BookLent], rows: Rows) -> None:
    event = recorded.event
    match event:
        case BookBought():
            rows.insert(BookOnShelf, recorded.aggregate_id, title=event.title)
        case BookLent():
            rows.update(BookOnShelf, recorded.aggregate_id, reader=event.reader, loans=Plus(1))
        case _:
            assert_never(event)


def build_application() -> Application:
    application = Application(pipeline=pipeline_from_settings())
    application.aggregates.add(Book)
    application.events.name(BookBought, "book.bought")
    application.events.name(BookLent, "book.lent")
    application.commands.handle(BuyBook, buy_book, name="buy-book", creates=True)
    application.commands.handle(LendBook, lend_book, name="lend-book")
    application.projections.inline(
        Projection(
            name="shelf",
            project=project_shelf,
            events=(BookBought, BookLent),
            tables=(Table(BookOnShelf, key=("book_id",)),),
        )
    )
    return application
