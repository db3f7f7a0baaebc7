"""Memberships in the admin: seen by whom, given, changed and ended by operators, on record."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from eventstore.admin import members
from eventstore.admin.members import locked
from eventstore.models import ApiKey, Membership
from eventstore.tenancy import Role
from tests.eventstore.admin.support import errors_by_field, hidden, link, staff, submit, text_of
from tests.eventstore.support import at_once
from tests.http import Api

MEMBERSHIPS = "/admin/eventstore/membership/"
NEW = f"{MEMBERSHIPS}new/"


@pytest.fixture
def marys(mary):
    """Mary's membership in Acme."""
    return Membership.objects.get(user__username="mary")


def page_of(membership, page=""):
    return f"{MEMBERSHIPS}{membership.pk}/{page}"


def roles(tenant):
    memberships = Membership.objects.filter(tenant=tenant)
    return dict(memberships.values_list("user__username", "role"))


# Who sees what -----------------------------------------------------------------------------------


def test_one_user_has_different_roles_in_different_tenants(tenant, other_tenant, application):
    client = staff("mary", tenant, "member")
    user = User.objects.get(username="mary")
    application.access.add_member(other_tenant, user, Role.AUDITOR, by="root")
    staff("max", tenant)
    staff("otto", other_tenant)
    html = text_of(client, MEMBERSHIPS)
    assert html.count("<tr>") == 1 + 3
    assert ">max<" not in html  # a member sees their own membership alone
    assert ">otto<" in html  # an auditor everybody's
    assert ">otto<" not in text_of(client, f"{MEMBERSHIPS}?tenant=acme")
    assert ">mary<" in text_of(client, f"{MEMBERSHIPS}?tenant=umbrella&user=mary")
    tenants = text_of(client, "/admin/eventstore/tenant/")
    assert 'data-label="Your role">member<' in tenants
    assert 'data-label="Your role">auditor<' in tenants


def test_a_member_reads_their_own_membership_and_no_record(mary, marys, operator):
    submit(operator, page_of(marys, "role/"), {"role": "member", "reason": "x"})
    html = text_of(mary, page_of(marys))
    assert "What was done" not in html
    assert link(html, "Change the role") is None
    assert "What was done" not in text_of(mary, f"/admin/eventstore/tenant/{marys.tenant_id}/")


def test_a_membership_elsewhere_answers_like_one_that_does_not_exist(marys, other_tenant):
    client = staff("otto", other_tenant, "operator")
    client.handler.enforce_csrf_checks = False
    sent = {"role": "auditor", "reason": "x", "csrfmiddlewaretoken": "y"}
    for page, send in (("", client.get), ("role/", client.post)):
        foreign, unknown = send(page_of(marys, page), sent), send(f"{MEMBERSHIPS}987/{page}", sent)
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.content == unknown.content
    answers = [client.post(f"{MEMBERSHIPS}{pk}/end/", sent) for pk in (marys.pk, 987)]
    assert [answer.status_code for answer in answers] == [404, 404]
    texts = [answer.content.decode().partition("<main")[2] for answer in answers]
    assert texts[0] == texts[1]
    assert roles(marys.tenant)["mary"] == "member"


@pytest.mark.parametrize("role", ["member", "auditor"])
def test_who_is_no_operator_changes_nothing(tenant, marys, role):
    client = staff("someone", tenant, role)
    client.handler.enforce_csrf_checks = False
    expected = 403 if role == "auditor" else 404
    for page in ("role/", "end/"):
        answer = client.post(page_of(marys, page), {"role": "auditor", "reason": "x"})
        assert answer.status_code == expected
    assert client.get(NEW).status_code == 403
    assert client.post(NEW, {}).status_code == 403
    assert roles(tenant) == {"mary": "member", "someone": role}


def test_a_forged_form_does_nothing(operator, marys):
    for address in (NEW, page_of(marys, "role/"), page_of(marys, "end/")):
        answer = operator.post(address, {"role": "auditor", "reason": "x", "tenant": "acme"})
        assert answer.status_code == 403
    assert roles(marys.tenant)["mary"] == "member"


# To add one --------------------------------------------------------------------------------------


def test_an_operator_adds_a_user_of_another_tenant_of_theirs(
    operator, tenant, other_tenant, application
):
    olive = User.objects.get(username="olive")
    application.access.add_member(other_tenant, olive, Role.OPERATOR, by="root")
    staff("new", other_tenant, "member")
    assert link(text_of(operator, MEMBERSHIPS), "Add a member") == NEW
    wanted = {"tenant": "acme", "user": "new", "role": "auditor", "reason": "audits us"}
    answer = submit(operator, NEW, wanted)
    html = text_of(operator, answer["Location"])
    assert roles(tenant)["new"] == "auditor"
    assert "New is auditor in acme." in html
    assert "Became auditor. Reason: audits us" in html


def test_a_superuser_adds_any_user_who_exists(root, tenant):
    staff("new")
    wanted = {"tenant": "acme", "role": "auditor", "reason": "audits us"}
    answer = root.post(NEW, wanted | {"user": "nobody"})
    assert "is no active user" in answer.content.decode()
    assert root.post(NEW, wanted | {"user": "new"}).status_code == 302
    assert roles(tenant) == {"new": "auditor"}


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"user": "nobody"}, {"user": "User is nobody in your tenants; a superuser"}),
        ({"user": "new"}, {"user": "User is nobody in your tenants; a superuser"}),
        ({"user": "gone"}, {"user": "User is nobody in your tenants"}),
        ({"user": "mary"}, {"user": "User is member in acme already; change the role there"}),
        ({"user": "x\0"}, {"user": "User must not contain "}),
        ({"tenant": "umbrella"}, {"tenant": "Tenant is no active tenant in which you are"}),
        ({"tenant": "", "reason": ""}, {"tenant": "Tenant is req", "reason": "Reason is req"}),
        ({"role": "king", "user": ""}, {"role": "Role must be one of", "user": "User is req"}),
    ],
)
def test_wrong_fields_add_nobody(operator, mary, other_tenant, tenant, changes, errors):
    staff("gone", is_active=False)
    staff("new")
    wanted = {"tenant": "acme", "user": "mary", "role": "member", "reason": "x"} | changes
    answer = submit(operator, NEW, wanted)
    found = errors_by_field(answer.content.decode())
    assert answer.status_code == 400
    assert found.keys() == errors.keys()
    assert all(found[name].startswith(errors[name]) for name in errors)
    assert roles(tenant) == {"olive": "operator", "mary": "member"}
    assert User.objects.count() == 4


# To change the role ------------------------------------------------------------------------------


def test_a_role_changes_from_the_next_request_on(operator, mary, marys, application):
    key = application.access.create_key(marys.tenant, marys.user, Role.MEMBER)
    address = link(text_of(operator, page_of(marys)), "Change the role")
    html = text_of(operator, address)
    assert "This also revokes the API keys that may do what the new role may not" in html
    assert link(html, "the 1 of this user") == "/admin/eventstore/apikey/?tenant=acme&user=mary"
    assert "You are an auditor or operator in no tenant" in text_of(
        mary, "/admin/eventstore/apikey/"
    )
    submit(operator, address, {"role": "auditor", "reason": "reads only"})
    assert "Role changed from member to auditor. Reason: reads only" in text_of(
        operator, page_of(marys)
    )
    assert "daybook_" in text_of(mary, "/admin/eventstore/apikey/")
    Api(key).get("/api/persons").refused(401, "unauthenticated")
    assert "its user became auditor" in text_of(operator, "/admin/eventstore/apikey/")


def test_a_role_that_somebody_has_is_no_change(operator, marys):
    answer = submit(operator, page_of(marys, "role/"), {"role": "member", "reason": "x"})
    assert errors_by_field(answer.content.decode()) == {"role": "Role is this already"}
    assert not LogEntry.objects.exists()


def test_a_new_role_does_not_bring_back_who_was_removed_meanwhile(
    operator, marys, application, monkeypatch
):
    def end():
        return application.access.remove_member(marys.tenant, marys.user, by="root")

    def locked_after_the_end(membership):
        assert at_once(end) == [True]
        return locked(membership)

    monkeypatch.setattr(members, "locked", locked_after_the_end)
    answer = submit(operator, page_of(marys, "role/"), {"role": "auditor", "reason": "x"})
    assert answer.status_code == 404
    assert roles(marys.tenant) == {"olive": "operator"}
    assert not LogEntry.objects.exists()


# To end one --------------------------------------------------------------------------------------


def test_who_is_no_member_any_more_is_out_with_all_keys(operator, mary, marys, application):
    tenant = marys.tenant
    secret = application.access.create_key(tenant, marys.user, Role.MEMBER)
    address = link(text_of(operator, page_of(marys)), "End the membership")
    assert "This also revokes the 1 API key that the user has there." in text_of(operator, address)
    answer = submit(operator, address, {"reason": "left us"})
    assert roles(tenant) == {"olive": "operator"}
    Api(secret).get("/api/persons").refused(401, "unauthenticated")
    assert ApiKey.objects.get().revoked_by == "olive"
    assert "You are a member of no tenant." in text_of(mary, MEMBERSHIPS)
    html = text_of(operator, answer["Location"])
    assert "Mary is no member of acme any more." in html
    assert "Membership ended, 1 keys revoked with it. Reason: left us" in html
    assert f"member {marys.user_id}: mary" in html


def test_the_record_of_a_user_outlives_the_membership(operator, marys, root):
    submit(operator, page_of(marys, "end/"), {"reason": "left us"})
    User.objects.filter(username="mary").update(username="maria")
    wanted = {"tenant": "acme", "user": "maria", "role": "member", "reason": "is back"}
    html = text_of(operator, root.post(NEW, wanted)["Location"])
    assert "Reason: left us" in html
    assert "Reason: is back" in html


def test_a_second_click_is_told_that_the_membership_is_gone(operator, marys):
    address = page_of(marys, "end/")
    token = hidden(text_of(operator, address)) | {"reason": "x"}
    assert operator.post(address, token).status_code == 302
    answer = operator.post(address, token)
    assert answer.status_code == 404
    assert "it has ended, or it is not for you to see" in answer.content.decode()
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("reason", ["", "x" * 201])
def test_a_membership_does_not_end_without_a_good_reason(operator, marys, reason):
    answer = submit(operator, page_of(marys, "end/"), {"reason": reason})
    assert answer.status_code == 400
    assert list(errors_by_field(answer.content.decode())) == ["reason"]
    assert roles(marys.tenant)["mary"] == "member"


def test_nobody_locks_himself_out_unnoticed(operator, tenant):
    own = Membership.objects.get(user__username="olive")
    html = text_of(operator, page_of(own))
    assert "This membership is your own." in html
    assert link(html, "End the membership") is None
    operator.handler.enforce_csrf_checks = False
    for page in ("role/", "end/"):
        answer = operator.post(page_of(own, page), {"role": "member", "reason": "x"})
        assert answer.status_code == 403
        assert "You may not change or end your own membership" in answer.content.decode()
    assert roles(tenant) == {"olive": "operator"}


def test_a_superuser_may_end_their_own(root, tenant, application):
    user = User.objects.get(username="root")
    application.access.add_member(tenant, user, Role.MEMBER, by="root")
    own = Membership.objects.get()
    assert submit(root, page_of(own, "end/"), {"reason": "not needed"}).status_code == 302
    assert roles(tenant) == {}
