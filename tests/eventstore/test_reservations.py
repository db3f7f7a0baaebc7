"""What must be unique across aggregates is taken in the command's own transaction."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventstore.commands import Command
from eventstore.errors import Refusal
from eventstore.models import Reservation, StoredStream
from eventstore.repository import Repository
from eventstore.store import RESERVE
from eventstore.testing import Stream, given
from ledger.persons.aggregate import Person
from ledger.persons.events import PersonRegistered, PersonRenamed
from tests.eventstore.lock_waits import until_waiting
from tests.eventstore.own import own_application
from tests.eventstore.support import PATIENCE, World, at_once, raw_connection

SCOPE = "badge"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBadge(Command):
    """Give a person a badge that nobody else has."""

    badge: str
    refuse: bool = False


class BadgeTaken(Refusal):
    code = "badge_taken"


def take_badge(command: TakeBadge, repository: Repository) -> None:
    person = repository.load(Person, command.aggregate_id)
    if not repository.reserve(SCOPE, command.badge, person):
        raise BadgeTaken(command.badge)
    person.rename(command.badge, "Badge")
    repository.save(person)
    if command.refuse:
        raise BadgeTaken("for another reason")


def take_badge_too_early(command: TakeBadge, repository: Repository) -> None:
    person = repository.create(Person, command.aggregate_id)
    repository.reserve(SCOPE, command.badge, person)


@pytest.fixture
def badges(world: World) -> World:
    application = own_application()
    application.commands.handle(TakeBadge, take_badge, name="take-badge")
    return World(application, world.actor)


def taken(world: World, person_id: UUID, badge: str = "7", **options: Any) -> bool:
    try:
        world.send(TakeBadge(aggregate_id=person_id, badge=badge, **options))
    except BadgeTaken:
        return False
    return True


def holders() -> list[tuple[str, UUID]]:
    return list(Reservation.objects.order_by("key").values_list("key", "stream__aggregate_id"))


def test_who_comes_first_has_the_name(badges: World) -> None:
    first, second = badges.person(), badges.person()

    assert taken(badges, first)
    assert not taken(badges, second)
    assert taken(badges, second, "8")
    assert holders() == [("7", first), ("8", second)]


def test_who_has_the_name_already_keeps_it(badges: World) -> None:
    person = badges.person()

    assert taken(badges, person)
    badges.send(TakeBadge(aggregate_id=person, badge="8"))
    assert taken(badges, person)
    assert holders() == [("7", person), ("8", person)]


def test_a_refused_command_gives_the_name_up(badges: World) -> None:
    first, second = badges.person(), badges.person()

    assert not taken(badges, first, refuse=True)
    assert taken(badges, second)
    assert holders() == [("7", second)]


def test_a_name_is_unique_within_its_tenant_and_its_scope(badges: World, elsewhere: World) -> None:
    other = World(badges.application, elsewhere.actor)
    here, there = badges.person(), other.person()
    store = badges.application.store

    assert taken(badges, here)
    assert taken(other, there)
    assert store.reserve(badges.actor.tenant_id, "locker", "7", badges.person())
    assert Reservation.objects.count() == 3


def test_another_tenants_aggregate_cannot_be_given_a_name(badges: World, elsewhere: World) -> None:
    theirs = elsewhere.person()

    assert not badges.application.store.reserve(badges.actor.tenant_id, SCOPE, "7", theirs)
    assert not Reservation.objects.exists()


def test_a_name_stays_taken_while_its_aggregate_is_boxed(badges: World) -> None:
    first, second = badges.person(), badges.person()
    taken(badges, first)
    StoredStream.objects.filter(aggregate_id=first).update(status="boxed")

    assert not taken(badges, second)
    assert holders() == [("7", first)]


def test_an_aggregate_without_events_can_hold_no_name(world: World) -> None:
    application = own_application()
    application.commands.handle(TakeBadge, take_badge_too_early, name="take-badge")
    early = World(application, world.actor)

    with pytest.raises(ValueError, match=r"no stream that could hold badge 7\. Save it first"):
        early.send(TakeBadge(aggregate_id=uuid4(), badge="7"))


@pytest.mark.parametrize("commits", [True, False])
def test_who_comes_second_waits_for_the_first_to_end(badges: World, commits: bool) -> None:
    first, second = badges.person(), badges.person()
    # In the database's own client, whose transaction stays open for as long as the test wants.
    whom = (SCOPE, "7", badges.actor.tenant_id, first)
    with raw_connection() as rival, ThreadPoolExecutor(1) as threads:
        rival.execute(RESERVE, whom)
        waiting = threads.submit(at_once, lambda: taken(badges, second))
        until_waiting()
        if commits:
            rival.commit()
        else:
            rival.rollback()
        assert waiting.result(PATIENCE) == [not commits]

    assert holders() == [("7", first if commits else second)]


def test_of_many_at_once_one_gets_it(badges: World) -> None:
    people = [badges.person() for _ in range(8)]

    results = at_once(*(partial(taken, badges, person) for person in people))

    assert sorted(results) == [False] * 7 + [True]
    assert holders() == [("7", people[results.index(True)])]


# Without a database ------------------------------------------------------------------------------

ONE, OTHER = uuid4(), uuid4()
HERE = Stream(Person, ONE, PersonRegistered(first_name="A", last_name="B"))
TAKE = TakeBadge(aggregate_id=ONE, badge="7")


def test_a_test_without_a_database_reserves_alike() -> None:
    outcome = given(HERE).when(TAKE, take_badge)
    outcome.then(PersonRenamed(first_name="7", last_name="Badge"))
    assert outcome.reserved == {(SCOPE, "7"): ONE}

    own = given(HERE, reserved={(SCOPE, "7"): ONE}).when(TAKE, take_badge)
    assert own.reserved == {(SCOPE, "7"): ONE}
    assert own.refusal is None

    others = given(HERE, reserved={(SCOPE, "7"): OTHER}).when(TAKE, take_badge)
    others.then_refused(BadgeTaken)
    refused = TakeBadge(aggregate_id=ONE, badge="7", refuse=True)
    assert given(HERE).when(refused, take_badge).reserved == {}
    with pytest.raises(ValueError, match="not saved yet"):
        given().when(TAKE, take_badge_too_early)
