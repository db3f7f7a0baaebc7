"""What an operator does in the admin, in a real browser: commands, keys, members."""

from uuid import UUID

import pytest
from django.contrib.auth.models import User
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from eventstore.application import Application
from eventstore.models import ApiKey, Membership, StoredCommand, StoredStream, Tenant
from eventstore.tenancy import Role
from tests.browser.support import (
    alert_is_open,
    be_logged_in,
    complaints,
    follow,
    hosts_asked,
    overflows,
    waiting,
)
from tests.eventstore.support import World
from tests.http import Api

HOSTILE = "<img src=x onerror=alert(1)>"
EVENTSTORE = "/admin/eventstore"


@pytest.fixture
def secret(application: Application, tenant: Tenant) -> str:
    """A key of Mary's in Acme, of which Olive is an operator."""
    olive = User.objects.create_user("olive", is_staff=True)
    mary = User.objects.create_user("mary")
    application.access.add_member(tenant, olive, Role.OPERATOR, by="root")
    application.access.add_member(tenant, mary, Role.MEMBER, by="root")
    return application.access.create_key(tenant, mary, Role.MEMBER)


@pytest.fixture
def page(browser: webdriver.Chrome, server: str, secret: str) -> webdriver.Chrome:
    """The browser of Olive, who has logged in."""
    be_logged_in(browser, server, "olive")
    return browser


def text(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "main").text


def fill(browser: webdriver.Chrome, **fields: str) -> None:
    """Type into fields by the names that stand above them."""
    for label, value in fields.items():
        found = browser.find_element(
            By.XPATH, f"//label[starts-with(normalize-space(), '{label}')]"
        )
        field = browser.find_element(By.ID, str(found.get_attribute("for")))
        if field.tag_name == "select":
            Select(field).select_by_visible_text(value)
        else:
            field.clear()
            field.send_keys(value)


def send(browser: webdriver.Chrome) -> None:
    """Press the form's button, and wait for the page that answers."""
    button = browser.find_element(By.CSS_SELECTOR, ".es-form button")
    before = button.id
    button.click()

    def has_changed(present: webdriver.Chrome) -> bool:
        buttons = present.find_elements(By.CSS_SELECTOR, ".es-form button")
        state = present.execute_script("return document.readyState")
        return state == "complete" and before not in [found.id for found in buttons]

    waiting(browser).until(has_changed)


def errors(browser: webdriver.Chrome) -> list[str]:
    return [
        one_line(found) for found in browser.find_elements(By.CSS_SELECTOR, ".es-form .es-error")
    ]


def one_line(found: WebElement) -> str:
    """An error with the label before it, which is heard and not seen."""
    return " ".join(found.text.split())


@pytest.mark.long
def test_a_person_is_registered_by_a_form_whose_errors_are_mended(page, server, tenant):
    follow(page, "Send")
    fill(page, Command="register-person")
    send(page)
    assert page.current_url == f"{server}{EVENTSTORE}/storedcommand/send/acme/register-person/"
    fill(page, aggregate_id="x", first_name=HOSTILE, last_name=" ")
    send(page)
    assert errors(page) == [
        "aggregate_id must be a UUID, such as 0a1b2c3d-0000-4000-8000-000000000000",
        "last_name must have 1 to 100 characters",
    ]
    wrong = page.find_elements(By.CSS_SELECTOR, "[aria-invalid=true]")
    described = [field.get_attribute("aria-describedby") for field in wrong]
    assert [one_line(page.find_element(By.ID, ids.split()[-1])) for ids in described] == errors(
        page
    )
    fill(page, aggregate_id="", last_name="Lovelace")
    send(page)
    assert "completed" in text(page)

    stream = StoredStream.objects.get()
    follow(page, f"person-{stream.aggregate_id}")
    assert f'"first_name": "{HOSTILE}"' in text(page)
    follow(page, str(StoredCommand.objects.get().id))
    assert "olive" in text(page)
    assert not alert_is_open(page)
    # Chromium itself notes the 400 of the form that had errors.
    assert [line for line in complaints(page) if "status of 400" not in line] == []
    assert hosts_asked(page) == {server.removeprefix("http://")}


@pytest.mark.long
def test_a_reloaded_answer_is_the_first_one(page, server, tenant):
    page.get(f"{server}{EVENTSTORE}/storedcommand/send/acme/register-person/")
    fill(page, first_name="Ada", last_name="Lovelace")
    send(page)
    assert "repeated" not in text(page)
    page.refresh()
    waiting(page).until(lambda found: "repeated answer" in text(found))
    assert StoredCommand.objects.count() == 1


@pytest.mark.long
def test_a_key_is_revoked_with_a_reason(page, server, secret):
    assert Api(secret).get("/api/persons").status == 200
    follow(page, "API keys")
    follow(page, secret[:16])
    follow(page, "Revoke this key")
    send(page)
    assert errors(page) == ["Reason is required"]
    fill(page, Reason=f"It leaked. {HOSTILE}")
    send(page)
    key = ApiKey.objects.get()
    assert page.current_url == f"{server}{EVENTSTORE}/apikey/{key.pk}/"
    assert f"Key {secret[:16]}… is revoked." in text(page)
    assert f"Revoked. Reason: It leaked. {HOSTILE}" in text(page)
    assert page.find_elements(By.LINK_TEXT, "Revoke this key") == []
    Api(secret).get("/api/persons").refused(401, "unauthenticated")
    assert not alert_is_open(page)


@pytest.mark.long
def test_a_new_key_is_shown_and_works(page, server):
    follow(page, "API keys")
    follow(page, "Create a key")
    fill(page, User="mary", Role="auditor", Expires="2999-12-31", Reason="a report")
    send(page)
    shown = page.find_element(By.CLASS_NAME, "es-secret").text
    assert Api(shown).get("/api/persons").status == 200
    follow(page, "Go to the page of")
    assert shown not in page.page_source
    page.back()
    assert ApiKey.objects.count() == 2


@pytest.mark.long
def test_a_membership_ends_without_javascript(page, server, secret):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.get(f"{server}{EVENTSTORE}/membership/")
    page.find_element(By.PARTIAL_LINK_TEXT, "mary").click()
    page.find_element(By.LINK_TEXT, "End the membership").click()
    assert "revokes the 1 API key" in text(page)
    fill(page, Reason="left us")
    page.find_element(By.CSS_SELECTOR, ".es-form button").click()
    assert "Mary is no member of acme any more." in text(page)
    assert "Membership ended, 1 keys revoked with it. Reason: left us" in text(page)


@pytest.mark.long
def test_no_form_is_wider_than_the_window(page, server, application, member):
    account_id: UUID = World(application, member).account()
    marys, key = Membership.objects.get(role="member"), ApiKey.objects.get()
    for path in (
        "storedcommand/send/",
        "storedcommand/send/acme/deposit-money/",
        "apikey/new/",
        f"apikey/{key.pk}/",
        f"apikey/{key.pk}/revoke/",
        "membership/",
        "membership/new/",
        f"membership/{marys.pk}/",
        f"membership/{marys.pk}/role/",
        f"membership/{marys.pk}/end/",
        f"tenant/{marys.tenant_id}/",
    ):
        page.get(f"{server}{EVENTSTORE}/{path}")
        assert overflows(page) == [], path
        assert page.find_elements(By.TAG_NAME, "h1"), path
        assert complaints(page) == [], path
    page.get(f"{server}{EVENTSTORE}/storedcommand/send/acme/withdraw-money/")
    fill(page, aggregate_id=str(account_id), amount="9" * 14, reference="x" * 150)
    send(page)
    assert overflows(page) == []
    fill(page, reference="x" * 140)
    send(page)
    assert "insufficient_funds" in text(page)
    assert overflows(page) == []
