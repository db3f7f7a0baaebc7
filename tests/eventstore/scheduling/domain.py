"""A tiny domain for commands for later: pages of a diary, and what is written on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

from django.contrib.auth.models import User

from eventstore.aggregates import Aggregate
from eventstore.application import Application, pipeline_from_settings
from eventstore.commands import Command, Result
from eventstore.errors import Refusal
from eventstore.events import Event
from eventstore.fields import Secret, Text
from eventstore.models import StoredCommand, StoredEvent, Tenant
from eventstore.repository import Repository
from eventstore.serialization import decode_json
from eventstore.tenancy import OPERATORS, Actor, Role
from tests.eventstore.support import World

#: When everything here begins to be due: a second apart, long ago.
START = datetime(2001, 1, 1, tzinfo=UTC)
LATER = datetime(2999, 1, 1, tzinfo=UTC)


class PageFull(Refusal):
    code = "page_full"

    def __init__(self) -> None:
        super().__init__("The page is full. Take another one.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written(Event):
    word: str


@dataclass(slots=True)
class PageState:
    words: int = 0

    def apply(self, event: Written) -> None:
        self.words += 1


class Page(Aggregate[PageState]):
    category = "page"
    state_type = PageState

    def write(self, word: str) -> None:
        if word == "too much":
            raise PageFull
        self.record(Written(word=word))


@dataclass(frozen=True, slots=True, kw_only=True)
class Write(Command):
    """Write a word on a page, which is a new one if it `begins`."""

    word: Annotated[str, Text(1, 20)]
    begins: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Whisper(Command):
    word: Annotated[str, Secret(1, 10)] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blot(Write):
    """For operators alone."""


def whisper(command: Command, repository: Repository) -> None:
    raise AssertionError("nobody sends this")


@dataclass
class Diary:
    """The handlers, and a test's way in: called with every word that is to be written."""

    before: Callable[[str], None] = lambda word: None
    tried: list[str] = field(default_factory=list)

    def write(self, command: Write, repository: Repository) -> None:
        self.tried.append(command.word)
        self.before(command.word)
        take = repository.create if command.begins else repository.load
        page = take(Page, command.aggregate_id)
        page.write(command.word)
        repository.save(page)


@dataclass
class Scene:
    """An application, and Mary, who has things done later."""

    application: Application
    actor: Actor
    diary: Diary

    def later(
        self, word: str, *, after: float = 0, page: UUID | None = None, **options: Any
    ) -> Result:
        """Have it written so many seconds after the start, by default on a page of its own."""
        command = Write(aggregate_id=page or uuid4(), word=word, begins=page is None)
        return self.schedule(command, at=START + timedelta(seconds=after), **options)

    def page(self) -> UUID:
        """The id of a page on which something was written at once."""
        page_id = uuid4()
        command = Write(aggregate_id=page_id, word="now")
        self.application.bus.send(command, actor=self.actor)
        return page_id

    def schedule(self, command: Command, at: datetime = START, **options: Any) -> Result:
        options = {"actor": self.actor} | options
        return self.application.scheduling.schedule(command, at=at, **options)

    def run(self, **options: Any) -> int:
        return self.application.scheduling.run_due(**options)


def scene_of(
    tenant: Tenant,
    *,
    lease_seconds: float = 10,
    retry_after: Sequence[float] = (0, 0, 0, 0),
) -> Scene:
    """`retry_after` zero: what failed is due again at once."""
    application = Application(
        pipeline=pipeline_from_settings(), lease_seconds=lease_seconds, retry_after=retry_after
    )
    diary = register(application)
    return Scene(application, member_of(application, tenant), diary)


def register(application: Application) -> Diary:
    diary = Diary()
    application.events.name(Written, "page.written")
    application.aggregates.add(Page)
    application.commands.handle(Write, diary.write, name="write", creates=True)
    application.commands.handle(Blot, diary.write, name="blot", roles=OPERATORS)
    application.commands.handle(Whisper, whisper, name="whisper")
    return diary


def member_of(application: Application, tenant: Tenant, role: Role = Role.MEMBER) -> Actor:
    """Mary, who has this role now."""
    mary = User.objects.filter(username="mary").first() or User.objects.create_user("mary")
    application.access.add_member(tenant, mary, role, by="a test")
    return Actor(tenant_id=tenant.pk, user="mary", role=role)


def words() -> list[str]:
    """What was written, in the order of its positions."""
    data = StoredEvent.objects.order_by("position").values_list("data", flat=True)
    return [decode_json(each)["word"] for each in data]


def logged(result: Result) -> StoredCommand:
    return StoredCommand.objects.get(id=result.command_id)


def statuses() -> dict[str, int]:
    """How many commands there are in each status."""
    found: dict[str, int] = {}
    for status in StoredCommand.objects.values_list("status", flat=True):
        found[status] = found.get(status, 0) + 1
    return found


def schedule(world: World, command: Command) -> None:
    """In the sample application, as its Mary; due long ago."""
    member_of(world.application, Tenant.objects.get(pk=world.actor.tenant_id))
    world.application.scheduling.schedule(command, at=START, actor=world.actor)
