"""Reading recorded events: one stream, either way and in part, and the whole log."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from eventstore.application import Application
from eventstore.database import Database
from eventstore.drafts import Recording
from eventstore.errors import CorruptStream
from eventstore.events import Event, Origin, RecordedEvent
from eventstore.hash_chain import GENESIS
from eventstore.models import Tenant
from eventstore.reading import EventReader
from eventstore.store import EventStore
from ledger.accounts.events import AccountOpened, MoneyDeposited
from tests.eventstore.forgery import forge
from tests.eventstore.support import append, reader_of

OPENED = AccountOpened(owner_id=uuid4(), code="1")
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


def deposits(number: int) -> list[Event]:
    return [MoneyDeposited(amount=Decimal(n)) for n in range(1, number + 1)]


@pytest.fixture
def store(application: Application) -> EventStore:
    return application.store


@pytest.fixture
def reader(application: Application) -> EventReader:
    """Pages of three, so that a handful of events takes several."""
    return reader_of(application, page_size=3)


def append_at(
    store: EventStore, tenant_id: UUID, account: UUID, minutes: list[int]
) -> list[RecordedEvent[Event]]:
    """One event for each of these minutes after noon, by the clock of that time."""
    recorded: list[RecordedEvent[Event]] = []
    for version, minute in enumerate(minutes):
        recorded += store.append(
            "account",
            account,
            [OPENED],
            expected_version=version,
            head_hash=recorded[-1].hash if recorded else GENESIS,
            recording=Recording(
                tenant_id=tenant_id,
                origin=Origin(user="mary", correlation_id=uuid4(), causation_id=None),
                recorded_at=NOON + timedelta(minutes=minute),
            ),
        )
    return recorded


def test_a_reader_finds_what_append_returned(
    store: EventStore, reader: EventReader, tenant: Tenant
) -> None:
    account = uuid4()
    recorded = append(store, tenant.id, account, OPENED, *deposits(7))

    assert list(reader.read_stream(tenant.id, "account", account)) == recorded
    assert list(reader.read_log()) == recorded


@pytest.mark.parametrize(
    ("first", "last", "versions"),
    [
        (1, 8, range(1, 9)),
        (2, 7, range(2, 8)),
        (4, 4, [4]),
        (8, 99, [8]),
        (9, 99, []),
        (5, 4, []),
        (-3, 2, [1, 2]),
    ],
)
def test_a_part_of_a_stream_is_read_forward_and_backward(
    store: EventStore,
    reader: EventReader,
    tenant: Tenant,
    first: int,
    last: int,
    versions: list[int],
) -> None:
    account = uuid4()
    append(store, tenant.id, account, OPENED, *deposits(7))
    append(store, tenant.id, uuid4(), OPENED, *deposits(7))

    def read(*, backward: bool) -> list[tuple[UUID, int]]:
        part = reader.read_stream(
            tenant.id, "account", account, first=first, last=last, backward=backward
        )
        return [(event.aggregate_id, event.version) for event in part]

    expected = [(account, version) for version in versions]
    assert read(backward=False) == expected
    assert read(backward=True) == expected[::-1]


def test_a_stream_has_a_version_at_every_time(
    store: EventStore, reader: EventReader, tenant: Tenant
) -> None:
    account = uuid4()
    append_at(store, tenant.id, account, [0, 10, 10, 20])

    versions = {
        minute: reader.version_at(tenant.id, "account", account, NOON + timedelta(minutes=minute))
        for minute in (-1, 0, 9, 10, 19, 20, 10_000)
    }

    assert versions == {-1: 0, 0: 1, 9: 1, 10: 3, 19: 3, 20: 4, 10_000: 4}


def test_the_version_at_a_time_is_the_longest_prefix_where_times_go_backwards(
    store: EventStore, reader: EventReader, tenant: Tenant
) -> None:
    account = uuid4()
    append_at(store, tenant.id, account, [0, 30, 10, 40])

    at = NOON + timedelta(minutes=15)

    assert reader.version_at(tenant.id, "account", account, at) == 1


def test_a_stream_that_is_not_there_has_no_version_and_no_events(
    store: EventStore, reader: EventReader, tenant: Tenant, other_tenant: Tenant
) -> None:
    account = uuid4()
    append(store, tenant.id, account, OPENED)

    for tenant_id, category, id_ in (
        (tenant.id, "account", uuid4()),
        (tenant.id, "person", account),
        (other_tenant.id, "account", account),
    ):
        assert reader.version_at(tenant_id, category, id_, NOON) is None
        assert list(reader.read_stream(tenant_id, category, id_)) == []


def test_the_log_goes_through_pages_in_the_order_of_positions(
    store: EventStore, reader: EventReader, tenant: Tenant
) -> None:
    recorded = [append(store, tenant.id, uuid4(), OPENED, *deposits(1)) for _ in range(4)]

    every = [event for events in recorded for event in events]
    assert list(reader.read_log()) == every
    assert list(reader.read_log(after=every[4].position)) == every[5:]
    assert list(reader.read_log(after=every[0].position, until=every[5].position)) == every[1:6]


def test_an_event_of_a_stream_that_is_gone_is_named(
    store: EventStore, reader: EventReader, tenant: Tenant
) -> None:
    append(store, tenant.id, uuid4(), OPENED)
    forge("DELETE FROM eventstore_stream")

    with pytest.raises(CorruptStream, match=r"manage\.py verify"):
        list(reader.read_log())


def test_a_page_of_the_log_is_read_when_it_is_needed(
    store: EventStore, reader: EventReader, tenant: Tenant
) -> None:
    """What comes while a reader is at work is read too, and nothing is kept open."""
    account = uuid4()
    first = append(store, tenant.id, account, *deposits(3))
    log = reader.read_log()
    assert next(log) == first[0]

    later = append(store, tenant.id, uuid4(), OPENED)

    assert not Database().connection.in_atomic_block
    assert list(log) == [*first[1:], *later]
