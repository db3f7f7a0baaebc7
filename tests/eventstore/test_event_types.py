"""The table of permanent names refuses what would make an event unreadable."""

import pytest

from eventstore.errors import RegistrationError, UnknownEventType
from eventstore.event_types import EventTypes
from eventstore.serialization import EventSerializer
from tests.eventstore.releases import MOMO, register, upcast_bought_2_to_3


@pytest.fixture
def events() -> EventTypes:
    events = EventTypes()
    register(events)
    return events


def test_two_upcasters_from_one_version_are_refused(events: EventTypes) -> None:
    with pytest.raises(RegistrationError, match="two upcasters from schema version 2"):
        events.upcast("book.bought", 2, upcast_bought_2_to_3)


def test_a_renamed_type_is_read_under_its_new_name_version_for_version(
    events: EventTypes,
) -> None:
    events.rename("book.first_name", "book.second_name")
    events.rename("book.second_name", "book.bought")
    serializer = EventSerializer(events)

    old = '{"name":"Momo by Michael Ende","price":9.5}'
    new = '{"title":"Momo","author":"Michael Ende","price":"9.50"}'
    assert serializer.decode("book.first_name", 1, old) == MOMO
    assert serializer.decode("book.second_name", 4, new) == MOMO
    with pytest.raises(UnknownEventType, match=r"book\.first_name, schema version 5"):
        serializer.decode("book.first_name", 5, new)


@pytest.mark.parametrize(
    "renames",
    [
        [("a", "a")],
        [("a", "b"), ("b", "a")],
        [("a", "b"), ("b", "c"), ("c", "a")],
        [("c", "a"), ("a", "b"), ("b", "c")],
        [("a", "b"), ("a", "c")],
    ],
)
def test_renames_in_a_circle_or_twice_are_refused(renames: list[tuple[str, str]]) -> None:
    events = EventTypes()
    for retired, name in renames[:-1]:
        events.rename(retired, name)

    with pytest.raises(RegistrationError, match="renamed twice, or in a circle"):
        events.rename(*renames[-1])
