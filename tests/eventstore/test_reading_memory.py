"""Reading a long log takes no more memory than reading a shorter one."""

import tracemalloc
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DEFAULT_DB_ALIAS

import ledger.registration
from eventstore.application import Application, pipeline_from_settings
from eventstore.events import Event
from eventstore.models import Tenant
from eventstore.reading import EventReader
from ledger.accounts.events import MoneyDeposited
from tests.benchmarks.filling import fill
from tests.eventstore.boxes.stowing import stow
from tests.eventstore.support import append, reader_of

#: Bytes that may come with ten times the events: the streams that a reader remembers.
REMEMBERED = 5 * 2**20


@pytest.mark.long
@pytest.mark.parametrize(
    ("events", "versions", "page_size"),
    [
        (20_000, 100, 100),
        pytest.param(1_000_000, 50, 1000, marks=pytest.mark.soak),
    ],
)
def test_memory_stays_flat_while_the_log_is_read(
    application: Application, tenant: Tenant, events: int, versions: int, page_size: int
) -> None:
    streams = [uuid4() for _ in range(events // versions)]
    schema_version = application.events.of(MoneyDeposited).schema_version
    tenth = application.high_water_mark.ceiling() + events // 10
    fill(DEFAULT_DB_ALIAS, tenant.id, streams, versions, schema_version)
    reader = reader_of(application, page_size)

    # Two readings: a page that is too long would already be there at the tenth of one.
    read_first, memory_of_first = read(reader, until=tenth)
    read_all, memory_of_all = read(reader, until=tenth + events)

    assert (read_first, read_all) == (events // 10, events)
    assert memory_of_all - memory_of_first < REMEMBERED


@pytest.mark.long
@pytest.mark.parametrize(
    ("streams", "versions"), [(10, 500), pytest.param(200, 5_000, marks=pytest.mark.soak)]
)
def test_memory_stays_flat_while_the_log_is_read_from_boxes(
    application: Application, tenant: Tenant, streams: int, versions: int
) -> None:
    # Without projections, which would have to read all of it before it is boxed.
    root = application.cold_storage.root
    domain = Application(pipeline=pipeline_from_settings(), cold_storage=root)
    ledger.registration.register(domain)
    boxed = [uuid4() for _ in range(streams)]
    for account in boxed:
        recorded = append(domain.store, tenant.id, account, *deposits(versions))
    stow(domain, *boxed)
    last = recorded[-1].position

    # Anew each time, so that all boxes with events up to there are read from their files.
    read_first, memory_of_first = read(reader_of(application, 100), until=last // 10)
    read_all, memory_of_all = read(reader_of(application, 100), until=last)

    assert (read_first, read_all) == (last // 10, streams * versions)
    assert memory_of_all - memory_of_first < 2**20


def deposits(number: int) -> list[Event]:
    return [MoneyDeposited(amount=Decimal(1 + n % 900)) for n in range(number)]


def read(reader: EventReader, *, until: int) -> tuple[int, int]:
    """How many events were read, and the most bytes that Python held meanwhile."""
    tracemalloc.start()
    try:
        count = sum(1 for _ in reader.read_log(until=until))
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
