"""Lists and details of the read models over HTTP."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventstore.models import Tenant
from projections.api.parameters import READERS
from projections.models import PersonSummary
from tests.eventstore.high_water_mark.support import APPEND_ONE
from tests.eventstore.support import raw_connection
from tests.http import Answer, Api, api_for, new_id


def names(answer: Answer) -> list[str]:
    return [row["name"] for row in answer.body["results"]]


def test_a_person_is_shown_with_what_they_own(api: Api) -> None:
    person_id = api.registered_person()
    api.opened_account(person_id, deposit="10.50")
    closed = api.opened_account(person_id)
    api.send("close-account", {"aggregate_id": closed})
    answer = api.get(f"/api/persons/{person_id}")
    row = answer.body
    assert list(row) == [
        "person_id",
        "name",
        "registered_at",
        "open_account_count",
        "total_balance",
        "version",
        "updated_at",
    ]
    assert row["open_account_count"] == 1
    assert row["total_balance"] == "10.50"
    assert row["updated_at"] > row["registered_at"]


def test_an_account_is_shown_with_its_owners_present_name(api: Api) -> None:
    person_id = api.registered_person()
    account_id = api.opened_account(person_id, code="CZ-1", deposit="10.50")
    api.send(
        "rename-person", {"aggregate_id": person_id, "first_name": "Ada", "last_name": "King"}
    )
    row = api.get(f"/api/accounts/{account_id}").body
    assert row == {
        "account_id": account_id,
        "code": "CZ-1",
        "status": "open",
        "balance": "10.50",
        "owner_id": person_id,
        "owner_name": "Ada King",
        "opened_at": row["opened_at"],
        "version": 2,
        "updated_at": row["updated_at"],
    }


def test_a_list_is_cut_into_pages_that_do_not_overlap(api: Api) -> None:
    for number in range(5):
        api.registered_person("Same", f"Name {number}")
    first = api.get("/api/persons?page_size=2&ordering=open_account_count").body
    second = api.get("/api/persons?page_size=2&page=2&ordering=open_account_count").body
    third = api.get("/api/persons?page_size=2&page=3&ordering=open_account_count").body
    seen = [row["person_id"] for page in (first, second, third) for row in page["results"]]
    assert len(set(seen)) == len(seen) == first["count"] == 5
    beyond = api.get("/api/persons?page=9")
    assert (beyond.status, beyond.body["results"], beyond.body["count"]) == (200, [], 5)


def test_a_list_is_ordered_as_asked(api: Api) -> None:
    for name in ("B", "A", "C"):
        api.registered_person(name, "X")
    assert names(api.get("/api/persons?ordering=name")) == ["A X", "B X", "C X"]
    assert names(api.get("/api/persons?ordering=-name")) == ["C X", "B X", "A X"]


def test_a_list_is_filtered_by_its_columns(api: Api) -> None:
    ada, bob = api.registered_person("Ada", "X"), api.registered_person("Bob", "X")
    api.opened_account(ada, code="1", deposit="7.00")
    api.opened_account(bob, code="2")
    assert names(api.get("/api/persons?name=Ada X")) == ["Ada X"]
    for query in (f"owner_id={ada}", "balance=7.00", "balance=7", "owner_name=Ada X", "version=2"):
        rows = api.get(f"/api/accounts?{query}").body["results"]
        assert [row["code"] for row in rows] == ["1"], query
    at = api.get("/api/accounts?code=1").body["results"][0]["opened_at"]
    assert api.get(f"/api/accounts?opened_at={at}").body["count"] == 1


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=x",
        "page=\uff11",
        "page_size=501",
        "page=1&page=2",
        "ordering=tenant_id",
        "ordering=",
        "ordering=name,,version",
        "ordering=name,-name",
        "min_position=-1",
        "min_position=99999999999999999999",
        "wait=31",
        "wait=1.5",
        "person_id=1",
        "version=1.0",
        "version=99999999999999999999",
        "total_balance=NaN",
        "total_balance=1e5",
        "registered_at=today",
        "registered_at=2026-01-01",
        "registered_at=0001-01-01T00:00:00%2B23:59",
        "name=%00",
    ],
)
def test_a_parameter_with_a_wrong_value_is_refused_by_name(api: Api, query: str) -> None:
    answer = api.get(f"/api/persons?{query}").refused(400, "validation_failed")
    assert list(answer.body["errors"]) == [query.partition("=")[0]]


@pytest.mark.parametrize("query", ["colour=red", "name__startswith=A", "tenant_id=1", "=", "%00"])
def test_a_parameter_that_does_not_exist_is_refused_by_name(api: Api, query: str) -> None:
    answer = api.get(f"/api/persons?{query}&page=0").refused(400, "unknown_parameter")
    assert "page" in answer.body["errors"]
    assert len(answer.body["errors"]) == 2


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("BooleanField", "true", True),
        ("BooleanField", "false", False),
        ("DateField", "1994-03-31", date(1994, 3, 31)),
    ],
)
def test_columns_of_other_kinds_can_be_filtered_too(kind: str, text: str, value: object) -> None:
    assert READERS[kind](text) == value
    with pytest.raises(ValueError, match="must be"):
        READERS[kind]("maybe")


def test_an_id_that_is_none_is_refused_and_an_unknown_one_not_found(api: Api) -> None:
    api.get("/api/persons/1").refused(400, "validation_failed")
    api.get(f"/api/persons/{new_id()}").refused(404, "not_found")
    api.get(f"/api/persons/{new_id()}?page=1").refused(400, "unknown_parameter")
    api.get("/api/nothing").refused(404, "not_found")


def test_another_tenants_rows_do_not_exist(api: Api, other_tenant: Tenant) -> None:
    other = api_for(other_tenant, user_name="eve")
    person_id = other.registered_person("Eve", "X")
    account_id = other.opened_account(person_id, deposit="5.00")
    assert api.get("/api/persons").body["count"] == 0
    assert api.get(f"/api/accounts?owner_id={person_id}").body["count"] == 0
    unknown = new_id()
    for path, known in (("persons", person_id), ("accounts", account_id)):
        theirs = api.get(f"/api/{path}/{known}").refused(404, "not_found")
        random = api.get(f"/api/{path}/{unknown}").refused(404, "not_found")
        assert theirs.raw.replace(known.encode(), b"") == random.raw.replace(unknown.encode(), b"")


def test_the_same_id_in_two_tenants_shows_two_rows(api: Api, other_tenant: Tenant) -> None:
    other = api_for(other_tenant, user_name="eve")
    shared = new_id()
    for caller, name in ((api, "Ada"), (other, "Eve")):
        fields = {"aggregate_id": shared, "first_name": name, "last_name": "X"}
        assert caller.send("register-person", fields).status == 201
    assert api.get(f"/api/persons/{shared}").body["name"] == "Ada X"
    assert other.get(f"/api/persons/{shared}").body["name"] == "Eve X"
    assert PersonSummary.objects.filter(person_id=shared).count() == 2


def test_an_answer_says_up_to_which_position_it_is_complete(api: Api) -> None:
    assert api.get("/api/persons").headers["X-Position"] == "0"
    sent = api.send("register-person", {"first_name": "Ada", "last_name": "X"})
    position = str(sent.body["position"])
    for path in ("/api/persons", sent.headers["Location"]):
        assert api.get(path).headers["X-Position"] == position


def test_the_position_stays_below_an_open_append(api: Api, tenant: Tenant) -> None:
    """Its event may come to stand below positions that are there already."""
    before = api.send("register-person", {"first_name": "Ada", "last_name": "X"}).body["position"]
    with raw_connection() as slow:
        slow.execute(APPEND_ONE)
        after = api.send("register-person", {"first_name": "Bob", "last_name": "X"})
        answer = api.get("/api/persons")
        assert answer.headers["X-Position"] == str(before)
        assert answer.body["count"] == 2
        slow.rollback()
    assert api.get("/api/persons").headers["X-Position"] == str(after.body["position"])


def test_a_position_that_is_reached_is_there_at_once(api: Api) -> None:
    sent = api.send("register-person", {"first_name": "Ada", "last_name": "X"})
    position = sent.body["position"]
    for path in ("/api/persons", sent.headers["Location"]):
        assert api.get(f"{path}?min_position={position}&wait=30").status == 200
        beyond = api.get(f"{path}?min_position={position + 1}").refused(400, "validation_failed")
        assert "min_position" in beyond.body["errors"]


def test_a_page_of_100_rows_costs_as_many_statements_as_one_of_10(api: Api) -> None:
    for number in range(100):
        api.opened_account(api.registered_person("P", str(number)))
    statements = []
    for size in (10, 100):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert len(api.get(f"/api/accounts?page_size={size}").body["results"]) == size
        statements.append([query["sql"] for query in captured])
    assert len(statements[0]) == len(statements[1]) <= 4
