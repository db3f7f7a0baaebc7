"""A book that changed its shape three times: renamed, split and retyped; read as of today."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from eventstore.aggregates import Aggregate
from eventstore.application import Application
from eventstore.database import Database
from eventstore.errors import RegistrationError, UnknownEventType, UpcastFailed
from eventstore.event_types import EventTypes
from eventstore.hash_chain import GENESIS
from eventstore.models import StoredEvent, Tenant
from eventstore.serialization import EventSerializer
from eventstore.store import EventStore
from tests.eventstore.releases import (
    MOMO,
    RELEASES,
    STEPS,
    Bought,
    register,
    upcast_bought_3_to_4,
)
from tests.eventstore.support import append


@dataclass(slots=True)
class ShelfState:
    titles: tuple[str, ...] = ()
    worth: Decimal = Decimal(0)

    def apply(self, event: Bought) -> None:
        self.titles += (event.title,)
        self.worth += event.price


class Library(Aggregate[ShelfState]):
    category = "library"
    state_type = ShelfState


@pytest.fixture
def events() -> EventTypes:
    events = EventTypes()
    register(events)
    return events


@pytest.fixture
def library(tenant: Tenant) -> UUID:
    """A stream to which each release has added a book."""
    library_id, version, head_hash = uuid4(), 0, GENESIS
    for schema_version, event in RELEASES:
        released = EventTypes()
        released.name(type(event), "book.bought", schema_version=schema_version)
        (recorded,) = append(
            EventStore(Database(), released),
            tenant.id,
            library_id,
            event,
            category="library",
            expected_version=version,
            head_hash=head_hash,
        )
        version, head_hash = recorded.version, recorded.hash
    return library_id


@pytest.fixture
def application(database: None) -> Application:
    application = Application(pipeline=[])
    register(application.events)
    return application


ALL_ROWS = "SELECT md5(string_agg(e::text, '|' ORDER BY position)) FROM eventstore_event AS e"


def digest_of_all_rows() -> str:
    with connection.cursor() as cursor:
        cursor.execute(ALL_ROWS)
        return cursor.fetchone()[0]


# Reading -----------------------------------------------------------------------------------------


def test_an_aggregate_replays_every_release_as_events_of_today(
    application: Application, tenant: Tenant, library: UUID
) -> None:
    loaded = application.loader.load(tenant.id, Library, library)

    assert loaded is not None
    assert loaded.aggregate.state == ShelfState(("Momo",) * 4, Decimal("38.00"))


def test_readers_get_events_of_today_and_the_schema_version_that_is_stored(
    application: Application, tenant: Tenant, library: UUID
) -> None:
    of_stream = list(application.reader.read_stream(tenant.id, "library", library))

    assert list(application.reader.read_log()) == of_stream
    assert [recorded.event for recorded in of_stream] == [MOMO] * 4
    assert [recorded.schema_version for recorded in of_stream] == [1, 2, 3, 4]


def test_what_is_stored_stays_byte_for_byte(
    application: Application, tenant: Tenant, library: UUID
) -> None:
    before = digest_of_all_rows()

    application.loader.load(tenant.id, Library, library)
    assert len(list(application.reader.read_log())) == 4

    assert digest_of_all_rows() == before
    assert StoredEvent.objects.get(version=1).data == (
        '{"name":"Momo by Michael Ende","price":9.5}'
    )


def test_an_event_of_a_newer_release_is_unknown(events: EventTypes) -> None:
    with pytest.raises(UnknownEventType, match="schema version 5"):
        EventSerializer(events).decode("book.bought", 5, "{}")


@pytest.mark.parametrize("version", [0, -1])
def test_there_is_no_schema_version_before_the_first(events: EventTypes, version: int) -> None:
    with pytest.raises(UnknownEventType):
        EventSerializer(events).decode("book.bought", version, "{}")


def test_a_missing_upcaster_is_no_reason_to_guess() -> None:
    events = EventTypes()
    events.name(Bought, "book.bought", schema_version=2)

    with pytest.raises(RegistrationError, match=r"upcast_bought_1_to_2\(data\) beside tests\."):
        EventSerializer(events).decode("book.bought", 1, "{}")
    with pytest.raises(RegistrationError, match=r'upcast\("book\.bought", 1, upcast_bought_1'):
        EventSerializer(events).decode("book.bought", 1, "{}")


# Upcasters that do wrong -------------------------------------------------------------------------


def raise_key_error(data: dict[str, Any]) -> dict[str, Any]:
    return {"title": data["no such field"]}


def return_nothing(data: dict[str, Any]) -> Any:
    data.clear()


def return_a_list(data: dict[str, Any]) -> Any:
    return list(data)


def leave_the_old_field(data: dict[str, Any]) -> dict[str, Any]:
    return {**upcast_bought_3_to_4(data), "titel": "Momo", 1: "one"}


def lose_a_field(data: dict[str, Any]) -> dict[str, Any]:
    return {"title": data["title"], "price": "1.00"}


def return_a_wrong_type(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "price": "a lot"}


@pytest.mark.parametrize(
    ("upcaster", "problem"),
    [
        (raise_key_error, "raise_key_error raised KeyError"),
        (return_nothing, "return_nothing returned a NoneType, not a dict"),
        (return_a_list, "return_a_list returned a list, not a dict"),
        (leave_the_old_field, "leave_the_old_field left 1, titel, which Bought does not have"),
        (lose_a_field, r"lose_a_field returned what is no Bought \(.*required field `author`\)"),
        (return_a_wrong_type, r"is no Bought \(Invalid decimal string - at `\$\.price`\)"),
    ],
)
def test_an_upcaster_that_does_wrong_refuses_the_whole_stream(
    tenant: Tenant, library: UUID, upcaster: Callable[..., Any], problem: str
) -> None:
    application = Application(pipeline=[])
    application.events.name(Bought, "book.bought", schema_version=4)
    for version, step in enumerate([*STEPS[:2], upcaster], 1):
        application.events.upcast("book.bought", version, step)

    with pytest.raises(UpcastFailed, match=problem) as raised:
        application.loader.load(tenant.id, Library, library)

    error = raised.value
    assert (error.type_name, error.from_version) == ("book.bought", 3)
    assert error.upcaster == upcaster.__name__
    assert "Mend the upcaster; what is stored is as it was." in str(error)


def test_the_upcaster_in_the_middle_is_the_one_that_is_named() -> None:
    events = EventTypes()
    events.name(Bought, "book.bought", schema_version=4)
    for version, step in enumerate([STEPS[0], return_nothing, STEPS[2]], 1):
        events.upcast("book.bought", version, step)

    with pytest.raises(UpcastFailed, match="schema version 2: return_nothing returned"):
        EventSerializer(events).decode("book.bought", 1, '{"name":"Momo","price":1}')


def test_an_upcaster_that_changes_its_input_changes_no_other_event(events: EventTypes) -> None:
    serializer = EventSerializer(events)
    text = '{"title":"Momo","author":"Michael Ende","price":9.5}'

    assert [serializer.decode("book.bought", 3, text) for _ in range(3)] == [MOMO] * 3
