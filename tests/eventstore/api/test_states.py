"""`GET /api/streams/<category>/<id>/state`: what a stream had come to, and when."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import UUID

from eventstore.models import StoredEvent, StoredStream, Tenant
from tests.eventstore.api.conftest import store_raw
from tests.eventstore.api.following import stream_of
from tests.eventstore.forgery import forge
from tests.eventstore.support import World, append
from tests.http import Api, new_id


def balance(api: Api, path: str) -> tuple[int, str]:
    body = api.get(path).body
    return body["version"], body["state"]["balance"]


def test_the_state_is_that_of_a_version_or_the_present_one(auditor: Api, account: str) -> None:
    answer = auditor.get(f"{account}/state?version=3").body
    assert list(answer) == ["category", "aggregate_id", "version", "state"]
    assert (answer["category"], answer["aggregate_id"]) == ("account", account.split("/")[-1])
    assert balance(auditor, f"{account}/state?version=3") == (3, "3.00")
    assert balance(auditor, f"{account}/state?version=0")[0] == 0
    assert balance(auditor, f"{account}/state") == (8, "28.00")
    auditor.get(f"{account}/state?version=9").refused(404, "not_found")


def test_the_state_is_that_of_a_time(auditor: Api, account: str) -> None:
    def at(time: datetime) -> str:
        return f"{account}/state?at={quote(time.isoformat())}"

    times = list(StoredEvent.objects.order_by("position").values_list("recorded_at", flat=True))
    # Before them the person was registered.
    for version, time in enumerate(times[1:], start=1):
        assert balance(auditor, at(time))[0] == version
        assert balance(auditor, at(time - timedelta(microseconds=1)))[0] == version - 1
    assert balance(auditor, at(datetime(9999, 1, 1, tzinfo=UTC))) == (8, "28.00")
    assert balance(auditor, at(datetime(1, 1, 2, tzinfo=UTC)))[0] == 0


def test_no_state_is_made_up_from_what_cannot_be_read(auditor: Api, account: str) -> None:
    store_raw(stream_of(account), "{}")
    answer = auditor.get(f"{account}/state").refused(503, "busy")
    assert "account.blessed" in answer.body["detail"]
    assert balance(auditor, f"{account}/state?version=8") == (8, "28.00")


def test_a_stream_that_no_aggregate_replays_has_events_and_no_state(
    auditor: Api, world: World, tenant: Tenant
) -> None:
    person_id = world.person()
    known = StoredEvent.objects.get(stream__aggregate_id=person_id)
    comet = UUID(new_id())
    event = next(iter(world.application.reader.read_log())).event
    append(world.application.store, tenant.id, comet, event, category="comet")
    (shown,) = auditor.get(f"/api/streams/comet/{comet}").body["events"]
    assert shown["type"] == known.type
    answer = auditor.get(f"/api/streams/comet/{comet}/state").refused(503, "busy")
    assert "comet has no aggregate" in answer.body["detail"]


def test_a_hole_in_a_stream_is_no_state(auditor: Api, account: str) -> None:
    forge(
        "DELETE FROM eventstore_event WHERE stream_id = %(id)s AND version = 4",
        id=stream_of(account).id,
    )
    auditor.get(f"{account}/state").refused(503, "busy")
    assert balance(auditor, f"{account}/state?version=3") == (3, "3.00")


def test_a_stream_in_cold_storage_is_gone_and_listed(auditor: Api, account: str) -> None:
    StoredStream.objects.filter(pk=stream_of(account).pk).update(status="boxed")
    for end in ("", "/state", "/state?version=1", "/state?at=2030-01-01T00:00Z"):
        auditor.get(account + end).refused(410, "boxed")
    (row,) = auditor.get("/api/streams?category=account").body["results"]
    assert row["status"] == "boxed"
