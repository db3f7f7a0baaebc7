"""An operator's way through the admin, in a real browser."""

from decimal import Decimal
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from eventstore.application import get_application
from eventstore.models import ApiKey, StoredCommand, StoredStream, Tenant
from eventstore.tenancy import Actor, Role
from ledger.accounts.commands import DepositMoney
from tests.browser.support import (
    alert_is_open,
    be_logged_in,
    complaints,
    follow,
    hosts_asked,
    log_in,
    overflows,
    wait_until,
)
from tests.eventstore.support import World

HOSTILE = "<img src=x onerror=alert(1)>"
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def account_id(lasting_database: None) -> UUID:
    """An account with 61 events, whose owner has a hostile name; no test here changes anything."""
    tenant = Tenant.objects.create(slug="acme", name="Acme")
    member = Actor(tenant_id=tenant.id, user="mary", role=Role.MEMBER)
    root = User.objects.create_superuser("root", password=PASSWORD)
    ApiKey.objects.create(
        tenant=tenant, user=root, role="operator", prefix="dbk_1", digest=b"1" * 32
    )
    world = World(get_application(), member)
    account_id = world.account(owner_id=world.person(HOSTILE, HOSTILE))
    for number in range(60):
        world.send(
            DepositMoney(
                aggregate_id=account_id, amount=Decimal("1.10"), reference=f"{HOSTILE} {number}"
            )
        )
    return account_id


@pytest.fixture
def page(browser: webdriver.Chrome, server: str, account_id: UUID) -> webdriver.Chrome:
    """The browser of a superuser who has logged in."""
    be_logged_in(browser, server, "root")
    return browser


def text(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "main").text


def versions(browser: webdriver.Chrome) -> list[int]:
    events = browser.find_elements(By.CSS_SELECTOR, ".es-timeline > li")
    return [int(str(event.get_attribute("id")).removeprefix("v")) for event in events]


def saw_only(browser: webdriver.Chrome, server: str) -> None:
    """No alert, no complaint in the console, no request to another host."""
    assert not alert_is_open(browser)
    assert complaints(browser) == []
    assert hosts_asked(browser) == {server.removeprefix("http://")}


def test_from_the_login_to_a_command_and_back(browser, server, account_id):
    page = browser
    log_in(page, server, "root", PASSWORD)
    follow(page, "Streams")
    follow(page, f"account-{account_id}")
    assert versions(page) == list(range(61, 11, -1))
    assert f'"reference": "{HOSTILE} 59"' in text(page)
    assert '"amount": "1.10"' in text(page)

    command = StoredCommand.objects.latest("number")
    follow(page, str(command.id))
    assert page.current_url == f"{server}/admin/eventstore/storedcommand/{command.pk}/"
    assert f'"reference": "{HOSTILE} 59"' in text(page)

    follow(page, "account.money_deposited")
    assert page.current_url.endswith("?after=62#v61")
    assert page.find_elements(By.CSS_SELECTOR, "li:target#v61")
    saw_only(page, server)


@pytest.mark.long
def test_a_timeline_goes_on_to_older_events_and_back(page, server, account_id):
    stream = StoredStream.objects.get(aggregate_id=account_id)
    page.get(f"{server}/admin/eventstore/storedstream/{stream.pk}/")
    follow(page, "Older")
    assert versions(page) == list(range(11, 0, -1))
    follow(page, "Newer")
    assert versions(page) == list(range(61, 11, -1))
    follow(page, "Older")
    follow(page, "Newest")
    assert versions(page) == list(range(61, 11, -1))
    follow(page, "Oldest first")
    assert versions(page) == list(range(1, 51))
    saw_only(page, server)


@pytest.mark.long
def test_from_an_event_to_the_states_before_and_after_it(page, server, account_id):
    stream = StoredStream.objects.get(aggregate_id=account_id)
    page.get(f"{server}/admin/eventstore/storedstream/{stream.pk}/")
    change = page.find_element(By.CSS_SELECTOR, "#v61 .es-changes > div")
    assert change.find_element(By.TAG_NAME, "dt").text == "changed balance"
    assert change.find_element(By.TAG_NAME, "del").text == '"64.90"'
    assert change.find_element(By.TAG_NAME, "ins").text == '"66.00"'
    follow(page, "State after version 60")
    assert page.current_url.endswith("/state/?version=60")
    assert '"balance": "64.90"' in text(page)
    follow(page, "Version 61")
    assert '"balance": "66.00"' in text(page)
    field = page.find_element(By.NAME, "version")
    field.clear()
    field.send_keys("0", Keys.ENTER)
    wait_until(page, lambda page: "State before the first event" in text(page))
    assert '"balance": "0.00"' in text(page)
    follow(page, "Version 1")
    follow(page, "account.opened")
    assert page.find_elements(By.CSS_SELECTOR, "li:target#v1")
    saw_only(page, server)


def test_a_hostile_name_is_text(page, server, account_id):
    page.get(f"{server}/admin/eventstore/storedcommand/?type=register-person")
    follow(page, "register-person")
    assert f'"first_name": "{HOSTILE}"' in text(page)
    follow(page, "person.registered")
    assert f'"first_name": "{HOSTILE}"' in text(page)
    assert page.find_elements(By.CSS_SELECTOR, "img") == []
    saw_only(page, server)


@pytest.mark.long
def test_streams_are_filtered_by_the_keyboard_alone(page, server, account_id):
    follow(page, "Streams")
    field = page.find_element(By.NAME, "stream")
    field.send_keys(f"account-{account_id}", Keys.ENTER)
    wait_until(page, lambda page: "stream=account" in page.current_url)
    rows = page.find_elements(By.CSS_SELECTOR, ".es-table tbody tr")
    assert [row.find_element(By.TAG_NAME, "th").text for row in rows] == [f"account-{account_id}"]
    page.find_element(By.NAME, "category").send_keys("person", Keys.ENTER)
    wait_until(page, lambda page: "Nothing fits these filters." in text(page))
    follow(page, "Show all")
    assert len(page.find_elements(By.CSS_SELECTOR, ".es-table tbody tr")) == 2
    saw_only(page, server)


@pytest.mark.long
def test_the_focus_is_visible_on_every_control(page, server, account_id):
    follow(page, "Commands")
    seen = 0
    for _ in range(25):
        page.switch_to.active_element.send_keys(Keys.TAB)
        focused = page.switch_to.active_element
        if focused.tag_name in ("a", "button", "input", "select"):
            assert focused.value_of_css_property("outline-style") == "solid", focused.text
            seen += 1
    assert seen > 15


@pytest.mark.long
def test_no_page_is_wider_than_the_window(page, server, account_id):
    stream = StoredStream.objects.get(aggregate_id=account_id)
    command = StoredCommand.objects.latest("number")
    for path in (
        "",
        "eventstore/storedstream/",
        f"eventstore/storedstream/{stream.pk}/",
        f"eventstore/storedstream/{stream.pk}/state/?version=30",
        f"eventstore/storedstream/{stream.pk}/state/?version=30&at=noon",
        "eventstore/storedcommand/",
        f"eventstore/storedcommand/{command.pk}/",
        "eventstore/tenant/",
        "eventstore/apikey/",
    ):
        page.get(f"{server}/admin/{path}")
        assert overflows(page) == [], path
        assert page.find_elements(By.TAG_NAME, "h1"), path
    saw_only(page, server)


@pytest.mark.long
def test_everything_works_without_javascript(page, server, account_id):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.get(f"{server}/admin/eventstore/storedstream/")
    page.find_element(By.PARTIAL_LINK_TEXT, f"account-{account_id}").click()
    assert versions(page) == list(range(61, 11, -1))
    page.find_element(By.LINK_TEXT, "Older").click()
    assert versions(page) == list(range(11, 0, -1))
    saw_only(page, server)
