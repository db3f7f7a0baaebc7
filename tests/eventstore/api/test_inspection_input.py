"""What the calls for inspectors take, and how they refuse all else."""

from typing import Any
from urllib.parse import quote

import pytest

from eventstore.models import Tenant
from tests.eventstore.api.following import new_stream, read, versions
from tests.eventstore.high_water_mark.scene import Writer
from tests.http import Api

NUMBERS = (
    *("", "x", "-1", "+1", "1.0", "1e2", "0x1", " 1", "1_0", "\uff11", "1\0"),
    *("9" * 19, "9" * 5000),
)
VERSIONS = (*NUMBERS, "0")
TIMES = (
    *("", "now", "2026-03-31", "2026-03-31T12:00", "2026-02-30T12:00Z", "1\0"),
    "0001-01-01T00:00+14:00",
)

#: By path, `account` being a stream's, the parameters with texts that they do not take.
WRONG: dict[str, dict[str, tuple[str, ...]]] = {
    "/api/streams": {
        "category": ("\0", "account\0"),
        "status": ("", "gone", "Active"),
        "after": NUMBERS,
        "limit": (*VERSIONS, "501"),
    },
    "account": {
        "from_version": VERSIONS,
        "to_version": VERSIONS,
        "direction": ("", "up", "Forward", "forward\0"),
        "limit": (*VERSIONS, "1001"),
    },
    "account/state": {"version": NUMBERS, "at": TIMES},
    "/api/feed": {
        "after": NUMBERS,
        "limit": (*VERSIONS, "1001"),
        "wait": (*NUMBERS, "31"),
        "category": ("\0", "account\0"),
        "type": ("\0", "account.opened\0"),
    },
}


def check_wrong(auditor: Api, path: str, wrong: dict[str, tuple[str, ...]]) -> None:
    """Each text alone, a value twice, an unknown name, and all at once."""
    for name, texts in wrong.items():
        for text in texts:
            answer = auditor.get(f"{path}?{name}={quote(text)}")
            assert list(answer.refused(400, "validation_failed").body["errors"]) == [name], text
        auditor.get(f"{path}?{name}=1&{name}=1").refused(400, "validation_failed")
    together = "&".join(f"{name}={quote(texts[0])}" for name, texts in wrong.items())
    answer = auditor.get(f"{path}?{together}").refused(400, "validation_failed")
    assert list(answer.body["errors"]) == list(wrong)
    answer = auditor.get(f"{path}?{together}&colour=red").refused(400, "unknown_parameter")
    assert list(answer.body["errors"]) == [*wrong, "colour"]


@pytest.mark.parametrize("path", WRONG)
def test_wrong_parameters_are_named_all_at_once(auditor: Api, account: str, path: str) -> None:
    address = path if path.startswith("/") else account + path.removeprefix("account")
    check_wrong(auditor, address, WRONG[path])


def test_a_state_is_asked_for_in_one_way(auditor: Api, account: str) -> None:
    both: Any = auditor.get(f"{account}/state?version=1&at=2026-03-31T12:00Z")
    assert list(both.refused(400, "validation_failed").body["errors"]) == ["at"]


def test_the_least_and_the_most_are_taken(auditor: Api, account: str) -> None:
    most = 2**63 - 1
    for query in ("limit=1", "limit=1000", f"from_version=1&to_version={most}"):
        assert auditor.get(f"{account}?{query}").status == 200
    assert versions(auditor, f"{account}?from_version={most}&direction=backward") == []
    auditor.get(f"{account}/state?version={most}").refused(404, "not_found")
    for query in ("limit=500", f"after={most}", "after=0", "category="):
        assert auditor.get(f"/api/streams?{query}").status == 200


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("account/1", ["aggregate_id"]),
        ("account/%7B0a1b2c3d-0000-4000-8000-000000000000%7D", ["aggregate_id"]),
        ("account/0a1b2c3d000040008000000000000000", ["aggregate_id"]),
        ("account/%00", ["aggregate_id"]),
        ("a%00/0a1b2c3d-0000-4000-8000-000000000000", ["category"]),
        ("%00/x", ["category", "aggregate_id"]),
    ],
)
def test_a_path_that_can_be_no_stream_is_refused(
    auditor: Api, path: str, wrong: list[str]
) -> None:
    for end in ("", "/state"):
        answer = auditor.get(f"/api/streams/{path}{end}").refused(400, "validation_failed")
        assert list(answer.body["errors"]) == wrong


def test_each_url_is_for_reading_alone(auditor: Api, account: str) -> None:
    for path in ("/api/streams", account, f"{account}/state", "/api/feed"):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            answer = auditor.method(method, path).refused(405, "method_not_allowed")
            assert answer.headers["Allow"] == "GET, HEAD"


def test_a_position_that_nothing_has_reached_is_refused(api: Api, auditor: Api) -> None:
    """It comes from another database; what happens here would be passed over in silence."""
    api.registered_person()
    head = read(auditor)["head"]
    assert read(auditor, f"after={head}")["next"] == head
    for after in (head + 1, 2**63 - 1):
        answer = auditor.get(f"/api/feed?after={after}&wait=30").refused(400, "validation_failed")
        assert list(answer.body["errors"]) == ["after"]


def test_a_page_has_100_events_unless_1_to_1000_are_asked_for(
    auditor: Api, tenant: Tenant, writer: Writer
) -> None:
    stream = new_stream(tenant)
    for _ in range(1001):
        writer.append(stream)
    writer.connection.commit()
    for query, size in (("", 100), ("limit=1", 1), ("limit=1000", 1000)):
        assert len(read(auditor, query)["events"]) == size


def test_odd_texts_match_nothing(api: Api, auditor: Api) -> None:
    api.registered_person()
    for text in ("", "%", "_", "'", "person'--", "\U0001f600", "x" * 5000, "person "):
        for name in ("category", "type"):
            assert read(auditor, f"{name}={quote(text)}")["events"] == []
