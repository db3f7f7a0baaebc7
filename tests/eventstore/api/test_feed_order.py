"""However writers overlap, a follower of the feed gets each event once and in order."""

from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest

from eventstore.application import Application
from eventstore.models import StoredStream, Tenant
from tests.eventstore.api.following import Follower, Shown, new_stream, positions, read, stored
from tests.eventstore.high_water_mark.random_writer import RandomWriter, Stream
from tests.eventstore.high_water_mark.scene import Writer
from tests.eventstore.high_water_mark.support import draw_without_using
from tests.eventstore.support import raw_connection
from tests.http import Api


def test_a_lower_position_in_an_open_transaction_holds_the_higher_ones_back(
    api: Api, auditor: Api, tenant: Tenant, writer: Writer
) -> None:
    stream = new_stream(tenant)
    follower = Follower(auditor)
    api.registered_person()
    before = follower.read_all()
    lower = writer.append(stream)
    assert lower
    api.registered_person()

    assert follower.read_all() == before, "the higher one is committed, and waits"
    page = read(auditor)
    assert page["next"] < lower <= page["head"]
    assert page["settled"] == lower - 1

    writer.connection.commit()
    assert follower.read_all() == stored(tenant)
    assert lower in stored(tenant)[:-1]


@pytest.mark.parametrize("query", ["type=nothing", "category=account"])
def test_a_filter_does_not_lead_past_an_open_transaction(
    auditor: Api, tenant: Tenant, api: Api, writer: Writer, query: str
) -> None:
    person_id = api.registered_person()
    follower = Follower(auditor, query)
    lower = writer.append(new_stream(tenant))
    assert lower
    api.opened_account(person_id)
    follower.read_all()
    assert follower.after < lower
    writer.connection.commit()
    follower.read_all()
    assert follower.after == stored(tenant)[-1]
    assert positions(follower.seen) == ([] if "nothing" in query else stored(tenant)[-1:])


def test_another_tenants_open_transaction_holds_back_as_well(
    api: Api, auditor: Api, tenant: Tenant, other_tenant: Tenant
) -> None:
    api.registered_person()
    with raw_connection() as raw:
        theirs = Writer(raw, other_tenant.id).append(new_stream(other_tenant))
        assert theirs
        api.registered_person()
        assert read(auditor)["next"] < theirs
        raw.rollback()
    assert positions(read(auditor)["events"]) == stored(tenant)


def test_next_is_never_a_position_that_nobody_used(
    api: Api, auditor: Api, tenant: Tenant, raw: psycopg.Connection[Any]
) -> None:
    """After a crash it may be drawn again, and its event would be passed over."""
    api.registered_person()
    unused = draw_without_using(raw, 5)
    page = read(auditor)
    assert page["head"] == page["settled"] == unused
    assert page["next"] == stored(tenant)[-1] < unused
    assert read(auditor, f"after={page['next']}")["next"] == page["next"]


def test_250_events_come_once_and_in_order_while_a_writer_adds(
    api: Api, auditor: Api, tenant: Tenant, their_api: Api
) -> None:
    streams = [new_stream(tenant) for _ in range(5)]
    with raw_connection() as raw:
        writer = Writer(raw, tenant.id)
        for number in range(230):
            writer.append(streams[number % 5])
        raw.commit()
        follower = Follower(auditor, "limit=20")
        for number in range(10):
            # Half of it is committed only after the page.
            writer.append(streams[number % 5])
            follower.read()
            raw.commit()
            api.registered_person()
            their_api.registered_person()
        assert follower.read_all() == stored(tenant)
    assert len(follower.seen) == 250
    assert_each_stream_in_order(follower.seen)


def test_a_follower_of_random_writers_gets_each_event_once_in_order(
    application: Application, api: Api, auditor: Api, their_auditor: Api, tenant: Tenant
) -> None:
    """They append in every way there is, wait, and roll back; see `random_writer`."""
    ids = [UUID(api.registered_person()) for _ in range(6)]
    streams = [Stream(StoredStream.objects.get(aggregate_id=each).id, each) for each in ids]
    writers = [RandomWriter(Random(n), tenant.id, streams, batch=3) for n in range(4)]
    ours, theirs = Follower(auditor, "limit=10"), Follower(their_auditor)
    with ThreadPoolExecutor(len(writers)) as threads:

        def enough() -> bool:
            return sum(writer.committed for writer in writers) >= 200

        running = [threads.submit(writer.run, enough) for writer in writers]
        held_back = 0
        while not all(each.done() for each in running):
            ours.read()
            theirs.read()
            page = read(auditor, f"after={ours.after}&limit=1")
            held_back += page["settled"] < page["head"]
        for each in running:
            each.result()
    assert held_back, "the writers did not overlap: nothing is proven"
    assert ours.read_all() == stored(tenant)
    assert theirs.read_all() == []
    assert_each_stream_in_order(ours.seen)


def assert_each_stream_in_order(events: list[Shown]) -> None:
    versions: dict[str, int] = {}
    for event in events:
        assert event["version"] == versions.get(event["aggregate_id"], 0) + 1
        versions[event["aggregate_id"]] = event["version"]
