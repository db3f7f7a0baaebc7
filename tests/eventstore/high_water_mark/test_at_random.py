"""Eight writers at once do whatever writers may do, and are killed; a reader follows all the time.

`make check` takes a few thousand events, `make soak` a million. The seed of a run is printed;
DAYBOOK_SEED=... repeats its choices, though not the server's.
"""

import os
import secrets
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from random import Random
from uuid import UUID, uuid4

import pytest

from eventstore.application import Application
from eventstore.database import Database
from eventstore.models import StoredEvent, StoredStream, Tenant
from ledger.persons.events import PersonRegistered
from tests.eventstore.high_water_mark.random_writer import NAME, RandomWriter, Stream
from tests.eventstore.high_water_mark.readers import NaiveReader, OurReader
from tests.eventstore.high_water_mark.verdicts import before_their_cause, missed, out_of_order
from tests.eventstore.support import append, raw_connection

WRITERS = 8
STREAMS = 40

KILL_ONE = f"""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = '{NAME}' AND datname = current_database() AND state <> 'idle'
ORDER BY random() LIMIT 1
"""


@dataclass(frozen=True)
class Size:
    """How many events, in what portions, and how many writers are killed meanwhile."""

    events: int
    batch: int
    page: int
    kills: int


CHECK = Size(events=1_500, batch=4, page=50, kills=20)
SOAK = Size(events=1_000_000, batch=60, page=1_000, kills=1_000)


@pytest.mark.parametrize("size", [CHECK, pytest.param(SOAK, marks=pytest.mark.soak)], ids=str)
def test_a_follower_gets_every_event_once_in_order(
    application: Application, tenant: Tenant, size: Size
) -> None:
    seed = int(os.environ.get("DAYBOOK_SEED") or secrets.randbelow(10**6))
    print(f"DAYBOOK_SEED={seed}")
    streams = [make_stream(application, tenant.id) for _ in range(STREAMS)]
    writers = [
        RandomWriter(Random(f"{seed}-{n}"), tenant.id, streams, size.batch) for n in range(WRITERS)
    ]

    ours, naive = write_and_follow(writers, size)

    tally = sum((writer.tally for writer in writers), Counter[str]())
    print(f"{len(ours.delivered)} events, {dict(tally)}")
    committed = list(StoredEvent.objects.order_by("position").values_list("position", flat=True))
    assert len(committed) >= size.events
    assert len(tally) == 8, "each way to append and each failure happened"
    assert [event.position for event in ours.delivered] == committed
    assert out_of_order(ours.delivered) == []
    assert before_their_cause(ours.delivered) == []
    assert missed(naive.delivered, committed), "the writers did not overlap: nothing is proven"


def make_stream(application: Application, tenant_id: UUID) -> Stream:
    aggregate_id = uuid4()
    born = PersonRegistered(first_name="Ada", last_name="Byron")
    append(application.store, tenant_id, aggregate_id, born, category="person")
    return Stream(StoredStream.objects.get(aggregate_id=aggregate_id).id, aggregate_id)


def write_and_follow(writers: Sequence[RandomWriter], size: Size) -> tuple[OurReader, NaiveReader]:
    """Read beside the writers until they are done and nothing more comes."""

    def enough() -> bool:
        return sum(writer.committed for writer in writers) >= size.events

    with raw_connection() as naive_connection, ThreadPoolExecutor(WRITERS) as threads:
        ours = OurReader(Database(), size.page)
        naive = NaiveReader(naive_connection, size.page)
        running = [threads.submit(writer.run, enough) for writer in writers]
        follow(running, ours, naive, size)
        for each in running:
            each.result()
        while ours.read() or naive.read():
            pass
    return ours, naive


def follow(
    running: Sequence[Future[None]], ours: OurReader, naive: NaiveReader, size: Size
) -> None:
    """Read both logs side by side, and kill a writer after every so many events."""
    kills = 0
    with raw_connection(autocommit=True) as killer:
        while wait(running, timeout=0.002).not_done:
            ours.read()
            naive.read()
            if len(ours.delivered) > kills * size.events / size.kills:
                killer.execute(KILL_ONE)
                kills += 1
