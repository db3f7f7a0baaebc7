"""API keys in the admin: what has become of each, and how one is made and ended, on record."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.utils import timezone

from eventstore.models import ApiKey, Membership, Tenant
from eventstore.tenancy import Role
from tests.eventstore.admin.support import errors_by_field, link, staff, submit, text_of
from tests.http import Api

KEYS = "/admin/eventstore/apikey/"
NEW = f"{KEYS}new/"


@pytest.fixture
def secret(application, mary, tenant):
    """A key of Mary's in Acme."""
    return application.access.create_key(tenant, User.objects.get(username="mary"), Role.MEMBER)


@pytest.fixture
def key(secret):
    return ApiKey.objects.get(user__username="mary")


def page_of(key):
    return f"{KEYS}{key.pk}/"


def asked(**changes):
    """What is filled in for a new key."""
    return {"tenant": "acme", "user": "mary", "role": "auditor", "reason": "a report"} | changes


# What is shown -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        ("valid", {}),
        ("valid", {"expires_at": timezone.now() + timedelta(days=1)}),
        ("expired", {"expires_at": timezone.now() - timedelta(seconds=1)}),
        ("revoked", {"revoked_at": timezone.now(), "expires_at": timezone.now()}),
    ],
)
def test_a_key_shows_its_state(operator, key, state, changes):
    ApiKey.objects.update(**changes)
    for address in (KEYS, page_of(key)):
        html = text_of(operator, address)
        assert f'es-status-{state}">{state}<' in html
        assert key.prefix in html


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda: User.objects.filter(username="mary").update(is_active=False), "its user is not"),
        (lambda: Membership.objects.filter(role="member").delete(), "its user is no member"),
        (lambda: Tenant.objects.update(active=False), "its tenant is not active"),
    ],
)
def test_a_key_that_opens_nothing_is_not_called_valid(root, key, secret, change, why):
    change()
    assert Api(secret).get("/api/persons").status == 401
    assert f"</span> {why}" in text_of(root, KEYS).replace("\n", "")
    assert ">valid<" not in text_of(root, page_of(key))


def test_a_key_shows_when_it_was_last_used(operator, key, secret):
    assert "Last used, to the minute</dt><dd><time" not in text_of(operator, page_of(key))
    Api(secret).get("/api/persons")
    used = ApiKey.objects.get().last_used_at
    assert f"{used:%Y-%m-%dT%H:%M:%SZ}" in text_of(operator, page_of(key))


# To end a key ------------------------------------------------------------------------------------


def test_a_revoked_key_opens_nothing_and_says_who_when_and_why(operator, key, secret):
    address = link(text_of(operator, page_of(key)), "Revoke this key")
    assert "will be refused from the next request on" in text_of(operator, address)
    assert Api(secret).get("/api/persons").status == 200
    answer = submit(operator, address, {"reason": "  It leaked.  "})
    assert (answer.status_code, answer["Location"]) == (302, page_of(key))
    Api(secret).get("/api/persons").refused(401, "unauthenticated")
    html = text_of(operator, page_of(key))
    revoked = ApiKey.objects.get()
    assert (revoked.revoked_by, revoked.revoke_reason) == ("olive", "It leaked.")
    assert f"{revoked.revoked_at:%Y-%m-%dT%H:%M:%SZ}" in html
    assert "Revoked. Reason: It leaked." in html
    assert link(html, "Revoke this key") is None
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_repr) == ("olive", f"key {key.pk}: {key.prefix}")


def test_a_key_is_revoked_once_and_the_second_one_is_told(operator, key):
    first, second = (f"{page_of(key)}revoke/", {"reason": "first"}), {"reason": "second"}
    sent_twice = submit(operator, *first).wsgi_request.POST
    assert operator.post(first[0], sent_twice.dict() | second).status_code == 302
    assert "was revoked before" in text_of(operator, page_of(key))
    assert ApiKey.objects.get().revoke_reason == "first"
    assert LogEntry.objects.count() == 1
    assert operator.get(first[0]).status_code == 302


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("", "Reason is required"),
        ("   ", "Reason is required"),
        ("x" * 201, "Reason must have 1 to 200 characters"),
        ("a\0b", "Reason must not contain "),
    ],
)
def test_a_key_is_not_revoked_without_a_good_reason(operator, key, reason, error):
    answer = submit(operator, f"{page_of(key)}revoke/", {"reason": reason})
    assert answer.status_code == 400
    errors = errors_by_field(answer.content.decode())
    assert list(errors) == ["reason"]
    assert errors["reason"].startswith(error)
    assert ApiKey.objects.get().revoked_at is None


def test_an_auditor_may_look_and_not_revoke(auditor, key):
    html = text_of(auditor, page_of(key))
    assert link(html, "Revoke this key") is None
    assert link(text_of(auditor, KEYS), "Create a key") is None
    for method in (auditor.get, auditor.post):
        answer = method(f"{page_of(key)}revoke/", {"reason": "no"})
        assert answer.status_code == 403
        assert "You may not revoke keys of acme. Ask an operator" in answer.content.decode()
    assert auditor.post(NEW, asked()).status_code == 403
    assert ApiKey.objects.filter(revoked_at=None).count() == 2


@pytest.mark.parametrize("role", ["operator", "auditor", "member", None])
def test_a_key_elsewhere_is_revoked_like_one_that_does_not_exist(
    key, other_tenant, operator, role
):
    """Also by who is a member of its tenant, and by who is operator of another one."""
    stranger = staff("otto", other_tenant, role) if role else staff("nobody")
    member = staff("max", Tenant.objects.get(slug="acme"))
    token = {"csrfmiddlewaretoken": "x" * 32, "reason": "no"}
    for client in (stranger, member):
        client.handler.enforce_csrf_checks = False
        for page in ("", "revoke/"):
            send = client.post if page else client.get
            foreign, unknown = send(f"{page_of(key)}{page}", token), send(f"{KEYS}987/{page}")
            assert foreign.status_code == unknown.status_code == 404
            assert foreign.content == unknown.content
    assert ApiKey.objects.get().revoked_at is None


def test_a_forged_form_does_nothing(operator, key):
    for address, fields in ((f"{page_of(key)}revoke/", {"reason": "x"}), (NEW, asked())):
        assert operator.post(address, fields).status_code == 403
    assert ApiKey.objects.filter(revoked_at=None).count() == 1


# To make a key -----------------------------------------------------------------------------------


def test_a_new_key_is_shown_once_and_kept_nowhere(operator, mary, caplog):
    assert link(text_of(operator, KEYS), "Create a key") == NEW
    answer = submit(operator, NEW, asked(expires="2999-12-31"))
    html = answer.content.decode()
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    secret = html.partition('es-secret">')[2].partition("<")[0]
    assert Api(secret).get("/api/persons").status == 200
    assert html.count(secret) == 1
    key = ApiKey.objects.get()
    assert (key.user.username, key.tenant.slug, key.role) == ("mary", "acme", "auditor")
    assert key.expires_at == datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)
    elsewhere = [text_of(operator, page) for page in (KEYS, page_of(key), "/admin/")]
    kept = [*ApiKey.objects.values(), *LogEntry.objects.values(), *operator.session.items()]
    assert secret not in f"{elsewhere} {kept} {caplog.text} {operator.cookies}"
    assert "Created for mary as auditor. Reason: a report" in text_of(operator, page_of(key))


def test_a_key_is_not_made_from_wrong_fields_and_all_are_named(operator, mary):
    wrong = asked(tenant="nowhere", user="", role="king", expires="yesterday", reason="")
    answer = submit(operator, NEW, wrong)
    html = answer.content.decode()
    assert answer.status_code == 400
    assert errors_by_field(html) == {
        "tenant": "Tenant is no active tenant in which you are an operator",
        "user": "User is required",
        "role": "Role must be one of member, auditor, operator",
        "expires": "Expires must be a day, such as 2027-12-31, or a time with its offset, "
        "such as 2027-12-31T12:00Z",
        "reason": "Reason is required",
    }
    assert 'value="nowhere"' in html
    assert 'value="yesterday"' in html
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("expires", ["2001-01-01", "2001-01-01T00:00Z", "2999-01-01T00:00", "+1d"])
def test_a_key_that_would_be_dead_or_vague_is_not_made(operator, mary, expires):
    answer = submit(operator, NEW, asked(expires=expires))
    assert list(errors_by_field(answer.content.decode())) == ["expires"]


def test_an_operator_makes_keys_for_active_members_alone(operator, mary, other_tenant):
    """For anybody else they could act as them; whether the user exists does not show."""
    staff("otto", other_tenant)
    User.objects.create_superuser("root")
    User.objects.filter(username="mary").update(is_active=False)
    for name in ("otto", "root", "nobody", "mary", "MARY"):
        answer = submit(operator, NEW, asked(user=name))
        expected = "User is no active member of acme; add them under Memberships first"
        assert errors_by_field(answer.content.decode()) == {"user": expected}, name
    assert submit(operator, NEW, asked(tenant="umbrella")).status_code == 400
    assert not ApiKey.objects.exists()
    assert User.objects.count() == 4


def test_a_superuser_makes_a_key_for_any_user_who_becomes_a_member(root, mary, other_tenant):
    assert submit(root, NEW, asked(tenant="umbrella")).status_code == 200
    assert Membership.objects.get(tenant=other_tenant).role == "auditor"
    record = text_of(root, f"/admin/eventstore/tenant/{other_tenant.pk}/")
    assert "Became auditor, with a key. Reason: a report" in record
    assert submit(root, NEW, asked(user="nobody")).status_code == 400
    assert not User.objects.filter(username="nobody").exists()


@pytest.mark.parametrize("role", ["member", "auditor", None])
def test_who_operates_nothing_makes_no_key(tenant, role):
    client = staff("someone", tenant if role else None, role or "")
    client.handler.enforce_csrf_checks = False
    assert client.get(NEW).status_code == client.post(NEW, asked()).status_code == 403
