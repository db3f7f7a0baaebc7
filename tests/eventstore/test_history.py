"""The state at every version: what it comes to, and where there is none."""

import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings

from eventstore.application import Application
from eventstore.errors import (
    AggregateNotFound,
    Boxed,
    CorruptStream,
    NoSuchVersion,
    NotReplayable,
    RegistrationError,
    UnknownEventType,
)
from eventstore.events import Event
from eventstore.history import History
from eventstore.models import Snapshot, StoredStream, Tenant
from eventstore.snapshots import digest_of
from ledger.accounts.events import AccountOpened
from tests.eventstore.histories import EMPTY, PUT, events, replayed, shelf, store_raw
from tests.eventstore.shelves import BookPut, BookTaken, ShelfDusted, library
from tests.eventstore.support import append


@given(events)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_state_at_a_version_is_the_replay_of_the_events_up_to_it(
    history: History, tenant: Tenant, events: list[Event]
) -> None:
    shelf_id = shelf(tenant, *events)

    for version in range(len(events) + 1):
        state = history.state_at(tenant.id, "shelf", shelf_id, version)
        assert state == replayed(events[:version])


def test_a_set_stands_in_one_order_whoever_put_it_together(
    history: History, tenant: Tenant
) -> None:
    shelf_id = shelf(tenant, BookPut(title="Momo", tags=("c", "a", "b")))

    assert history.state_at(tenant.id, "shelf", shelf_id, 1)["tags"] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("first", "last", "versions"), [(3, 5, [3, 4, 5]), (5, 99, [5, 6]), (7, 9, []), (1, 1, [1])]
)
def test_a_part_of_the_moments_is_told_as_within_the_whole(
    history: History, tenant: Tenant, first: int, last: int, versions: list[int]
) -> None:
    shelf_id = shelf(tenant, *(BookPut(title="Momo", copies=n) for n in range(6)))
    every = list(history.moments(tenant.id, "shelf", shelf_id))

    part = list(history.moments(tenant.id, "shelf", shelf_id, first, last))

    assert part == [every[version - 1] for version in versions]


def test_nothing_but_the_events_is_believed(history: History, tenant: Tenant) -> None:
    """A forged snapshot that every command would load does not come into it."""
    shelf_id = shelf(tenant, PUT, PUT)
    stream = StoredStream.objects.get(aggregate_id=shelf_id)
    schema = library().snapshots.schema_of(library().aggregates.of("shelf"))
    forged = '{"last":"forged"}'
    Snapshot.objects.create(
        stream=stream,
        version=2,
        state_schema=schema,
        state=forged,
        digest=digest_of(bytes(stream.head_hash), schema, forged),
        taken_at=datetime.now(UTC),
    )
    loaded = library().loader.load(tenant.id, library().aggregates.of("shelf"), shelf_id)
    assert loaded is not None
    assert loaded.aggregate.state.last == "forged", "the snapshot is one that would be used"

    assert history.state_at(tenant.id, "shelf", shelf_id, 2)["last"] == "Momo"


@pytest.mark.parametrize("version", [-1, 3, 10**9])
def test_a_version_that_the_stream_does_not_have_is_refused_with_those_it_has(
    history: History, tenant: Tenant, version: int
) -> None:
    shelf_id = shelf(tenant, PUT, PUT)

    with pytest.raises(NoSuchVersion, match=rf"no version {version}\. .* to 2\.$"):
        history.state_at(tenant.id, "shelf", shelf_id, version)


def test_what_is_not_there_or_not_here_is_told_apart(
    history: History, tenant: Tenant, other_tenant: Tenant
) -> None:
    shelf_id = shelf(tenant, PUT)

    for tenant_id, aggregate_id in ((tenant.id, uuid4()), (other_tenant.id, shelf_id)):
        with pytest.raises(AggregateNotFound):
            history.state_at(tenant_id, "shelf", aggregate_id, 0)
        assert list(history.moments(tenant_id, "shelf", aggregate_id)) == []
    with pytest.raises(RegistrationError, match="has no aggregate"):
        history.state_at(tenant.id, "table", shelf_id, 0)


def test_another_category_is_another_stream(tenant: Tenant, application: Application) -> None:
    account = uuid4()
    append(application.store, tenant.id, account, AccountOpened(owner_id=uuid4(), code="1"))

    with pytest.raises(AggregateNotFound):
        application.history.state_at(tenant.id, "person", account, 1)


def test_a_stream_in_cold_storage_says_so(history: History, tenant: Tenant) -> None:
    shelf_id = shelf(tenant, PUT)
    StoredStream.objects.update(status="boxed")

    with pytest.raises(Boxed):
        history.state_at(tenant.id, "shelf", shelf_id, 1)


# Events that give no state -----------------------------------------------------------------------


def test_an_unknown_type_in_the_middle_ends_the_history_there(
    history: History, tenant: Tenant
) -> None:
    shelf_id = shelf(tenant, PUT, PUT, BookTaken(title="Momo"), PUT)
    older = library(knows_taken=False).history

    assert older.state_at(tenant.id, "shelf", shelf_id, 2) == replayed([PUT, PUT])
    for version in (3, 4):
        with pytest.raises(NotReplayable, match=r"From version 3 on, shelf-.* no state") as caught:
            older.state_at(tenant.id, "shelf", shelf_id, version)
        assert caught.value.version == 3
        assert isinstance(caught.value.__cause__, UnknownEventType)
        assert "shelf.book_taken, schema version 1, is not registered" in str(caught.value)

    moments = older.moments(tenant.id, "shelf", shelf_id)
    assert [next(moments).recorded.version, next(moments).recorded.version] == [1, 2]
    with pytest.raises(NotReplayable):
        next(moments)


@pytest.mark.parametrize(
    ("data", "columns", "reason"),
    [
        ('{"title":7}', {}, "Expected `str`, got `int`"),
        ('{"title":"x","more":' + "[" * 3_000 + "]" * 3_000 + "}", {}, "RecursionError"),
        ('{"title":"x"}', {"schema_version": 9}, "schema version 9, is not registered"),
        ('{"title":"x"}', {"metadata": "{}"}, "ValidationError"),
        ("{}", {"type": "shelf.dusted"}, "LookupError: there is no book to dust"),
    ],
)
def test_whatever_is_wrong_with_an_event_one_error_names_its_version(
    history: History, tenant: Tenant, data: str, columns: dict[str, Any], reason: str
) -> None:
    shelf_id = shelf(tenant, BookTaken(title="Momo"))
    store_raw(tenant, shelf_id, 2, data, **columns)

    with pytest.raises(NotReplayable, match=f"From version 2 on, .*{reason}"):
        history.state_at(tenant.id, "shelf", shelf_id, 2)
    assert history.state_at(tenant.id, "shelf", shelf_id, 1) == EMPTY


def test_a_lost_connection_is_no_fault_of_an_event(history: History, tenant: Tenant) -> None:
    shelf_id = shelf(tenant, PUT, PUT, PUT, PUT)
    moments = history.moments(tenant.id, "shelf", shelf_id)
    for _ in range(3):
        next(moments)
    connection.close()
    connection.settings_dict["PORT"], port = "1", connection.settings_dict["PORT"]
    try:
        with pytest.raises(Exception, match="connection") as caught:
            next(moments)
    finally:
        connection.settings_dict["PORT"] = port
    assert not isinstance(caught.value, NotReplayable)


def test_a_hole_and_a_lost_tail_are_no_history(history: History, tenant: Tenant) -> None:
    shelf_id = shelf(tenant, PUT, ShelfDusted())
    store_raw(tenant, shelf_id, 4, '{"title":"x"}')
    with pytest.raises(CorruptStream, match="at version 4, but its events end at 2"):
        history.state_at(tenant.id, "shelf", shelf_id, 4)
    with pytest.raises(CorruptStream):
        list(history.moments(tenant.id, "shelf", shelf_id))

    StoredStream.objects.update(version=9)
    other_id = shelf(tenant, PUT)
    StoredStream.objects.filter(aggregate_id=other_id).update(version=3)
    with pytest.raises(CorruptStream, match="at version 3, but its events end at 1"):
        history.state_at(tenant.id, "shelf", other_id, 2)


@pytest.mark.long
def test_ten_thousand_events_take_well_under_a_second(tenant: Tenant) -> None:
    """One shelf of 10,000 events: its last state, and its last page of changes."""
    shelf_id = shelf(tenant, *(BookPut(title="Momo", copies=n) for n in range(10_000)))
    history = library().history
    started = time.perf_counter()

    state = history.state_at(tenant.id, "shelf", shelf_id, 10_000)
    page = list(history.moments(tenant.id, "shelf", shelf_id, 9_951, 10_000))

    assert time.perf_counter() - started < 2, "both together"
    assert state == page[-1].state
    assert [change.key for change in page[0].changes] == ["books.Momo.copies"]
