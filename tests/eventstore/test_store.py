"""The event store alone, without bus, handlers and projections."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import DataError, transaction

from eventstore.application import Application
from eventstore.database import Database
from eventstore.drafts import MAXIMUM_EVENT_SIZE
from eventstore.errors import (
    Boxed,
    EventTooLarge,
    RegistrationError,
    WrongExpectedVersion,
)
from eventstore.events import Event
from eventstore.hash_chain import GENESIS
from eventstore.models import StoredEvent, StoredStream, Tenant
from eventstore.store import EventStore
from ledger.accounts.events import AccountClosed, AccountOpened, MoneyDeposited
from ledger.persons.events import PersonRegistered, PersonRenamed
from tests.eventstore.support import append, at_once, recording

OPENED = AccountOpened(owner_id=UUID(int=7), code="1")
PAID_IN = MoneyDeposited(amount=Decimal("12.30"), booked_on=date(2024, 2, 29), reference="Alice's")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten(Event):
    """An event that only an older version of the code knew."""


@pytest.fixture
def store(application: Application) -> EventStore:
    return application.store


def test_load_returns_the_appended_events_in_order(store: EventStore, tenant: Tenant) -> None:
    account = uuid4()

    recorded = append(store, tenant.id, account, OPENED, PAID_IN, AccountClosed())

    head, _, snapshot, events = store.load(tenant.id, account)
    assert snapshot is None
    assert events == [OPENED, PAID_IN, AccountClosed()]
    assert (head.category, head.status, head.version) == ("account", "active", 3)
    assert head.head_hash == recorded[-1].hash


def test_append_continues_a_stream(store: EventStore, tenant: Tenant) -> None:
    account = uuid4()
    first = append(store, tenant.id, account, OPENED)

    second = append(
        store, tenant.id, account, PAID_IN, expected_version=1, head_hash=first[-1].hash
    )

    assert [event.version for event in first + second] == [1, 2]
    assert second[0].position > first[0].position


def test_an_amount_is_stored_as_a_json_string(store: EventStore, tenant: Tenant) -> None:
    append(store, tenant.id, uuid4(), PAID_IN)

    assert StoredEvent.objects.get().data == (
        '{"amount":"12.30","booked_on":"2024-02-29","reference":"Alice\'s",'
        '"transfer_id":null,"is_refund":false}'
    )


def test_a_stream_that_is_not_there_loads_as_none(store: EventStore, tenant: Tenant) -> None:
    assert store.load(tenant.id, uuid4()) is None
    assert store.find(tenant.id, uuid4()) is None


@pytest.mark.parametrize("expected_version", [1, 3, 9])
def test_append_refuses_a_wrong_expected_version(
    store: EventStore, tenant: Tenant, expected_version: int
) -> None:
    account = uuid4()
    append(store, tenant.id, account, OPENED, PAID_IN)

    with pytest.raises(WrongExpectedVersion) as refusal:
        append(store, tenant.id, account, PAID_IN, expected_version=expected_version)

    assert (refusal.value.expected, refusal.value.actual) == (expected_version, 2)
    assert "Load the aggregate again" in str(refusal.value)
    assert StoredEvent.objects.count() == 2
    assert StoredStream.objects.get().version == 2


def test_append_refuses_a_version_of_a_stream_that_is_not_there(
    store: EventStore, tenant: Tenant
) -> None:
    with pytest.raises(WrongExpectedVersion) as refusal:
        append(store, tenant.id, uuid4(), PAID_IN, expected_version=1)

    assert refusal.value.actual == 0
    assert not StoredEvent.objects.exists()


def test_append_refuses_to_continue_a_stream_as_another_category(
    store: EventStore, tenant: Tenant
) -> None:
    aggregate = uuid4()
    first = append(store, tenant.id, aggregate, OPENED)

    with pytest.raises(WrongExpectedVersion):
        append(
            store,
            tenant.id,
            aggregate,
            PersonRenamed(first_name="A", last_name="B"),
            category="person",
            expected_version=1,
            head_hash=first[0].hash,
        )

    assert StoredEvent.objects.count() == 1


def test_of_writers_at_once_exactly_one_begins_a_stream(store: EventStore, tenant: Tenant) -> None:
    account = uuid4()

    outcomes = at_once(*[lambda: append(store, tenant.id, account, OPENED)] * 8)

    assert sum(isinstance(outcome, list) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, WrongExpectedVersion) for outcome in outcomes) == 7
    assert StoredEvent.objects.count() == 1


def test_of_writers_at_once_exactly_one_continues_a_stream(
    store: EventStore, tenant: Tenant
) -> None:
    account = uuid4()
    head_hash = append(store, tenant.id, account, OPENED)[0].hash

    def pay_in() -> object:
        return append(store, tenant.id, account, PAID_IN, expected_version=1, head_hash=head_hash)

    outcomes = at_once(*[pay_in] * 8)

    assert sum(isinstance(outcome, list) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, WrongExpectedVersion) for outcome in outcomes) == 7
    assert list(StoredEvent.objects.values_list("version", flat=True)) == [1, 2]


@pytest.mark.parametrize("expected_version", [0, 1])
def test_append_refuses_a_boxed_stream(
    store: EventStore, tenant: Tenant, expected_version: int
) -> None:
    account = uuid4()
    append(store, tenant.id, account, OPENED)
    StoredStream.objects.update(status="boxed")

    with pytest.raises(Boxed):
        append(store, tenant.id, account, PAID_IN, expected_version=expected_version)

    assert StoredEvent.objects.count() == 1


def test_an_event_of_64_kib_is_stored_and_one_byte_more_refused(
    store: EventStore, tenant: Tenant
) -> None:
    frame = len('{"first_name":"","last_name":""}')
    largest = PersonRegistered(first_name="x" * (MAXIMUM_EVENT_SIZE - frame), last_name="")
    too_large = PersonRegistered(first_name=largest.first_name + "x", last_name="")

    append(store, tenant.id, uuid4(), largest, category="person")
    with pytest.raises(EventTooLarge, match=r"person\.registered would have 65537 bytes"):
        append(store, tenant.id, uuid4(), too_large, category="person")

    assert StoredEvent.objects.count() == 1


def test_the_size_of_an_event_is_counted_in_bytes_not_in_characters(
    store: EventStore, tenant: Tenant
) -> None:
    event = PersonRegistered(first_name="\N{SNOWMAN}" * 22_000, last_name="")

    with pytest.raises(EventTooLarge):
        append(store, tenant.id, uuid4(), event, category="person")


@pytest.mark.parametrize("others", [0, 1, 99])
def test_texts_of_several_lines_come_back_as_they_were(
    store: EventStore, tenant: Tenant, others: int
) -> None:
    """Events travel to the database as lines of JSON."""
    text = "\n first\r\nsecond\n\n\x0b\x0c\x1c\x85\u2028\u2029 \\n \\\n last\n"
    person = uuid4()
    events = [PersonRenamed(first_name=text, last_name=str(n)) for n in range(others + 1)]

    recorded = append(store, tenant.id, person, *events, category="person")

    assert store.load(tenant.id, person).events == events
    assert [event.event for event in recorded] == events
    assert len({event.hash for event in recorded}) == len(events)


def test_events_of_different_types_keep_their_order_in_one_append(
    store: EventStore, tenant: Tenant
) -> None:
    account = uuid4()
    events = [OPENED, *[PAID_IN, AccountClosed()] * 20]

    recorded = append(store, tenant.id, account, *events)

    assert store.load(tenant.id, account).events == events
    assert [event.version for event in recorded] == list(range(1, 42))
    assert [event.position for event in recorded] == sorted(e.position for e in recorded)


@pytest.mark.parametrize(("events", "length"), [(1, 33), (2, 96), (3, 64), (2, 65)])
def test_the_append_function_refuses_hashes_that_are_not_32_bytes_for_each_event(
    tenant: Tenant, events: int, length: int
) -> None:
    append = """
        SELECT * FROM eventstore_append(%s, 'account', gen_random_uuid(), 0, %s, %s, %s, %s,
                                        '{}'::json, now(), NULL, NULL, NULL, NULL, NULL, NULL)
    """
    lines = ["\n".join([text] * events) for text in ("account.opened", "1", "{}")]

    with pytest.raises(DataError, match=f"{events} events came with {length} bytes of hashes"):
        Database().execute(append, [tenant.id, *lines, bytes(length)])


def test_append_refuses_an_event_without_a_permanent_name(
    store: EventStore, tenant: Tenant
) -> None:
    with pytest.raises(RegistrationError, match="Forgotten has no permanent name"):
        append(store, tenant.id, uuid4(), Forgotten())

    assert not StoredStream.objects.exists()


def test_an_append_that_is_rolled_back_leaves_nothing(store: EventStore, tenant: Tenant) -> None:
    circumstances = recording(tenant.id)
    with transaction.atomic():
        store.append(
            "account",
            uuid4(),
            [OPENED],
            expected_version=0,
            head_hash=GENESIS,
            recording=circumstances,
        )
        transaction.set_rollback(True)

    assert not StoredStream.objects.exists()
    assert not StoredEvent.objects.exists()
