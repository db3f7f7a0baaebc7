"""The state at every version, and what each event changed."""

import json
import time
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventstore.application import Application
from eventstore.changes import Change, changes_between
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
from eventstore.models import Snapshot, StoredEvent, StoredStream, Tenant
from eventstore.reading import EventReader
from eventstore.serialization import to_builtins
from ledger.accounts.events import AccountOpened
from tests.eventstore.shelves import BookPut, BookTaken, ShelfDusted, ShelfState, library
from tests.eventstore.support import append

PUT = BookPut(title="Momo", copies=2, tags=("novel",))
EMPTY = {"books": {}, "tags": [], "last": None}

titles = st.sampled_from(["Momo", "Emma", "Ulysses"])
tags = st.lists(st.sampled_from("abcdef"), max_size=3).map(tuple)
puts = st.builds(BookPut, title=titles, copies=st.integers(1, 3), tags=tags)
events = st.lists(puts | st.builds(BookTaken, title=titles), min_size=1, max_size=12)


@pytest.fixture
def history(application: Application) -> History:
    """Of a library; pages of three, so that a handful of events takes several."""
    shelves = library()
    reader = EventReader(shelves.database, shelves.events, page_size=3)
    return History(shelves.store, reader, shelves.aggregates)


def shelf(tenant: Tenant, *events: Event) -> UUID:
    """The id of a new shelf with these events."""
    shelf_id = uuid4()
    append(library().store, tenant.id, shelf_id, *events, category="shelf")
    return shelf_id


def store_raw(tenant: Tenant, shelf_id: UUID, version: int, data: str, **columns: Any) -> None:
    """An event as no code of today writes it, at the stream's end."""
    stream = StoredStream.objects.get(aggregate_id=shelf_id)
    known = StoredEvent.objects.filter(stream=stream).earliest("version")
    values = {"type": "shelf.book_put", "schema_version": 1, "metadata": known.metadata} | columns
    StoredEvent.objects.create(
        stream=stream,
        version=version,
        tenant=tenant,
        data=data,
        recorded_at=known.recorded_at,
        hash=b"\xab" * 32,
        **values,
    )
    StoredStream.objects.filter(pk=stream.pk).update(version=version)


def replayed(some: list[Event]) -> dict[str, Any]:
    """By hand: what the history must come to."""
    state = ShelfState()
    for event in some:
        state.apply(event)
    return to_builtins(state, in_order=True)


def applied(changes: list[Change], before: dict[str, Any]) -> dict[str, Any]:
    """The state before, changed as the changes say."""
    state = deepcopy(before)
    for change in changes:
        *path, last = change.key.split(".")
        part = state
        for key in path:
            part = part[key]
        assert (last in part) == (change.kind != "added")
        assert part.get(last) == change.before
        if change.kind == "removed":
            del part[last]
        else:
            part[last] = change.after
    return state


@given(events)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_state_at_a_version_is_the_replay_of_the_events_up_to_it(
    history: History, tenant: Tenant, events: list[Event]
) -> None:
    shelf_id = shelf(tenant, *events)

    for version in range(len(events) + 1):
        state = history.state_at(tenant.id, "shelf", shelf_id, version)
        assert state == replayed(events[:version])


@given(events)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_changes_applied_to_the_state_before_give_the_state_after(
    history: History, tenant: Tenant, events: list[Event]
) -> None:
    shelf_id = shelf(tenant, *events)
    before = EMPTY

    for version, moment in enumerate(history.moments(tenant.id, "shelf", shelf_id), 1):
        assert (moment.recorded.version, moment.recorded.event) == (version, events[version - 1])
        assert moment.state == replayed(events[:version])
        assert applied(moment.changes, before) == moment.state
        before = moment.state

    assert before == replayed(events)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.floats(0, 1) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("kl"), inner),
)
states = st.dictionaries(st.sampled_from("xyz"), json_values).map(
    lambda state: json.loads(json.dumps(state, sort_keys=True))
)


@given(states, states)
def test_any_two_states_differ_by_their_changes(before: dict, after: dict) -> None:
    changes = list(changes_between(before, after))

    assert applied(changes, before) == after
    assert bool(changes) == (json.dumps(before) != json.dumps(after))


def test_a_change_names_its_key_its_kind_and_both_values(history: History, tenant: Tenant) -> None:
    more = BookPut(title="Momo", copies=3, tags=("novel",))
    shelf_id = shelf(tenant, PUT, more, BookTaken(title="Momo"), BookTaken(title="Momo"))

    told = [moment.changes for moment in history.moments(tenant.id, "shelf", shelf_id)]

    book = {"copies": 2, "tags": ["novel"]}
    assert told == [
        [
            Change("added", "books.Momo", None, book),
            Change("changed", "tags", [], ["novel"]),
            Change("changed", "last", None, "Momo"),
        ],
        [Change("changed", "books.Momo.copies", 2, 3)],
        [Change("removed", "books.Momo", book | {"copies": 3}, None)],
        [],
    ]


@pytest.mark.parametrize(("before", "after"), [(1, True), (1, 1.0), ("1.10", "1.1"), ([1], [2])])
def test_what_python_calls_equal_and_json_does_not_is_a_change(before: Any, after: Any) -> None:
    assert list(changes_between({"x": before}, {"x": after})) == [
        Change("changed", "x", before, after)
    ]


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
    Snapshot.objects.create(
        stream=stream,
        version=2,
        state_schema=schema,
        state='{"last":"forged"}',
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
