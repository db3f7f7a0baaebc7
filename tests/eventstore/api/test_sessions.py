"""Sessions: Django's login, its CSRF token, and `X-Tenant` for the tenant to act in."""

import json
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from eventstore.application import Application
from eventstore.models import StoredCommand, StoredEvent, Tenant
from eventstore.tenancy import Role
from tests.http import Answer, answer_of, api_for

ADA = {"first_name": "Ada", "last_name": "King"}


class Browser:
    """A logged-in user's browser, whose scripts call the API. Checks CSRF as outside a test."""

    def __init__(self, user: User) -> None:
        self.client = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
        self.client.get("/admin/login/")
        #: As a page of Django's hands it out.
        self.token = self.client.cookies["csrftoken"].value
        self.client.force_login(user)

    def get(self, path: str, **headers: str) -> Answer:
        return answer_of(self.client.get(path, headers=headers))

    def send(self, name: str, **headers: str) -> Answer:
        return answer_of(
            self.client.post(
                f"/api/commands/{name}",
                json.dumps(ADA),
                content_type="application/json",
                headers=headers,
            )
        )


@pytest.fixture
def mary(tenant: Tenant, other_tenant: Tenant, application: Application) -> User:
    """A member of Acme and an auditor of Umbrella."""
    user = User.objects.create_user("mary")
    application.access.add_member(tenant, user, Role.MEMBER, by="root")
    application.access.add_member(other_tenant, user, Role.AUDITOR, by="root")
    return user


def test_a_session_acts_in_the_tenant_it_names(mary: User) -> None:
    browser = Browser(mary)
    headers = {"X-Tenant": "acme", "X-CSRFToken": browser.token}
    answer = browser.send("register-person", **headers)
    assert answer.status == 201
    assert StoredCommand.objects.get().user == "mary"
    assert browser.get("/api/persons", **{"X-Tenant": "acme"}).body["count"] == 1
    assert browser.get("/api/persons", **{"X-Tenant": "umbrella"}).body["count"] == 0


def test_switching_the_tenant_switches_what_is_allowed(mary: User) -> None:
    browser = Browser(mary)
    headers = {"X-Tenant": "umbrella", "X-CSRFToken": browser.token}
    browser.send("register-person", **headers).refused(403, "forbidden")
    assert not StoredEvent.objects.exists()
    assert browser.get("/api/commands", **{"X-Tenant": "umbrella"}).status == 200


@pytest.mark.parametrize("token", [None, "", "x", "a" * 32, "a" * 64])
def test_without_its_csrf_token_a_session_sends_nothing(mary: User, token: str | None) -> None:
    browser = Browser(mary)
    headers = {"X-Tenant": "acme"} | ({} if token is None else {"X-CSRFToken": token})
    detail = browser.send("register-person", **headers).refused(403, "forbidden").body["detail"]
    assert "X-CSRFToken" in detail
    assert not StoredCommand.objects.exists()


def test_a_session_must_name_its_tenant(mary: User) -> None:
    errors = Browser(mary).get("/api/persons").refused(400, "validation_failed").body["errors"]
    assert list(errors) == ["X-Tenant"]


def test_a_tenant_of_others_answers_like_none(mary: User) -> None:
    Tenant.objects.create(slug="foreign", name="Foreign")
    slugs = ("foreign", "nowhere")
    answers = [Browser(mary).get("/api/persons", **{"X-Tenant": slug}) for slug in slugs]
    for answer in answers:
        answer.refused(404, "not_found")
    assert answers[0].raw.replace(b"foreign", b"") == answers[1].raw.replace(b"nowhere", b"")


@pytest.mark.parametrize("slug", ["", "\x00", "é", "acme,umbrella", "ACME", "x" * 5000])
def test_a_slug_that_is_none_answers_404(mary: User, slug: str) -> None:
    Browser(mary).get("/api/persons", **{"X-Tenant": slug}).refused(404, "not_found")


def shut_the_tenant(mary: User) -> None:
    Tenant.objects.filter(slug="acme").update(active=False)


def end_the_membership(mary: User) -> None:
    mary.membership_set.filter(tenant__slug="acme").delete()


@pytest.mark.parametrize("end", [shut_the_tenant, end_the_membership])
def test_what_has_ended_opens_nothing_from_the_next_call_on(
    mary: User, end: Callable[[User], None]
) -> None:
    browser = Browser(mary)
    assert browser.get("/api/persons", **{"X-Tenant": "acme"}).status == 200
    end(mary)
    browser.get("/api/persons", **{"X-Tenant": "acme"}).refused(404, "not_found")


def test_a_user_who_is_shut_out_is_unknown(mary: User) -> None:
    browser = Browser(mary)
    User.objects.update(is_active=False)
    browser.get("/api/persons", **{"X-Tenant": "acme"}).refused(401, "unauthenticated")


def test_a_superuser_is_an_operator_wherever_they_say(tenant: Tenant) -> None:
    browser = Browser(User.objects.create_superuser("root"))
    headers = {"X-Tenant": "acme", "X-CSRFToken": browser.token}
    assert browser.send("register-person", **headers).status == 201
    browser.get("/api/persons", **{"X-Tenant": "nowhere"}).refused(404, "not_found")


def test_a_key_beside_another_tenants_name_is_refused(mary: User, tenant: Tenant) -> None:
    api = api_for(tenant)
    assert api.get("/api/persons", x_tenant="acme").status == 200
    api.get("/api/persons", x_tenant="umbrella").refused(404, "not_found")
    answer = api.send("register-person", ADA, x_tenant="umbrella").refused(404, "not_found")
    unknown = api.send("register-person", ADA, x_tenant="nowhere").refused(404, "not_found")
    assert answer.raw.replace(b"umbrella", b"") == unknown.raw.replace(b"nowhere", b"")
    assert not StoredCommand.objects.exists()


def test_a_key_needs_no_csrf_token_and_wins_over_the_session(
    mary: User, tenant: Tenant, application: Application
) -> None:
    operator = User.objects.create_user("olga")
    key = application.access.create_key(tenant, operator, Role.OPERATOR)
    answer = Browser(mary).send("register-person", authorization=f"Bearer {key}")
    assert answer.status == 201
    assert StoredCommand.objects.get().user == "olga"


def test_a_wrong_key_is_not_made_up_for_by_the_session(mary: User) -> None:
    answer = Browser(mary).get("/api/persons", authorization="Bearer x", **{"X-Tenant": "acme"})
    answer.refused(401, "unauthenticated")
