"""The read models in the admin: rows of one's own tenants, read-only, with how fresh they are."""

from decimal import Decimal
from html import escape

import pytest
from django.contrib.auth.models import User
from django.test import Client

from eventstore.admin.pages import CONTENT_SECURITY_POLICY
from eventstore.application import Application
from eventstore.models import Tenant
from eventstore.subscription_log import PAUSE
from projections.models import AccountStatementLine, AccountSummary, PersonSummary, UserSummary
from tests.eventstore.admin.conftest import HOSTILE
from tests.eventstore.admin.support import staff, text_of
from tests.http import Api, api_for
from tests.replay import bring_level

MODELS = (
    "personsummary",
    "accountsummary",
    "transfersummary",
    "usersummary",
    "accountstatementline",
    "tenantoverview",
    "dailytotals",
)


def address(model: str) -> str:
    return f"/admin/projections/{model}/"


def play(api: Api, owner: str) -> None:
    """One row at least in each read model."""
    person = api.registered_person(owner, "X")
    accounts = [api.opened_account(person, code=f"{owner}-1", deposit="12.50") for _ in range(2)]
    fields = dict(zip(("from_account_id", "to_account_id"), accounts, strict=True))
    api.send("start-transfer", {**fields, "amount": "1.00"})
    user = {"login_name": owner, "password": "correct horse"}
    api.send("start-user-registration", user)


@pytest.fixture
def mary(application: Application, api: Api, tenant: Tenant, other_tenant: Tenant) -> Client:
    """The browser of a member of Acme; Umbrella has rows as well."""
    play(api, "Ada")
    play(api_for(other_tenant, user_name="eve"), "Eve")
    bring_level(application)
    return staff("mary-of-acme", tenant, "member")


@pytest.mark.parametrize("model", MODELS)
def test_a_member_sees_the_rows_of_their_own_tenant_alone(mary: Client, model: str) -> None:
    html = text_of(mary, address(model)).partition("<main")[2]
    assert ">acme</th>" in html
    assert "umbrella" not in html
    assert "Eve" not in html
    foreign = text_of(mary, f"{address(model)}?tenant=umbrella").partition("<main")[2]
    unknown = text_of(mary, f"{address(model)}?tenant=nowhere").partition("<main")[2]
    assert foreign.replace("umbrella", "nowhere") == unknown


@pytest.mark.parametrize("model", MODELS)
def test_a_superuser_sees_all_rows_and_finds_those_of_a_tenant(mary: Client, model: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    html = text_of(client, address(model))
    assert ">acme</th>" in html
    assert ">umbrella</th>" in html
    assert ">acme</th>" not in text_of(client, f"{address(model)}?tenant=umbrella")


@pytest.mark.parametrize("model", MODELS)
def test_nothing_can_be_changed(mary: Client, model: str) -> None:
    assert mary.post(address(model)).status_code in (403, 405)
    for page in ("add/", "1/change/", "1/delete/", "1/"):
        assert mary.get(f"{address(model)}{page}").status_code == 404
    assert mary.get(address(model)).headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


def test_each_list_says_how_fresh_its_rows_are(
    mary: Client, api: Api, application: Application
) -> None:
    with_each = "Written with each command: all events up to position"
    assert with_each in text_of(mary, address("personsummary"))
    for model in ("transfersummary", "accountstatementline"):
        assert "Written by a worker" in text_of(mary, address(model))
    assert "Brought up to date at intervals: as of 20" in text_of(mary, address("dailytotals"))
    api.registered_person("New", "Person")
    overview = text_of(mary, address("tenantoverview"))
    assert "Brought up to date when this page was opened" in overview
    assert '<td data-label="Person count">2</td>' in overview
    act = application.subscriptions.act
    act(PAUSE, "tenant_overview", user="olive", reason="to see")
    api.registered_person("Newer", "Person")
    assert "These rows may be old." in text_of(mary, address("tenantoverview"))


def test_totals_that_were_never_made_say_so(application: Application, tenant: Tenant) -> None:
    html = text_of(staff("mary-of-acme", tenant, "member"), address("dailytotals"))
    assert "Brought up to date at intervals: not yet for the first time." in html
    assert "There are no rows yet." in html


def test_whoever_is_in_no_tenant_sees_nothing(mary: Client) -> None:
    client = Client()
    client.force_login(User.objects.create_user("nora", is_staff=True))
    for model in MODELS:
        html = text_of(client, address(model))
        assert "You belong to no tenant" in html
        assert "<tbody>" not in html


def test_hostile_text_is_text_in_every_list(mary: Client) -> None:
    PersonSummary.objects.update(name=HOSTILE)
    AccountSummary.objects.update(code=HOSTILE)
    UserSummary.objects.update(login_name=HOSTILE)
    AccountStatementLine.objects.update(reference=HOSTILE)
    for model in MODELS:
        html = text_of(mary, address(model))
        assert "<img" not in html
        marked = model in (
            "personsummary",
            "accountsummary",
            "usersummary",
            "accountstatementline",
        )
        assert (escape(HOSTILE) in html) is marked


def test_amounts_and_days_are_shown_as_they_are(mary: Client) -> None:
    AccountStatementLine.objects.update(balance=Decimal("1234567.80"), booked_on="1994-03-31")
    html = text_of(mary, address("accountstatementline"))
    assert '<td data-label="Balance">1234567.80</td>' in html
    assert '<td data-label="Booked on">1994-03-31</td>' in html
