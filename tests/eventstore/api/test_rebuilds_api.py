"""Rebuilds over HTTP: asked for by operators, done by the background, looked at while it does."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from eventstore.application import Application
from eventstore.models import Rebuild, Tenant
from eventstore.rebuild_jobs import NOT_YOURS
from eventstore.rebuild_log import Order
from eventstore.tenancy import Role
from projections.models import AccountSummary
from tests.eventstore.admin.support import staff
from tests.eventstore.support import World, at_once
from tests.http import Answer, Api, answer_of, api_for

NAME = "account_summary"
LIST = f"/api/projections/{NAME}/rebuilds"
WHY = {"reason": "its table was repaired"}


class Operator:
    """A caller who posts."""

    def __init__(self, tenant: Tenant, role: Role = Role.OPERATOR, name: str = "olive") -> None:
        self.api = api_for(tenant, role, name)

    def ask(self, fields: Any = WHY, name: str = NAME, query: str = "") -> Answer:
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        client: Client = self.api._client
        path = f"/api/projections/{name}/rebuild{query}"
        return answer_of(client.post(path, body, content_type="application/json"))

    def run(self, number: int) -> dict[str, Any]:
        answer = self.api.get(f"{LIST}/{number}")
        assert answer.status == 200, answer.raw
        body: dict[str, Any] = answer.body
        return body


@pytest.fixture
def olive(application: Application, tenant: Tenant) -> Operator:
    return Operator(tenant)


@pytest.fixture
def oscar(application: Application, elsewhere: World) -> Operator:
    """An operator of Umbrella."""
    return Operator(Tenant.objects.get(slug="umbrella"), name="oscar")


def damage(*worlds: World) -> list[str]:
    """A row of each is not as its events have it; the accounts."""
    accounts = [world.account("5.00") for world in worlds]
    for account_id in accounts:
        AccountSummary.objects.filter(account_id=account_id).update(balance=666)
    return [str(account_id) for account_id in accounts]


# Asking ------------------------------------------------------------------------------------------


def test_what_is_asked_for_waits_until_the_background_has_done_it(olive, world, application):
    (account_id,) = damage(world)
    asked = olive.ask()
    assert asked.status == 202, asked.raw
    run = asked.body
    assert asked.headers["Location"] == f"{LIST}/{run['id']}"
    assert (run["projection"], run["kind"], run["status"]) == (NAME, "rebuild", "waiting")
    assert (run["user"], run["reason"]) == ("olive", WHY["reason"])
    assert (run["started_at"], run["ended_at"], run["differences"]) == (None, None, [])
    assert datetime.fromisoformat(run["asked_at"]) <= datetime.now(UTC)
    assert application.wakeups.due() == ["projections", "rebuilds"]

    application.rebuilding.work()
    done = olive.run(run["id"])
    assert (done["status"], done["rows"], done["error"], done["attempts"]) == ("done", 2, "", 1)
    assert done["events"] > 0
    assert done["position"] == done["head"]
    assert done["asked_at"] <= done["started_at"] <= done["ended_at"]
    assert AccountSummary.objects.get(account_id=account_id).balance == 5
    assert "rebuilds" not in application.wakeups.due()


@pytest.mark.parametrize("body", [b"", {}, {"reason": "x" * 200}, {"kind": "rebuild"}])
def test_kind_and_reason_may_be_left_out(olive, body):
    if body == b"":
        answer = olive.api.method("POST", f"/api/projections/{NAME}/rebuild")
    else:
        answer = olive.ask(body)
    assert (answer.status, answer.body["kind"]) == (202, "rebuild"), answer.raw
    assert Rebuild.objects.get().reason == (body or {}).get("reason", "")


def test_while_one_waits_or_is_at_work_there_is_no_second_one(olive, application, world):
    first = olive.ask().body["id"]
    for kind in Rebuild.Kind.values:
        olive.ask({"kind": kind}).refused(409, "not_applicable")
    assert olive.ask(name="person_summary").status == 202
    Rebuild.objects.filter(pk=first).update(status="running")
    olive.ask().refused(409, "not_applicable")
    application.rebuilding.work()
    assert olive.ask().status == 202
    assert Rebuild.objects.count() == 3


def test_of_those_who_ask_at_the_same_time_one_is_first(olive, tenant):
    callers = [Operator(tenant, name=f"o{number}") for number in range(6)]
    answers = at_once(*(caller.ask for caller in callers))
    assert sorted(answer.status for answer in answers) == [202, *[409] * 5]
    assert Rebuild.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"kind": "drop"}, {"kind"}),
        ({"kind": None}, {"kind"}),
        ({"kind": ["rebuild"]}, {"kind"}),
        ({"reason": ""}, {"reason"}),
        ({"reason": "x" * 201}, {"reason"}),
        ({"reason": "a\nb", "kind": 1, "tenant": "x"}, {"reason", "kind", "tenant"}),
    ],
)
def test_every_wrong_field_is_named_at_once(olive, fields, wrong):
    answer = olive.ask(fields).refused(400, "validation_failed")
    assert set(answer.body["errors"]) == wrong
    assert not Rebuild.objects.exists()


def test_a_body_that_is_no_object_is_refused(olive):
    for body in (b"[]", b'{"kind": "fix", "kind": "check"}', b"{"):
        olive.ask(body).refused(400, "malformed_json")
    olive.ask(b"x" * 1_100_000).refused(413, "body_too_large")
    path = f"/api/projections/{NAME}/rebuild"
    answer_of(olive.api._client.post(path, WHY)).refused(415, "unsupported_media_type")
    assert not Rebuild.objects.exists()


def test_unknown_names_numbers_parameters_and_methods_are_refused(olive):
    number = olive.ask().body["id"]
    olive.ask(name="no_such").refused(404, "not_found")
    olive.ask(query="?now=1").refused(400, "unknown_parameter")
    get = olive.api.get
    for path in (
        "/api/projections/no_such/rebuilds",
        f"/api/projections/no_such/rebuilds/{number}",
        f"/api/projections/person_summary/rebuilds/{number}",
        f"{LIST}/{number + 1}",
        f"{LIST}/{'9' * 30}",
        f"{LIST}/x",
    ):
        get(path).refused(404, "not_found")
    get(f"{LIST}/{number}?x=1").refused(400, "unknown_parameter")
    get(f"{LIST}?x=1").refused(400, "unknown_parameter")
    get(f"{LIST}?limit=0&before=x").refused(400, "validation_failed")
    assert (
        get(f"/api/projections/{NAME}/rebuild").refused(405, "method_not_allowed").headers["Allow"]
        == "POST"
    )


@pytest.mark.parametrize("role", [Role.MEMBER, Role.AUDITOR])
def test_others_than_operators_neither_ask_nor_look(olive, tenant, role):
    number = olive.ask().body["id"]
    other = Operator(tenant, role, "mary")
    other.ask().refused(403, "forbidden")
    other.api.get(LIST).refused(403, "forbidden")
    other.api.get(f"{LIST}/{number}").refused(403, "forbidden")
    Api(None).get(LIST).refused(401, "unauthenticated")
    assert Rebuild.objects.count() == 1


def test_a_session_needs_its_csrf_token(application, tenant):
    browser = staff("olaf", tenant, "operator")
    refused = browser.post(
        f"/api/projections/{NAME}/rebuild",
        json.dumps(WHY),
        content_type="application/json",
        headers={"X-Tenant": tenant.slug},
    )
    assert refused.status_code == 403
    assert not Rebuild.objects.exists()


def test_the_list_goes_from_the_newest_to_older_ones(olive, application):
    numbers = []
    for _ in range(3):
        numbers.insert(0, olive.ask().body["id"])
        application.rebuilding.work()
    first = olive.api.get(f"{LIST}?limit=2").body
    assert [run["id"] for run in first["results"]] == numbers[:2]
    assert "differences" not in first["results"][0]
    second = olive.api.get(f"{LIST}?limit=2&before={first['next']}").body
    assert ([run["id"] for run in second["results"]], second["next"]) == (numbers[2:], None)


# What is found, and who sees it ------------------------------------------------------------------


def test_a_check_tells_what_differs_and_a_fix_mends_it(olive, world, application):
    (account_id,) = damage(world)
    number = olive.ask({"kind": "check"}).body["id"]
    application.rebuilding.work()
    found = olive.run(number)
    assert (found["status"], found["rows"], found["hidden_differences"]) == ("differs", 1, 0)
    # Its transaction is rolled back; how far it was is seen all the same.
    assert found["events"] > 0
    assert found["position"] == found["head"]
    (difference,) = found["differences"]
    assert difference["table"] == "account_summary"
    assert difference["key"] == {"account_id": account_id}
    assert (difference["kind"], difference["columns"]) == ("different", ["balance"])
    assert difference["position"] > 0
    assert AccountSummary.objects.get().balance == 666

    for kind, rows in (("fix", 1), ("check", 0)):
        number = olive.ask({"kind": kind}).body["id"]
        application.rebuilding.work()
        done = olive.run(number)
        assert (done["status"], done["rows"], done["differences"]) == ("done", rows, [])
    assert AccountSummary.objects.get().balance == 5


def test_of_another_tenants_rows_only_the_number_is_told(
    olive, oscar, world, elsewhere, application
):
    mine, theirs = damage(world, elsewhere)
    number = olive.ask({"kind": "check", "reason": "acme's secret"}).body["id"]
    application.rebuilding.work()
    for operator, own, others in ((olive, mine, theirs), (oscar, theirs, mine)):
        answer = operator.api.get(f"{LIST}/{number}")
        found = answer.body
        assert (found["rows"], found["hidden_differences"]) == (2, 1)
        assert [each["key"]["account_id"] for each in found["differences"]] == [own]
        assert others not in answer.raw.decode()
    seen = oscar.run(number)
    assert (seen["user"], seen["reason"]) == (None, None)
    assert "acme's secret" not in oscar.api.get(LIST).raw.decode()
    assert "olive" not in oscar.api.get(LIST).raw.decode()
    assert olive.run(number)["user"] == "olive"


def test_a_run_of_one_tenants_rows_is_unknown_to_others(olive, oscar, application, tenant):
    order = Order("rebuild", NAME, "manage.py (root)", "why", tenant.pk)
    number = application.rebuilding.log.ask(order)
    assert olive.run(number)["user"] == "manage.py (root)"
    oscar.api.get(f"{LIST}/{number}").refused(404, "not_found")
    assert oscar.api.get(LIST).body["results"] == []


def test_an_error_is_shown_to_the_tenant_whose_event_it_is(
    olive, oscar, world, elsewhere, application
):
    position = world.deposit(world.account()).position
    number = olive.ask().body["id"]
    told = f"ReplayFailed: {NAME} failed at position {position}: ValueError: 666 is Acme's."
    Rebuild.objects.filter(pk=number).update(status="failed", error=told)
    assert olive.run(number)["error"] == told
    assert oscar.run(number)["error"] == NOT_YOURS
    # Whose rows a database's error quotes, nobody can say.
    for error in ("IntegrityError: Key (tenant_id)=(7) exists.", "failed at position 1: x"):
        Rebuild.objects.filter(pk=number).update(error=error)
        assert olive.run(number)["error"] == oscar.run(number)["error"] == NOT_YOURS
    ours = "NotRebuildable: account_summary cannot be rebuilt: 3 streams are in cold storage."
    Rebuild.objects.filter(pk=number).update(error=ours)
    assert olive.run(number)["error"] == oscar.run(number)["error"] == ours


def test_a_projection_that_this_code_does_not_know_calls_for_nobody(application, olive):
    Rebuild.objects.create(projection="gone", kind="rebuild", user="olive", reason="")
    assert application.wakeups.due() == []
