"""Policies of cold storage in the admin: who has which, what it will do, and how it is changed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventstore.models import BoxPolicy, Tenant
from tests.eventstore.admin.conftest import HOSTILE
from tests.eventstore.admin.history_pages import words
from tests.eventstore.admin.support import errors_by_field, link, staff, submit, text_of
from tests.eventstore.support import at_once

LIST = "/admin/eventstore/boxpolicy/"
NEW = f"{LIST}new/"
FIELDS = {"tenant": "acme", "category": "person", "idle_days": "365", "reason": "the law asks"}
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


@pytest.fixture
def policy(application, tenant):
    """That persons of Acme are boxed after a year."""
    application.box_policies.put(tenant.pk, "person", 365, user="otto", reason="the law asks")
    return BoxPolicy.objects.get()


@pytest.fixture
def theirs(application, other_tenant):
    application.box_policies.put(other_tenant.pk, "account", 30, user="olga", reason="theirs")
    return BoxPolicy.objects.get(tenant=other_tenant)


def act(policy, what):
    return f"{LIST}{policy.pk}/{what}/"


def rows(client):
    body = text_of(client, LIST).partition("<tbody>")[2].partition("</tbody>")[0]
    return [words(row) for row in body.split("</tr>")[:-1]]


def records():
    entries = LogEntry.objects.order_by("pk")
    return list(entries.values_list("object_repr", "action_flag", "change_message"))


# What is shown -----------------------------------------------------------------------------------


def test_the_list_says_what_each_policy_does_and_when(auditor, policy, theirs):
    (row,) = rows(auditor)
    made = f"{policy.made_at:%Y-%m-%dT%H:%M:%S}Z"
    dash = "\N{EN DASH}"
    expected = f"person acme 365 none yet {dash} not yet {made} otto: the law asks {dash}"
    assert row == expected


@pytest.mark.parametrize(
    ("reported", "acted_after", "acts"),
    [(12, None, True), (12, -1, True), (12, 1, False), (0, None, False)],
)
def test_what_was_reported_is_boxed_at_a_time_that_is_told(
    auditor, policy, reported, acted_after, acts
):
    acted = None if acted_after is None else NOON + timedelta(hours=acted_after)
    due_at = NOON + timedelta(days=1)
    BoxPolicy.objects.update(
        reported_at=NOON, reported=reported, acted_at=acted, due_at=due_at, boxed=3, refused=2
    )
    (row,) = rows(auditor)
    assert f"{reported} idle, 2026-03-31T12:00:00Z" in row
    assert (f"{due_at:%Y-%m-%dT%H:%M:%S}Z" in row) is acts
    assert ("3 boxed, 2 refused, 2026-03-31T1" in row) is (acted is not None)


def test_the_way_to_the_policies_leads_over_the_boxes(operator, policy):
    assert link(text_of(operator, "/admin/eventstore/box/"), "Policies") == LIST
    html = text_of(operator, LIST)
    assert link(html, "Make a policy") == NEW
    assert act(policy, "change") in html
    assert act(policy, "drop") in html


def test_a_hundred_policies_cost_as_many_queries_as_ten(root, policy):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            text_of(root, LIST)
        return len(captured)

    def add(first, last):
        for number in range(first, last):
            tenant = Tenant.objects.create(slug=f"t{number}", name="T")
            BoxPolicy.objects.create(
                tenant=tenant, category="person", idle_days=1, user="u", reason="r"
            )

    add(0, 9)
    ten = queries()
    add(9, 99)
    assert queries() == ten


def test_where_there_is_none_the_list_says_what_that_means(operator):
    assert "There is no policy: nothing is boxed by itself." in text_of(operator, LIST)


def test_what_users_write_is_text(root, application, tenant):
    application.box_policies.put(tenant.pk, "person", 1, user=HOSTILE, reason=HOSTILE)
    made = BoxPolicy.objects.get()
    for address in (LIST, act(made, "change"), act(made, "drop")):
        html = text_of(root, address)
        assert "<img" not in html
        assert "&lt;img src=x" in html


# What is done ------------------------------------------------------------------------------------


def test_an_operator_makes_a_policy_which_stands_on_the_tenant_s_record(operator, tenant):
    answer = submit(operator, NEW, FIELDS, follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert "Each person of acme is boxed once it is idle for 365 days." in answer.content.decode()
    made = BoxPolicy.objects.get()
    assert (made.tenant, made.category, made.idle_days) == (tenant, "person", 365)
    assert (made.user, made.reason) == ("olive", "the law asks")
    what = "Box what is idle for 365 days. Reason: the law asks"
    assert records() == [("box policy: person", ADDITION, what)]
    assert what in text_of(operator, f"/admin/eventstore/tenant/{tenant.pk}/")


def test_a_policy_is_changed_and_reports_anew(operator, policy):
    BoxPolicy.objects.update(reported=12, reported_at=NOON)
    html = text_of(operator, act(policy, "change"))
    assert 'value="365"' in html
    submit(operator, act(policy, "change"), {"idle_days": "30", "reason": "sooner"})
    policy.refresh_from_db()
    assert (policy.idle_days, policy.user, policy.reason) == (30, "olive", "sooner")
    assert (policy.reported, policy.reported_at) == (0, None)
    what = "Box what is idle for 30 days. Reason: sooner"
    assert records() == [("box policy: person", CHANGE, what)]


def test_a_change_that_changes_nothing_says_so_and_leaves_no_record(operator, policy):
    same = {"idle_days": "365", "reason": "the law asks"}
    answer = submit(operator, act(policy, "change"), same, follow=True)
    assert "The policy says just that already." in answer.content.decode()
    assert records() == []


def test_a_policy_is_dropped_once(operator, policy):
    text_of(operator, act(policy, "drop"))
    token = operator.cookies["csrftoken"].value
    sent = {"reason": "no more", "csrfmiddlewaretoken": token}
    answers = at_once(*[lambda: operator.post(act(policy, "drop"), sent).status_code] * 4)
    assert set(answers) <= {302, 404}
    assert not BoxPolicy.objects.exists()
    assert records() == [("box policy: person", DELETION, "Dropped. Reason: no more")]


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({"tenant": "umbrella"}, "tenant"),
        ({"tenant": ""}, "tenant"),
        ({"category": "unicorn"}, "category"),
        ({"idle_days": "0"}, "idle_days"),
        ({"idle_days": "36501"}, "idle_days"),
        ({"idle_days": "a year"}, "idle_days"),
        ({"reason": " "}, "reason"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(operator, other_tenant, sent, wrong):
    answer = submit(operator, NEW, FIELDS | sent)
    assert answer.status_code == 400
    assert list(errors_by_field(answer.content.decode())) == [wrong]
    assert not BoxPolicy.objects.exists()


def test_a_category_has_one_policy(operator, policy):
    answer = submit(operator, NEW, FIELDS | {"idle_days": "1"})
    errors = errors_by_field(answer.content.decode())
    assert "has a policy in acme already; change that one" in errors["category"]
    policy.refresh_from_db()
    assert policy.idle_days == 365


# By whom -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["change", "drop"])
def test_auditors_look_members_and_other_tenants_find_nothing(tenant, policy, theirs, what):
    auditor, member = staff("audrey", tenant, "auditor"), staff("max", tenant)
    for client, of, status in (
        (auditor, policy, 403),
        (member, policy, 404),
        (auditor, theirs, 404),
        (staff("olive", tenant, "operator"), theirs, 404),
    ):
        client.handler.enforce_csrf_checks = False
        assert client.get(act(of, what)).status_code == status
        sent = {"idle_days": "1", "reason": "because"}
        assert client.post(act(of, what), sent).status_code == status
    assert set(BoxPolicy.objects.values_list("idle_days", flat=True)) == {365, 30}
    assert auditor.get(NEW).status_code == 403
    assert link(text_of(auditor, LIST), "Make a policy") is None
    assert "You are an auditor or operator in no tenant" in text_of(member, LIST)


def test_without_the_token_nothing_is_done(operator, policy):
    text_of(operator, NEW)
    assert operator.post(NEW, FIELDS | {"category": "account"}).status_code == 403
    assert operator.post(act(policy, "drop"), {"reason": "because"}).status_code == 403
    assert BoxPolicy.objects.get() == policy
