"""An operator checks a projection's rows, sees what differs, and mends it, in a browser."""

import pytest
from django.contrib.auth.models import User
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from eventstore.application import Application
from eventstore.models import Rebuild, StoredEvent
from eventstore.rebuild_log import Order
from eventstore.tenancy import Actor
from projections.models import AccountSummary
from tests.browser.support import (
    be_logged_in,
    complaints,
    follow,
    hosts_asked,
    overflows,
    wait_until,
)
from tests.eventstore.support import World

NAME = "account_summary"
LIST = "/admin/eventstore/rebuild/"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def damaged(application: Application, member: Actor) -> World:
    """An account of Acme's whose row is not as its events have it."""
    world = World(application, member)
    account_id = world.account("5.00")
    AccountSummary.objects.filter(account_id=account_id).update(balance=666)
    return world


@pytest.fixture
def page(browser: webdriver.Chrome, server: str, damaged: World) -> webdriver.Chrome:
    """The browser of a superuser who has logged in."""
    User.objects.create_superuser("root")
    be_logged_in(browser, server, "root")
    return browser


def text(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "main").text


def give_reason(browser: webdriver.Chrome, reason: str) -> None:
    browser.find_element(By.NAME, "reason").send_keys(reason)
    browser.find_element(By.CSS_SELECTOR, ".es-form button").click()
    wait_until(browser, lambda page: "It waits for a worker" in text(page))


def test_rows_are_checked_and_mended(page, server, damaged, application):
    follow(page, "Projections")
    follow(page, NAME)
    follow(page, "Check them")
    give_reason(page, "its table was repaired")
    Rebuild.objects.update(status="running", position=1, head=4, events=1)
    # Nobody asks for it: the page loads itself anew.
    wait_until(page, lambda page: "25 %" in text(page))
    Rebuild.objects.update(status="waiting")
    application.rebuilding.work()
    wait_until(page, lambda page: "1 row differs from a replay" in text(page))
    assert "different: balance" in text(page)

    follow(page, "account.opened")
    (event,) = StoredEvent.objects.filter(type="account.opened")
    assert page.current_url.endswith(f"/storedstream/{event.stream_id}/?after=2#v1")
    page.back()
    follow(page, "Mend these rows")
    give_reason(page, "a slip in psql")
    application.rebuilding.work()
    wait_until(page, lambda page: "Done: 1 row mended." in text(page))
    assert AccountSummary.objects.get().balance == 5
    assert complaints(page) == []
    assert hosts_asked(page) == {server.removeprefix("http://")}


@pytest.mark.long
def test_the_way_leads_there_by_keyboard_with_the_focus_in_sight(page, server):
    page.get(f"{server}/admin/eventstore/subscription/{NAME}/")
    for _ in range(60):
        page.switch_to.active_element.send_keys(Keys.TAB)
        if page.switch_to.active_element.text == "Rebuild them":
            break
    focused = page.switch_to.active_element
    assert focused.text == "Rebuild them"
    assert focused.value_of_css_property("outline-style") == "solid"
    assert focused.value_of_css_property("outline-width") == "3px"
    focused.send_keys(Keys.ENTER)
    wait_until(page, lambda page: page.find_elements(By.NAME, "reason") != [])
    page.find_element(By.NAME, "reason").send_keys("by keyboard", Keys.ENTER)
    wait_until(page, lambda page: "by keyboard" in text(page))
    assert Rebuild.objects.get().kind == "rebuild"


@pytest.mark.long
def test_no_page_of_a_run_is_wider_than_the_window(page, server, application):
    runs = application.rebuilding.log
    runs.ask(Order("check", NAME, "root", "because " * 20))
    application.rebuilding.work()
    checked = Rebuild.objects.get()
    for number in range(3):
        checked.differences.append(
            checked.differences[0]
            | {"table": "t" * 60, "key": {HOSTILE: "x" * 90}, "columns": ["c" * 40] * number}
        )
    checked.error = f"ReplayFailed: {HOSTILE} {'x' * 300}"
    checked.save()
    running = runs.ask(Order("rebuild", NAME, "root" * 30, HOSTILE))
    Rebuild.objects.filter(pk=running).update(status="running", position=123456, head=987654)
    for path in (
        "eventstore/rebuild/",
        f"eventstore/rebuild/{checked.pk}/",
        f"eventstore/rebuild/{running}/?still=1",
        f"eventstore/rebuild/ask/{NAME}/fix/",
        f"eventstore/subscription/{NAME}/",
    ):
        page.get(f"{server}/admin/{path}")
        assert overflows(page) == [], path
    assert complaints(page) == []
