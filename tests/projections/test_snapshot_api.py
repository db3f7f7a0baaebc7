"""`?snapshot=LABEL`: queries of a copy as of a time or position, instead of the live rows."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import Model, QuerySet
from django.test.utils import CaptureQueriesContext

from eventstore.application import Application
from eventstore.models import RowCopy, StoredEvent, Tenant
from eventstore.rebuild_log import Order
from projections.models import PersonSummary
from projections.queries import OVERVIEW, QUERIES, STATEMENT, TOTALS, Query
from tests.http import Answer, Api, api_for, new_id
from tests.replay import bring_level

EVERY_QUERY = (*QUERIES, STATEMENT, TOTALS, OVERVIEW)
DAY = "1994-03-31"


def last_position() -> int:
    return StoredEvent.objects.latest("position").position


def book(api: Api, account_id: str, amount: str) -> None:
    fields = {"aggregate_id": account_id, "amount": amount, "booked_on": DAY}
    assert api.send("deposit-money", fields).status == 200


@pytest.fixture
def paths(api: Api, application: Application) -> list[str]:
    """Every URL of the queries, each of which shows something; and then a copy "then" is made."""
    owner_id = api.registered_person()
    source, target = (api.opened_account(owner_id, code) for code in "12")
    book(api, source, "10.00")
    transfer = {"from_account_id": source, "to_account_id": target, "amount": "1.00"}
    login = {"login_name": "ursula", "password": "correct horse"}
    places = [
        api.send("start-transfer", transfer).headers["Location"],
        api.send("start-user-registration", login).headers["Location"],
    ]
    bring_level(application)
    application.copies.make("then", user="olga")
    balances = [f"balance?booked_on={DAY}", "balance?recorded_on=2999-12-31"]
    lists = [f"/api/{query.name}" for query in (*QUERIES, TOTALS, OVERVIEW)]
    of_account = [f"/api/accounts/{source}/{name}" for name in ("statement", *balances)]
    return [*lists, *places, f"/api/persons/{owner_id}", f"/api/accounts/{source}", *of_account]


def of_copy(api: Api, path: str, label: str = "then") -> Answer:
    return api.get(f"{path}{'&' if '?' in path else '?'}snapshot={label}")


def without_as_of(answer: Answer) -> dict[str, Any]:
    body: dict[str, Any] = answer.body
    body.pop("as_of", None)
    return body


def names_in_copy(api: Api) -> list[str]:
    return [row["name"] for row in of_copy(api, "/api/persons").body["results"]]


# What is shown -----------------------------------------------------------------------------------


def test_every_query_shows_the_copys_rows_when_the_live_ones_have_moved_on(
    api: Api, application: Application, paths: list[str]
) -> None:
    assert len(paths) == 13
    position = str(last_position())
    before = {path: without_as_of(api.get(path)) for path in paths}
    move_on(api, paths)
    bring_level(application)
    for path in paths:
        answer = of_copy(api, path)
        assert answer.status == 200, (path, answer.raw)
        assert without_as_of(answer) == before[path], path
        assert answer.headers["X-Position"] == position, path
        now = api.get(path)
        if not path.startswith(("/api/transfers/", "/api/users/")):
            assert without_as_of(now) != before[path], f"{path} has not moved on"
        assert int(now.headers["X-Position"]) > int(position)


def move_on(api: Api, paths: list[str]) -> None:
    person_id = paths[8].rpartition("/")[2]
    account_id = paths[9].rpartition("/")[2]
    name = {"first_name": "Ada", "last_name": "King"}
    api.send("rename-person", {"aggregate_id": person_id, **name})
    book(api, account_id, "5.00")
    target = api.opened_account(api.registered_person("Bob", "X"))
    transfer = {"from_account_id": account_id, "to_account_id": target, "amount": "1.00"}
    api.send("start-transfer", transfer)
    login = {"login_name": "otto", "password": "correct horse"}
    api.send("start-user-registration", login)


def test_what_came_later_is_not_found_in_a_copy(api: Api, paths: list[str]) -> None:
    later = api.opened_account(api.registered_person())
    for path in (f"accounts/{later}", f"accounts/{later}/statement"):
        of_copy(api, f"/api/{path}").refused(404, "not_found")
    of_copy(api, f"/api/accounts/{later}/balance?booked_on={DAY}").refused(404, "not_found")
    unknown = of_copy(api, f"/api/persons/{new_id()}").refused(404, "not_found")
    assert "copy" not in unknown.body["detail"]


def test_pages_filters_and_ordering_are_those_of_the_copy(
    api: Api, application: Application
) -> None:
    for name in ("Bob", "Ada", "Cid"):
        api.registered_person(name, "X")
    application.copies.make("then", user="olga", names=["person_summary"])
    api.registered_person("Eve", "X")
    page = of_copy(api, "/api/persons?ordering=-name&page_size=2").body
    assert [row["name"] for row in page["results"]] == ["Cid X", "Bob X"]
    assert page["count"] == 3
    assert of_copy(api, "/api/persons?name=Eve X").body["count"] == 0


def test_daily_totals_of_a_copy_are_as_of_its_time(api: Api, application: Application) -> None:
    account_id = api.opened_account(api.registered_person())
    book(api, account_id, "1.00")
    at = StoredEvent.objects.latest("position").recorded_at
    book(api, account_id, "2.00")
    application.copies.make("then", user="olga", as_of=at)
    application.copies.make("there", user="olga", position=last_position())
    then = of_copy(api, "/api/daily-totals").body
    assert then["as_of"] == at.isoformat().replace("+00:00", "Z")
    assert then["results"][0]["deposited"] == "1.00"
    there = of_copy(api, "/api/daily-totals", "there").body
    assert there["as_of"] is None
    assert there["results"][0]["deposited"] == "3.00"


def test_an_overview_from_before_the_first_event_is_of_zeros(
    api: Api, application: Application
) -> None:
    api.registered_person()
    application.copies.make("then", user="olga", position=0)
    answer = of_copy(api, "/api/overview")
    assert answer.body["person_count"] == 0
    assert answer.headers["X-Position"] == "0"
    assert api.get("/api/overview").body["person_count"] == 1


def test_a_copy_is_the_same_after_a_rebuild(
    api: Api, application: Application, paths: list[str]
) -> None:
    before = {path: of_copy(api, path).body for path in paths}
    move_on(api, paths)
    for name in ("account_summary", "account_statement"):
        application.rebuilding.run(Order("rebuild", name, "olga"), lambda progress: None)
    assert {path: of_copy(api, path).body for path in paths} == before


def test_a_copys_list_takes_as_many_statements_for_any_number_of_rows(
    api: Api, application: Application
) -> None:
    owner_id = api.registered_person()
    api.opened_account(owner_id)
    application.copies.make("one", user="olga")
    for number in range(2, 8):
        api.opened_account(owner_id, code=str(number))
    application.copies.make("seven", user="olga")
    counts = {}
    for label, rows in (("one", 1), ("seven", 7)):
        of_copy(api, "/api/accounts", label)
        with CaptureQueriesContext(
            connection,
        ) as sent:
            assert of_copy(api, "/api/accounts", label).body["count"] == rows
        counts[label] = len(sent)
    assert counts["one"] == counts["seven"]


# What is refused ---------------------------------------------------------------------------------


def test_an_unknown_label_another_tenants_and_one_that_lacks_rows_answer_alike(
    api: Api, application: Application, paths: list[str], tenant: Tenant, other_tenant: Tenant
) -> None:
    application.copies.make("theirs", user="eve", tenant_id=other_tenant.id)
    for path in paths:
        unknown = of_copy(api, path, "nobody").refused(404, "not_found")
        theirs = of_copy(api, path, "theirs").refused(404, "not_found")
        assert theirs.raw.replace(b"theirs", b"nobody") == unknown.raw
        assert "X-Position" not in theirs.headers
    application.copies.make("little", user="olga", tenant_id=tenant.id, names=["user_summary"])
    for path in paths:
        if not path.startswith("/api/users"):
            answer = of_copy(api, path, "little").refused(404, "not_found")
            assert answer.raw == of_copy(api, path, "nobody").raw.replace(b"nobody", b"little")
    eve = api_for(other_tenant, user_name="eve")
    assert of_copy(eve, "/api/persons", "theirs").body["count"] == 0
    of_copy(eve, "/api/persons", "little").refused(404, "not_found")


def test_a_statement_is_not_found_where_the_copy_has_no_accounts(
    api: Api, application: Application, paths: list[str]
) -> None:
    """To read the accounts live would be wrong: there may be none as of then."""
    application.copies.make("lines", user="olga", names=["account_statement"])
    for path in paths:
        if "/statement" in path or "/balance" in path:
            of_copy(api, path, "lines").refused(404, "not_found")


def test_each_tenant_reads_its_own_rows_in_a_copy_of_all(
    api: Api, application: Application, other_tenant: Tenant
) -> None:
    eve = api_for(other_tenant, user_name="eve")
    api.registered_person("Ada", "X")
    eve.registered_person("Eve", "X")
    application.copies.make("then", user="olga")
    assert names_in_copy(api) == ["Ada X"]
    assert names_in_copy(eve) == ["Eve X"]


@pytest.mark.parametrize("also", ["min_position=0", "wait=0", "min_position=0&wait=1"])
def test_together_with_waiting_it_is_refused(api: Api, paths: list[str], also: str) -> None:
    for path in paths:
        separator = "&" if "?" in path else "?"
        answer = of_copy(api, f"{path}{separator}{also}").refused(400, "validation_failed")
        assert answer.body["errors"] == {
            "snapshot": ["cannot be given with min_position or wait: a copy stays as it is"]
        }


@pytest.mark.long
@pytest.mark.parametrize("label", ["", "Then", "a b", "then'", "x" * 51, "%C3%A4"])
def test_what_is_no_label_is_not_found(api: Api, paths: list[str], label: str) -> None:
    of_copy(api, "/api/persons", label).refused(404, "not_found")


def test_a_text_that_no_label_can_be_is_refused_by_name(api: Api) -> None:
    for texts in ("%00", "then&snapshot=then"):
        answer = of_copy(api, "/api/persons", texts).refused(400, "validation_failed")
        assert list(answer.body["errors"]) == ["snapshot"]


def test_a_copy_that_is_dropped_is_not_found_though_the_live_rows_are_there(
    api: Api, application: Application, paths: list[str]
) -> None:
    application.copies.drop("then", None, user="olga", reason="seen")
    for path in paths:
        of_copy(api, path).refused(404, "not_found")


def test_one_from_before_a_table_was_changed_is_refused(
    api: Api, application: Application, paths: list[str]
) -> None:
    copy, table = RowCopy.objects.get(), PersonSummary._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {copy.schema}.{table} DROP COLUMN name")
    of_copy(api, "/api/persons").refused(409, "not_applicable")


# What a query says that it reads -----------------------------------------------------------------


@pytest.mark.parametrize("query", EVERY_QUERY, ids=lambda query: query.name)
def test_a_query_says_of_which_projections_it_reads_rows(
    application: Application, query: Query
) -> None:
    named = [application.projections.named(name) for name in query.reads]
    tables = {table.model for each in named if each for table in each.tables}
    assert models_in(query.rows(Tenant().pk)) <= tables


def models_in(rows: QuerySet[Any]) -> set[type[Model]]:
    """The query's own, and those of its subqueries."""
    inner = [getattr(each, "query", None) for each in rows.query.annotations.values()]
    return {rows.model, *(query.model for query in inner if query is not None)}
