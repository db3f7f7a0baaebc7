"""Whoever reads all events in order finds those in cold storage among the others, each once."""

from collections.abc import Iterable, Iterator
from itertools import cycle
from typing import Any
from uuid import UUID

import pytest

from eventstore import boxed_events
from eventstore.errors import BoxDamaged
from eventstore.reading import END, EventReader
from ledger.persons.commands import RenamePerson
from tests.eventstore.boxes.stowing import bring_back, file_of, stow
from tests.eventstore.support import World, at_once, reader_of

ALL_TYPES = ("person.registered", "person.renamed")


def persons(world: World, count: int = 3, rounds: int = 5) -> list[UUID]:
    """Persons who are renamed by turns, so that their events lie between each other's."""
    found = [world.person(f"P{number}") for number in range(count)]
    for number in range(rounds):
        for person in found:
            name = f"N{number}"
            world.send(RenamePerson(aggregate_id=person, first_name=name, last_name="X"))
    return found


def windows(
    reader: EventReader, limit: int, *, types: Any = ALL_TYPES, tenant_id: UUID | None = None
) -> Iterator[list[Any]]:
    """The events of each window, from the first one to the end."""
    after, is_more = 0, True
    while is_more:
        scanned = reader.scan(after=after, until=END, limit=limit, tenant_id=tenant_id)
        span = {"after": after, "types": types, "tenant_id": tenant_id}
        found = list(reader.read_batch(scanned, **span))
        assert scanned.events >= len(found)
        if types == ALL_TYPES and tenant_id is None:
            assert scanned.events == len(found)
        assert all(after < event.position <= scanned.last for event in found)
        after, is_more = scanned.last, scanned.is_more
        yield found


def joined(parts: Iterable[list[Any]]) -> list[Any]:
    return [event for part in parts for event in part]


@pytest.mark.parametrize("boxed", [(), (0,), (1, 2), (0, 1, 2)])
def test_windows_of_any_size_have_each_event_once_and_in_order(
    world: World, boxed: tuple[int, ...]
) -> None:
    application = world.application
    some = persons(world)
    every = list(application.reader.read_log())
    assert len(every) == 18
    stow(application, *(some[number] for number in boxed))

    for limit in (*range(1, 8), 17, 18, 19, 1000):
        reader = reader_of(application, page_size=limit)
        parts = list(windows(reader, limit))
        assert joined(parts) == every
        assert all(len(part) < 2 * limit for part in parts), "no window is much larger than asked"
        assert list(reader.read_log()) == every
        assert list(reader.read_log(after=every[4].position)) == every[5:]
        assert list(reader.read_log(until=every[9].position)) == every[:10]


def test_types_and_tenants_are_filtered_in_boxes_too(world: World, elsewhere: World) -> None:
    application = world.application
    mine, others = persons(world, 2), persons(elsewhere, 2)
    every = list(application.reader.read_log())
    stow(application, mine[0], others[0])
    reader = reader_of(application, page_size=4)
    registered = ("person.registered",)

    assert joined(windows(reader, 4, types=registered)) == [e for e in every if e.version == 1]
    for tenant_id, own in ((world.actor.tenant_id, mine), (elsewhere.actor.tenant_id, others)):
        of_tenant = [e for e in every if e.tenant_id == tenant_id]
        assert joined(windows(reader, 4, tenant_id=tenant_id)) == of_tenant
        firsts = windows(reader, 4, types=registered, tenant_id=tenant_id)
        assert [e.aggregate_id for e in joined(firsts)] == own
    assert joined(windows(reader, 4, types=())) == []


def test_of_a_tenant_no_other_tenants_box_is_opened(world: World, elsewhere: World) -> None:
    application = world.application
    (mine,), (other,) = persons(world, 1), persons(elsewhere, 1)
    stow(application, mine, other)
    file_of(application, other).unlink()

    assert len(joined(windows(application.reader, 4, tenant_id=world.actor.tenant_id))) == 6
    with pytest.raises(BoxDamaged):
        list(windows(application.reader, 4))


def test_boxes_may_be_closed_and_opened_between_two_windows(world: World) -> None:
    application = world.application
    some = persons(world)
    every = list(application.reader.read_log())
    turns = cycle((act, person) for person in some for act in (stow, bring_back))
    for limit in (1, 2, 5):
        found: list[Any] = []
        for part in windows(reader_of(application, page_size=limit), limit):
            found += part
            act, person = next(turns)
            act(application, person)
        assert found == every


def test_threads_take_turns_at_the_boxes(world: World, elsewhere: World) -> None:
    application = world.application
    mine, others = persons(world), persons(elsewhere)
    every = list(application.reader.read_log())
    stow(application, *mine[:2], *others[1:])
    reader = reader_of(application, page_size=5)

    def all_of(tenant_id: UUID | None) -> list[Any]:
        for _ in range(10):
            found = joined(windows(reader, 5, tenant_id=tenant_id))
        return found

    wanted = (None, world.actor.tenant_id, elsewhere.actor.tenant_id, None)
    found = at_once(*(lambda tenant_id=tenant_id: all_of(tenant_id) for tenant_id in wanted))

    for tenant_id, events in zip(wanted, found, strict=True):
        assert events == [e for e in every if tenant_id in (None, e.tenant_id)]


def test_what_was_read_of_boxes_is_thrown_away_after_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = world.application
    (person,) = persons(world, 1)
    every = list(application.reader.read_log())
    (file,) = stow(application, person)
    assert list(application.reader.read_log()) == every
    kept = file.read_bytes()
    file.unlink()
    assert list(application.reader.read_log()) == every, "it was verified just now"

    monkeypatch.setattr(boxed_events, "IDLE", 0)
    with pytest.raises(BoxDamaged):
        list(application.reader.read_log())

    file.write_bytes(kept)
    assert list(application.reader.read_log()) == every
    bring_back(application, person)
    assert list(application.reader.read_log()) == every


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content.replace(b"N1", b"N2", 1),
        lambda content: b"",
        lambda content: content + b"\n",
    ],
    ids=["cut off", "changed", "emptied", "longer"],
)
def test_a_damaged_box_stops_whoever_comes_to_it_and_is_read_once_it_is_mended(
    world: World, damage: Any
) -> None:
    application = world.application
    first, second = persons(world, 2)
    every = list(application.reader.read_log())
    stow(application, first)
    stow(application, second)
    file = file_of(application, second)
    content = file.read_bytes()
    file.write_bytes(damage(content))

    for _ in range(2):
        with pytest.raises(BoxDamaged, match=file.name):
            list(application.reader.read_log())
    behind = every[-1].position
    assert list(application.reader.read_log(after=behind)) == [], "nothing of it is needed"

    file.write_bytes(content)
    assert list(application.reader.read_log()) == every
