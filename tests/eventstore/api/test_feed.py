"""`GET /api/feed`: whoever follows `next` gets each event of the tenant once, streams in order."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Signal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from eventstore.api import feed
from eventstore.application import Application
from eventstore.models import StoredEvent, StoredStream, Tenant
from tests.eventstore.api.clock import HandMovedClock
from tests.eventstore.api.conftest import store_raw
from tests.eventstore.api.following import Follower, new_stream, positions, read, stored
from tests.eventstore.high_water_mark.scene import Writer
from tests.http import Api

# What it gives -----------------------------------------------------------------------------------


def test_an_event_is_shown_with_its_envelope(api: Api, auditor: Api) -> None:
    account_id = api.opened_account(api.registered_person())
    answer = api.send("deposit-money", {"aggregate_id": account_id, "amount": 5}).body
    body = read(auditor)
    recorded_at = StoredEvent.objects.get(position=answer["position"]).recorded_at
    assert body["events"][2] == {
        "position": answer["position"],
        "category": "account",
        "aggregate_id": account_id,
        "version": 2,
        "type": "account.money_deposited",
        "schema_version": 2,
        "data": {
            "amount": "5.00",
            "booked_on": None,
            "reference": None,
            "transfer_id": None,
            "is_refund": False,
        },
        "recorded_at": recorded_at.isoformat().replace("+00:00", "Z"),
        "correlation_id": answer["correlation_id"],
        "causation_id": answer["command_id"],
        "user": "mary",
    }
    assert body["next"] == body["settled"] == body["head"] == answer["position"]


def test_an_empty_log_is_at_its_end(auditor: Api) -> None:
    assert read(auditor) == {"events": [], "next": 0, "head": 0, "settled": 0}


def test_each_tenant_gets_its_own_events_and_passes_those_of_others(
    api: Api,
    auditor: Api,
    their_api: Api,
    their_auditor: Api,
    tenant: Tenant,
    other_tenant: Tenant,
) -> None:
    for each in (api, their_api, their_api, api, their_api):
        each.registered_person()
    assert positions(read(auditor)["events"]) == stored(tenant)
    assert positions(read(their_auditor)["events"]) == stored(other_tenant)
    last = stored(other_tenant)[-1]
    assert read(auditor)["next"] == last
    assert read(auditor, f"after={last}") == {
        "events": [], "next": last, "head": last, "settled": last
    }  # fmt: skip
    # But a full page ends with its own last event.
    assert read(auditor, "limit=1")["next"] == stored(tenant)[0]


def test_filters_pass_what_does_not_match(api: Api, auditor: Api, tenant: Tenant) -> None:
    person_id = api.registered_person()
    account_id = api.opened_account(person_id, deposit="1.00")
    api.registered_person()
    last = stored(tenant)[-1]
    for query, columns in (
        ("category=account", {"stream__category": "account"}),
        ("type=person.registered", {"type": "person.registered"}),
        ("type=account.opened&category=account", {"type": "account.opened"}),
        ("type=account.opened&category=person", {"type": "nothing"}),
        ("type=nothing", {"type": "nothing"}),
        ("category=", {"type": "nothing"}),
    ):
        page = read(auditor, query)
        assert positions(page["events"]) == stored(tenant, **columns), query
        assert page["next"] == last
    first = read(auditor, "category=account&limit=1")
    assert positions(first["events"]) == [first["next"]]
    second = read(auditor, f"category=account&limit=1&after={first['next']}")
    assert second["events"][0]["aggregate_id"] == account_id
    assert second["events"][0]["version"] == 2


def test_an_old_or_unknown_event_is_shown_like_in_its_stream(
    auditor: Api, old_account: UUID
) -> None:
    stream = StoredStream.objects.get(aggregate_id=old_account)
    store_raw(stream, '{"of": 1.10}')
    in_stream = auditor.get(f"/api/streams/account/{old_account}").body["events"]
    in_feed = read(auditor)["events"]
    assert [
        event | {"hash": other["hash"]} for event, other in zip(in_feed, in_stream, strict=True)
    ] == (in_stream)
    assert [(event["type"], event["schema_version"]) for event in in_feed] == [
        ("account.opened", 1),
        ("account.money_deposited", 2),
        ("account.blessed", 7),
    ]
    assert in_feed[2]["data"] == {"of": 1.1}
    assert positions(read(auditor, "type=account.blessed")["events"]) == positions(in_feed[2:])


def test_a_type_is_found_by_any_name_it_ever_had(
    application: Application,
    api: Api,
    auditor: Api,
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api.registered_person()
    stream = StoredStream.objects.get()
    store_raw(
        stream, '{"first_name": "A", "last_name": "B"}', type="person.baptised", schema_version=1
    )
    monkeypatch.setitem(application.events.renames, "person.baptised", "person.registered")
    for name in ("person.registered", "person.baptised"):
        events = read(auditor, f"type={name}")["events"]
        assert positions(events) == stored(tenant)
        assert [event["type"] for event in events] == ["person.registered"] * 2


def test_a_page_takes_as_many_statements_for_any_number_of_events(api: Api, auditor: Api) -> None:
    for _ in range(10):
        api.registered_person()
    counts = set()
    read(auditor)  # A key's first use is noted.
    for limit in (1, 10):
        with CaptureQueriesContext(connection) as captured:
            assert len(read(auditor, f"limit={limit}")["events"]) == limit
        counts.add(len(captured))
    assert len(counts) == 1


# A long log --------------------------------------------------------------------------------------


def test_a_long_log_of_others_is_looked_through_in_parts(
    api: Api,
    auditor: Api,
    their_api: Api,
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed, "SCANNED", 3)
    for _ in range(8):
        their_api.registered_person()
    api.registered_person()
    assert positions(read(auditor)["events"]) == stored(tenant)
    assert positions(read(auditor, "limit=1")["events"]) == stored(tenant)
    assert Follower(auditor).read_all() == stored(tenant)


def test_a_call_that_takes_too_long_ends_with_how_far_it_came(
    api: Api,
    auditor: Api,
    their_api: Api,
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed, "SCANNED", 3)
    monkeypatch.setattr(feed, "PATIENCE", 0)
    for _ in range(8):
        their_api.registered_person()
    api.registered_person()
    page = read(auditor)
    assert page["events"] == []
    assert 0 < page["next"] < stored(tenant)[0]
    assert Follower(auditor).read_all() == stored(tenant)


# Waiting -----------------------------------------------------------------------------------------


def test_a_wait_ends_as_soon_as_a_matching_event_is_there(
    api: Api,
    auditor: Api,
    their_api: Api,
    tenant: Tenant,
    raw: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person_id = api.registered_person()
    states = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()

    def happen(times: int) -> None:
        look = "SELECT state FROM pg_stat_activity WHERE pid = %s"
        states.extend(raw.execute(look, [pid]).fetchone() or ())
        raw.rollback()
        if times == 2:
            api.registered_person()
        if times == 3:
            their_api.opened_account(their_api.registered_person())
        if times == 5:
            api.opened_account(person_id)

    clock = HandMovedClock(happen).install(monkeypatch)
    page = read(auditor, "category=account&wait=30")
    assert positions(page["events"]) == stored(tenant, type="account.opened")
    assert clock.times == 6
    assert set(states) == {"idle"}, "no transaction is open while it waits"


def test_a_wait_does_not_end_with_an_event_that_is_not_settled(
    api: Api, auditor: Api, tenant: Tenant, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lower = writer.append(new_stream(tenant))
    api.registered_person()

    def commit_at_last(times: int) -> None:
        if times == 4:
            writer.connection.commit()

    clock = HandMovedClock(commit_at_last).install(monkeypatch)
    assert positions(read(auditor, "wait=30")["events"]) == stored(tenant)
    assert stored(tenant)[0] == lower
    assert clock.times == 5


@pytest.mark.parametrize("wait", [0, 1, 30])
def test_a_wait_for_nothing_ends_in_time(
    api: Api, auditor: Api, monkeypatch: pytest.MonkeyPatch, wait: int
) -> None:
    api.registered_person()
    clock = HandMovedClock().install(monkeypatch)
    page = read(auditor, f"wait={wait}&type=nothing")
    assert (page["events"], page["next"]) == ([], page["settled"])
    assert clock.now == wait


def test_a_wait_is_real(api: Api, auditor: Api, tenant: Tenant) -> None:
    last = read(auditor)["head"]
    start = time.monotonic()
    assert read(auditor, f"after={last}&wait=1")["events"] == []
    assert time.monotonic() - start >= 1
    asked = Signal()

    def ask() -> dict[str, Any]:
        try:
            asked.set()
            return read(auditor, f"after={last}&wait=30")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(ask)
        assert asked.wait(30)
        api.registered_person()
        assert positions(answer.result(timeout=20)["events"]) == stored(tenant)
