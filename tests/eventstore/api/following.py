"""What client programs do with the feed and the streams, and what the tables say to it."""

from typing import Any

from django.db import connection

from eventstore.models import StoredEvent, StoredStream, Tenant
from tests.eventstore.high_water_mark.scene import make_stream
from tests.http import Api

#: An event as the feed gives it.
Shown = dict[str, Any]


def read(api: Api, query: str = "") -> dict[str, Any]:
    answer = api.get(f"/api/feed?{query}")
    assert answer.status == 200, answer.raw
    body: dict[str, Any] = answer.body
    assert list(body) == ["events", "next", "head", "settled"]
    assert body["settled"] <= body["head"]
    return body


def positions(events: list[Shown]) -> list[int]:
    return [event["position"] for event in events]


def stored(tenant: Tenant, **columns: Any) -> list[int]:
    """The positions of a tenant's events, as they are in the table."""
    events = StoredEvent.objects.filter(tenant=tenant, **columns)
    return list(events.order_by("position").values_list("position", flat=True))


class Follower:
    """A client program that keeps `next` and believes it."""

    def __init__(self, api: Api, query: str = "limit=7") -> None:
        self._api = api
        self._query = query
        self.after = 0
        self.seen: list[Shown] = []

    def read(self) -> bool:
        """A page; False where there was nothing new."""
        page = read(self._api, f"{self._query}&after={self.after}")
        assert self.after <= page["next"] <= max(page["settled"], self.after)
        has_moved = page["next"] > self.after
        self.after = page["next"]
        self.seen += page["events"]
        return has_moved

    def read_all(self) -> list[int]:
        while self.read():
            pass
        return positions(self.seen)


def new_stream(tenant: Tenant) -> int:
    """The id of a stream without events, of a category that no code knows."""
    with connection.cursor() as cursor:
        return make_stream(cursor, tenant.id)


def stream_of(account: str) -> StoredStream:
    return StoredStream.objects.get(aggregate_id=account.rpartition("/")[2])


def versions(api: Api, path: str) -> list[int]:
    return [event["version"] for event in api.get(path).body["events"]]
