"""Notebooks: a domain with two projections, which a test may disturb at any event."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models.functions import Now

from eventstore.aggregates import Aggregate
from eventstore.application import Application, pipeline_from_settings
from eventstore.commands import Command
from eventstore.errors import AggregateNotFound, MissingRow
from eventstore.events import Event, RecordedEvent
from eventstore.models import Subscription
from eventstore.projections import Latest, Mode, Plus, Projection, Rows
from eventstore.repository import Repository
from eventstore.tenancy import Actor
from eventstore.testing import replay
from tests.eventstore.sample_tables import ITEMS, PLACES, Item, Place
from tests.replay import live_rows

#: Every notebook's rows in `places` have this day in their key.
DAY = date(2024, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Command):
    """Write into a notebook, which is begun where there is none."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scribble(Command):
    """Nobody reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scribbled(Event):
    pass


@dataclass(slots=True)
class NotebookState:
    count: int = 0

    def apply(self, event: Event) -> None:
        self.count += 1


class Notebook(Aggregate[NotebookState]):
    category = "notebook"
    state_type = NotebookState


@dataclass
class Hooks:
    """What happens beside; each may raise, wait, or look around."""

    #: Before `items` takes an event.
    item: Callable[[RecordedEvent[Any]], None] = lambda recorded: None
    #: Before `places` does.
    place: Callable[[RecordedEvent[Any]], None] = lambda recorded: None
    #: Between the claim of a command and its append.
    handler: Callable[[], None] = lambda: None

    def note(self, command: Note, repository: Repository) -> None:
        self._write(command, repository, Noted(text=command.text))

    def scribble(self, command: Scribble, repository: Repository) -> None:
        self._write(command, repository, Scribbled())

    def _write(self, command: Command, repository: Repository, event: Event) -> None:
        self.handler()
        try:
            notebook = repository.load(Notebook, command.aggregate_id)
        except AggregateNotFound:
            notebook = repository.create(Notebook, command.aggregate_id)
        notebook.record(event)
        repository.save(notebook)

    def project_item(self, recorded: RecordedEvent[Noted], rows: Rows) -> None:
        """One row a notebook, with its texts one after the other: order and number show there."""
        self.item(recorded)
        try:
            before = rows.get(Item, recorded.aggregate_id)["note"]
        except MissingRow:
            before = ""
        rows.upsert(
            Item,
            recorded.aggregate_id,
            count=Plus(1),
            note=before + recorded.event.text + " ",
            title=recorded.event.text,
            day=DAY,
            last=Latest(recorded.recorded_at),
        )

    def project_place(self, recorded: RecordedEvent[Noted], rows: Rows) -> None:
        """One row a tenant and version."""
        self.place(recorded)
        rows.upsert(Place, (DAY, recorded.version), count=Plus(1))


@dataclass
class Scene:
    """An application, who acts, and what a test may change."""

    application: Application
    actor: Actor
    hooks: Hooks
    notebook: UUID = field(default_factory=uuid4)

    def note(self, *texts: str, notebook: UUID | None = None) -> list[int]:
        """Write into the notebook; the events' positions."""
        commands = [Note(aggregate_id=notebook or self.notebook, text=text) for text in texts]
        return [self.send(command) for command in commands]

    def scribble(self) -> int:
        return self.send(Scribble(aggregate_id=uuid4()))

    def send(self, command: Command) -> int:
        position = self.application.bus.send(command, actor=self.actor).position
        assert position is not None
        return position

    def work(self) -> int:
        return self.application.subscriptions.work()

    def projection(self, name: str = "items") -> Projection:
        projection = self.application.projections.named(name)
        assert projection is not None
        return projection

    def texts(self, notebook: UUID | None = None) -> list[str]:
        """What `items` has taken of a notebook, in the order in which it did."""
        row = Item.objects.filter(item_id=notebook or self.notebook).first()
        return row.note.split() if row else []

    def numbers(self) -> list[int]:
        """The versions that `places` has taken."""
        return sorted(Place.objects.values_list("number", flat=True))

    def as_replayed(self, name: str, *, without: Sequence[int] = ()) -> bool:
        """Whether the rows are those of all events up to the checkpoint, but these."""
        projection = self.projection(name)
        events = self.application.reader.read_log(until=standing(name).position)
        expected = replay(projection, (e for e in events if e.position not in without)).tables
        return {table.model: live_rows(table) for table in projection.tables} == expected


MODES = {
    Mode.INLINE: lambda table, projection: table.inline(projection),
    Mode.ASYNC: lambda table, projection: table.asynchronous(projection),
    Mode.ON_DEMAND: lambda table, projection: table.on_demand(projection),
    Mode.SCHEDULED: lambda table, projection: table.scheduled(projection, every=60),
}


def scene(
    actor: Actor,
    *,
    items: Mode = Mode.ASYNC,
    places: Mode = Mode.ASYNC,
    hooks: Hooks | None = None,
    retry_after: Sequence[float] = (0, 0, 0, 0),
    without_items: bool = False,
) -> Scene:
    """A process of its own; `retry_after` zero: what failed is due again at once."""
    hooks = hooks or Hooks()
    application = Application(
        pipeline=pipeline_from_settings(),
        retry_after=retry_after,
        cold_storage=settings.EVENTSTORE["COLD_STORAGE_ROOT"],
    )
    application.events.name(Noted, "notebook.noted")
    application.events.name(Scribbled, "notebook.scribbled")
    application.aggregates.add(Notebook)
    application.commands.handle(Note, hooks.note, name="note", creates=True)
    application.commands.handle(Scribble, hooks.scribble, name="scribble", creates=True)
    of_items = Projection(
        name="items", project=hooks.project_item, events=(Noted,), tables=(ITEMS,)
    )
    of_places = Projection(
        name="places", project=hooks.project_place, events=(Noted,), tables=(PLACES,)
    )
    if not without_items:
        MODES[items](application.projections, of_items)
    MODES[places](application.projections, of_places)
    return Scene(application, actor, hooks)


def standing(name: str = "items") -> Subscription:
    return Subscription.objects.get(projection=name)


def make_due(name: str = "items") -> None:
    """Its wait, or its interval, is over."""
    Subscription.objects.filter(projection=name).update(lease_until=Now(), due_at=Now())
