"""`GET /api/streams`: an auditor sees every stream of the tenant, its events and its states."""

from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventstore.models import StoredEvent, StoredStream, Tenant
from eventstore.tenancy import Role
from tests.eventstore.api.conftest import store_raw
from tests.eventstore.api.following import stream_of, versions
from tests.http import Api, api_for, new_id

# Who may -----------------------------------------------------------------------------------------


def test_auditors_and_operators_may_and_members_may_not(
    api: Api, auditor: Api, tenant: Tenant, account: str
) -> None:
    operator = api_for(tenant, Role.OPERATOR, "olga")
    for path in ("/api/streams", account, f"{account}/state", "/api/feed"):
        api.get(path).refused(403, "forbidden")
        assert auditor.get(path).status == operator.get(path).status == 200
        assert auditor.get(path).body == operator.get(path).body


def test_another_tenants_stream_answers_like_an_unknown_one(
    their_auditor: Api, account: str
) -> None:
    known, unknown = account.rpartition("/")[2], new_id()
    for end in ("", "?limit=1", "/state", "/state?version=1", "/state?at=2030-01-01T00:00Z"):
        foreign = their_auditor.get(f"{account}{end}").refused(404, "not_found")
        random = their_auditor.get(f"{account.replace(known, unknown)}{end}")
        assert foreign.raw.decode() == random.raw.decode().replace(unknown, known)
    assert their_auditor.get("/api/streams").body == {"results": [], "next": 0}


def test_a_stream_is_found_in_its_category_alone(auditor: Api, account: str) -> None:
    for end in ("", "/state"):
        path = account.replace("account", "person") + end
        auditor.get(path).refused(404, "not_found")
        auditor.get(account.replace("account", "%3Cimg%3E") + end).refused(404, "not_found")


def test_two_tenants_with_one_id_see_their_own(
    auditor: Api, their_auditor: Api, api: Api, other_tenant: Tenant
) -> None:
    shared = new_id()
    for each, name in ((api, "Ada"), (api_for(other_tenant, user_name="max"), "Eve")):
        fields = {"aggregate_id": shared, "first_name": name, "last_name": "King"}
        assert each.send("register-person", fields).status == 201
    for each, name in ((auditor, "Ada"), (their_auditor, "Eve")):
        (event,) = each.get(f"/api/streams/person/{shared}").body["events"]
        assert event["data"]["first_name"] == name
        state = each.get(f"/api/streams/person/{shared}/state").body["state"]
        assert state["first_name"] == name


# The list ----------------------------------------------------------------------------------------


def test_a_stream_is_listed_with_its_version_and_head(auditor: Api, account: str) -> None:
    stream = stream_of(account)
    (row,) = auditor.get("/api/streams?category=account").body["results"]
    assert row == {
        "number": stream.id,
        "category": "account",
        "aggregate_id": str(stream.aggregate_id),
        "version": 8,
        "status": "active",
        "head_hash": bytes(stream.head_hash).hex(),
    }


def test_the_list_is_filtered_and_read_on_by_its_cursor(auditor: Api, api: Api) -> None:
    persons = [api.registered_person() for _ in range(5)]
    account_id = api.opened_account(persons[0])
    StoredStream.objects.filter(aggregate_id=persons[4]).update(status="boxed")

    def ids(query: str) -> list[str]:
        rows = auditor.get(f"/api/streams?{query}").body["results"]
        return [row["aggregate_id"] for row in rows]

    assert ids("") == [*persons, account_id]
    assert ids("category=person") == persons
    assert ids("category=person&status=active") == persons[:4]
    assert ids("status=boxed") == [persons[4]]
    assert ids("category=nothing") == []
    first = auditor.get("/api/streams?limit=4").body
    added = api.registered_person()
    second = auditor.get(f"/api/streams?limit=4&after={first['next']}").body
    seen = [row["aggregate_id"] for row in first["results"] + second["results"]]
    assert seen == [*persons, account_id, added]
    end = auditor.get(f"/api/streams?after={second['next']}").body
    assert end == {"results": [], "next": second["next"]}


# The events of one -------------------------------------------------------------------------------


def test_an_event_is_shown_with_its_envelope_and_hash(auditor: Api, api: Api) -> None:
    account_id = api.opened_account(api.registered_person())
    fields = {"aggregate_id": account_id, "amount": "12.3", "booked_on": "1994-03-31"}
    answer = api.send("deposit-money", fields).body

    body = auditor.get(f"/api/streams/account/{account_id.upper()}").body

    stored = StoredEvent.objects.get(position=answer["position"])
    assert body["stream"]["version"] == 2
    assert body["stream"]["head_hash"] == body["events"][1]["hash"]
    assert body["events"][1] == {
        "position": answer["position"],
        "category": "account",
        "aggregate_id": account_id,
        "version": 2,
        "type": "account.money_deposited",
        "schema_version": 2,
        "data": {
            "amount": "12.30",
            "booked_on": "1994-03-31",
            "reference": None,
            "transfer_id": None,
            "is_refund": False,
        },
        "recorded_at": stored.recorded_at.isoformat().replace("+00:00", "Z"),
        "correlation_id": answer["correlation_id"],
        "causation_id": answer["command_id"],
        "user": "mary",
        "hash": bytes(stored.hash).hex(),
    }


def test_a_part_of_it_is_read_either_way(auditor: Api, account: str) -> None:
    assert versions(auditor, account) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert versions(auditor, f"{account}?direction=forward&from_version=3") == [3, 4, 5, 6, 7, 8]
    assert versions(auditor, f"{account}?from_version=3&to_version=5") == [3, 4, 5]
    assert versions(auditor, f"{account}?direction=backward&limit=3") == [8, 7, 6]
    backward = f"{account}?direction=backward&from_version=2&to_version=4"
    assert versions(auditor, backward) == [4, 3, 2]
    assert versions(auditor, f"{account}?from_version=5&to_version=3") == []
    assert versions(auditor, f"{account}?from_version=9") == []
    assert auditor.get(f"{account}?from_version=9").body["stream"]["version"] == 8


@pytest.mark.parametrize(
    ("direction", "bound", "wanted"),
    [
        ("forward", "from_version", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("backward", "to_version", [8, 7, 6, 5, 4, 3, 2, 1]),
    ],
)
@pytest.mark.parametrize("limit", [1, 3, 4, 8])
def test_next_leads_through_all_of_it(
    auditor: Api, account: str, direction: str, bound: str, wanted: list[int], limit: int
) -> None:
    path = f"{account}?direction={direction}&limit={limit}"
    page = auditor.get(path).body
    seen = page["events"]
    while page["next"] is not None:
        page = auditor.get(f"{path}&{bound}={page['next']}").body
        assert len(page["events"]) <= limit
        seen += page["events"]
    assert [event["version"] for event in seen] == wanted


def test_a_page_takes_as_many_statements_for_any_number_of_events(
    auditor: Api, account: str
) -> None:
    counts = set()
    auditor.get(account)  # A key's first use is noted.
    for limit in (1, 8):
        with CaptureQueriesContext(connection) as captured:
            assert len(versions(auditor, f"{account}?limit={limit}")) == limit
        counts.add(len(captured))
    assert len(counts) == 1


# What was stored by other code -------------------------------------------------------------------


def test_an_event_of_an_old_schema_version_is_shown_as_one_of_today(
    auditor: Api, old_account: UUID
) -> None:
    before = StoredEvent.objects.values_list("data", "schema_version", "hash")
    as_it_was = list(before)
    event = auditor.get(f"/api/streams/account/{old_account}").body["events"][1]
    assert (event["type"], event["schema_version"]) == ("account.money_deposited", 2)
    assert event["data"] == {
        "amount": "12.30",
        "booked_on": None,
        "reference": None,
        "transfer_id": None,
        "is_refund": False,
    }
    assert list(before.all()) == as_it_was
    assert as_it_was[1][:2] == ('{"amount":"12.30","booked_on":null,"reference":""}', 1)


@pytest.mark.parametrize(
    ("type_name", "schema_version"),
    [("account.blessed", 7), ("account.money_deposited", 99), ("account.money_deposited", 2)],
)
def test_an_event_that_cannot_be_read_is_shown_as_it_is_stored(
    auditor: Api, account: str, type_name: str, schema_version: int
) -> None:
    data = '{"of": 1.10, "big": 12345678901234567890.12345678901234567890}'
    store_raw(stream_of(account), data, type=type_name, schema_version=schema_version)
    answer = auditor.get(f"{account}?from_version=9")
    (event,) = answer.body["events"]
    assert (event["type"], event["schema_version"]) == (type_name, schema_version)
    assert f'"data":{data}' in answer.raw.decode(), "every digit is there"
    assert event["user"] == "mary"


def test_metadata_that_cannot_be_read_hides_nothing_else(auditor: Api, account: str) -> None:
    store_raw(stream_of(account), "{}", metadata='{"user": 1}')
    (event,) = auditor.get(f"{account}?from_version=9").body["events"]
    assert event["correlation_id"] is event["causation_id"] is event["user"] is None
