"""Projections over HTTP: operators see how far each is, and pause, resume, retry and skip."""

import json
from collections.abc import Generator
from typing import Any

import pytest
from django.test import Client

from eventstore.application import Application, get_application
from eventstore.models import Membership, SubscriptionAction, Tenant
from eventstore.tenancy import Role
from projections.models import AccountStatementLine
from tests.eventstore import failing
from tests.eventstore.admin.support import staff
from tests.eventstore.failing import (
    BREAKS,
    NAME,
    SECRET,
    booked,
    exhaust,
    references,
    subscription,
    work,
)
from tests.eventstore.support import World
from tests.http import Answer, Api, answer_of, api_for

LIST = "/api/projections"
WHY = {"reason": "its table is mended"}


class Operator:
    """A caller who posts."""

    def __init__(self, tenant: Tenant, role: Role = Role.OPERATOR, name: str = "olive") -> None:
        self.api = api_for(tenant, role, name)

    def post(self, action: str, fields: Any = WHY, name: str = NAME, query: str = "") -> Answer:
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        client: Client = self.api._client
        path = f"{LIST}/{name}/{action}{query}"
        return answer_of(client.post(path, body, content_type="application/json"))

    def seen(self, name: str = NAME) -> dict[str, Any]:
        answer = self.api.get(LIST)
        assert answer.status == 200, answer.raw
        (found,) = (row for row in answer.body["results"] if row["name"] == name)
        return found


@pytest.fixture
def olive(application: Application, tenant: Tenant) -> Operator:
    return Operator(tenant)


@pytest.fixture
def otto(application: Application, other_tenant: Tenant) -> Operator:
    """An operator of the other tenant."""
    return Operator(other_tenant, name="oscar")


@pytest.fixture
def broken(database: None) -> Generator[None]:
    with failing.broken_statements():
        yield


@pytest.fixture
def stopped(world: World, broken: None) -> list[int]:
    """Stopped at the second of three bookings of Acme's; their positions."""
    positions = booked(world, "one", BREAKS, "three")
    exhaust()
    assert subscription().status == "stopped"
    return positions


# What is shown -----------------------------------------------------------------------------------


def test_each_registered_projection_is_listed_with_how_far_it_is(olive, world):
    world.account("1.00")
    names = [row["name"] for row in olive.api.get(LIST).body["results"]]
    assert names == [projection.name for projection in get_application().projections]
    before = olive.seen()
    assert (before["mode"], before["registered_mode"], before["generation"]) == (
        "async",
        "async",
        1,
    )
    assert (before["status"], before["position"], before["lag_events"]) == ("active", 0, 3)
    assert 0 < before["lag_seconds"] < 60
    work()
    after = olive.seen()
    assert (after["lag_events"], after["lag_seconds"]) == (0, 0)
    assert after["position"] == after["settled"] == after["head"]


def test_inline_and_scheduled_ones_say_what_they_are(olive, world):
    world.account("1.00")
    inline = olive.seen("account_summary")
    assert (inline["mode"], inline["lag_events"], inline["as_of"]) == ("inline", 0, None)
    work()
    totals = olive.seen("daily_totals")
    assert (totals["mode"], totals["lag_events"]) == ("scheduled", 0)
    assert totals["as_of"] < totals["due_at"]


@pytest.mark.parametrize("role", [Role.MEMBER, Role.AUDITOR])
def test_others_than_operators_neither_see_nor_act(application, tenant, role):
    other = Operator(tenant, role, "mary")
    other.api.get(LIST).refused(403, "forbidden")
    for action in ("pause", "resume", "retry", "skip"):
        other.post(action).refused(403, "forbidden")
    Api(None).get(LIST).refused(401, "unauthenticated")
    assert not SubscriptionAction.objects.exists()


def test_nothing_is_a_parameter_and_post_is_the_only_way_to_act(olive):
    olive.api.get(f"{LIST}?name=x").refused(400, "unknown_parameter")
    olive.post("pause", query="?dry_run=1").refused(400, "unknown_parameter")
    refused = olive.api.get(f"{LIST}/{NAME}/pause").refused(405, "method_not_allowed")
    assert refused.headers["Allow"] == "POST"
    olive.api.method("DELETE", LIST).refused(405, "method_not_allowed")
    assert not SubscriptionAction.objects.exists()


# Pause and resume --------------------------------------------------------------------------------


def test_a_paused_projection_stands_still_and_a_resumed_one_goes_on(olive, world, tenant):
    paused = olive.post("pause", {"reason": "a migration"})
    assert (paused.status, paused.body["status"]) == (200, "paused")
    booked(world, "one")
    work()
    assert references(tenant.pk) == []
    assert olive.seen()["lag_events"] == 3
    resumed = olive.post("resume", {})
    assert (resumed.status, resumed.body["status"]) == (200, "active")
    work()
    assert references(tenant.pk) == ["one"]
    first, second = SubscriptionAction.objects.order_by("id")
    assert (first.action, first.user, first.reason) == ("pause", "olive", "a migration")
    assert (second.action, second.user, second.reason) == ("resume", "olive", "")


def test_what_its_status_does_not_allow_is_refused(olive, application):
    olive.post("resume").refused(409, "not_applicable")
    olive.post("retry").refused(409, "not_applicable")
    olive.post("skip").refused(409, "not_applicable")
    olive.post("pause")
    olive.post("pause").refused(409, "not_applicable")
    assert SubscriptionAction.objects.count() == 1


def test_who_need_not_say_why_may_leave_the_body_out(olive):
    olive.post("pause")
    assert olive.api.method("POST", f"{LIST}/{NAME}/resume").status == 200
    assert SubscriptionAction.objects.latest("id").reason == ""


@pytest.mark.parametrize("action", ["pause", "resume", "retry", "skip"])
def test_an_inline_one_takes_no_action_and_an_unknown_one_is_not_there(olive, action):
    olive.post(action, name="account_summary").refused(409, "not_applicable")
    olive.post(action, name="no_such").refused(404, "not_found")
    assert not SubscriptionAction.objects.exists()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, {"reason"}),
        ({"reason": ""}, {"reason"}),
        ({"reason": "x" * 201}, {"reason"}),
        ({"reason": 5}, {"reason"}),
        ({"reason": None}, {"reason"}),
        ({"reason": "a\nb", "force": True}, {"reason", "force"}),
        ({"force": True}, {"reason", "force"}),
    ],
)
def test_every_wrong_field_is_named_at_once(olive, stopped, fields, wrong):
    for action in ("pause", "skip"):
        answer = olive.post(action, fields).refused(400, "validation_failed")
        assert set(answer.body["errors"]) == wrong
    assert not SubscriptionAction.objects.exists()


def test_a_body_that_is_no_object_is_refused(olive):
    for body in (b"[]", b'{"reason": "a", "reason": "b"}', b"{"):
        olive.post("pause", body).refused(400, "malformed_json")
    olive.post("pause", b"x" * 1_100_000).refused(413, "body_too_large")
    olive.post("pause", b"").refused(415, "unsupported_media_type")
    client = olive.api._client
    path = f"{LIST}/{NAME}/pause"
    answer_of(client.post(path, {"reason": "x"})).refused(415, "unsupported_media_type")


def test_the_longest_reason_is_kept_without_blanks_around_it(olive):
    assert olive.post("pause", {"reason": f" {'x' * 200} "}).status == 200
    assert SubscriptionAction.objects.get().reason == "x" * 200


# Retry and skip ----------------------------------------------------------------------------------


def test_a_stopped_one_shows_why_to_the_tenant_whose_event_it_is(olive, stopped, tenant):
    seen = olive.seen()
    assert (seen["status"], seen["attempts"], seen["failed_position"]) == (
        "stopped",
        5,
        stopped[1],
    )
    assert SECRET in seen["error"]
    assert "Traceback" in seen["error"]
    assert references(tenant.pk) == ["one"]


def test_another_tenants_operator_does_not_see_the_error_and_may_not_skip(otto, stopped):
    seen = otto.seen()
    assert (seen["status"], seen["failed_position"]) == ("stopped", stopped[1])
    assert SECRET not in seen["error"]
    assert "another tenant's" in seen["error"]
    otto.post("skip").refused(403, "forbidden")
    assert not SubscriptionAction.objects.exists()
    assert subscription().status == "stopped"


def test_another_tenants_operator_may_pause_resume_and_retry(otto, stopped, tenant):
    for action, status in (("pause", "paused"), ("resume", "active"), ("retry", "active")):
        answer = otto.post(action)
        assert (answer.status, answer.body["status"]) == (200, status), answer.raw
        assert SECRET not in answer.raw.decode()
    failing.run(failing.MEND)
    work()
    assert references(tenant.pk) == ["one", BREAKS, "three"]


def test_mended_and_retried_it_goes_on_in_order(olive, stopped, tenant):
    failing.run(failing.MEND)
    work()
    assert references(tenant.pk) == ["one"]  # Not by itself.
    answer = olive.post("retry")
    assert (answer.status, answer.body["status"], answer.body["error"]) == (200, "active", "")
    work()
    assert references(tenant.pk) == ["one", BREAKS, "three"]
    balances = AccountStatementLine.objects.order_by("position").values_list("balance", flat=True)
    assert list(balances) == [666, 1332, 1998]
    assert olive.seen()["lag_events"] == 0


def test_retried_too_early_it_stops_again(olive, stopped):
    olive.post("retry")
    exhaust()
    assert (subscription().status, subscription().failed_position) == ("stopped", stopped[1])


def test_skipped_the_event_is_left_out_and_the_next_ones_follow(olive, stopped, tenant):
    answer = olive.post("skip", {"reason": "a test booking"})
    assert (answer.status, answer.body["status"]) == (200, "active")
    assert (answer.body["position"], answer.body["failed_position"]) == (stopped[1], None)
    work()
    assert references(tenant.pk) == ["one", "three"]
    done = SubscriptionAction.objects.get()
    assert (done.action, done.position, done.reason) == ("skip", stopped[1], "a test booking")
    assert SECRET in done.error
    olive.post("skip").refused(409, "not_applicable")


def test_an_operator_of_both_tenants_skips_with_the_key_of_the_events(
    application, stopped, other_tenant, tenant
):
    there = Operator(other_tenant, name="olga")
    there.post("skip").refused(403, "forbidden")
    here = Operator(tenant, name="olga")
    assert Membership.objects.filter(user__username="olga").count() == 2
    assert here.post("skip").status == 200


def test_an_event_that_failed_but_has_not_stopped_it_yet_can_be_skipped(olive, world, broken):
    (position,) = booked(world, BREAKS)
    get_application().subscriptions.work()
    failing.wait_longer()
    seen = olive.seen()
    assert (seen["status"], seen["attempts"], seen["failed_position"]) == ("active", 1, position)
    assert seen["retry_at"] is not None
    assert olive.post("skip").status == 200
    assert olive.seen()["position"] == position


def test_a_session_needs_its_csrf_token(application, tenant):
    browser = staff("olaf", tenant, "operator")
    refused = browser.post(
        f"{LIST}/{NAME}/pause",
        json.dumps(WHY),
        content_type="application/json",
        headers={"X-Tenant": tenant.slug},
    )
    assert refused.status_code == 403
    assert not SubscriptionAction.objects.exists()
