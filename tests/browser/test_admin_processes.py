"""An operator follows a stuck process to what holds it up, and retries it, in a real browser."""

import pytest
from django.contrib.auth.models import User
from selenium import webdriver
from selenium.webdriver.common.by import By

from eventstore.application import Application
from eventstore.models import ProcessInstance, Reaction, StoredCommand, Tenant
from eventstore.tenancy import Actor, Role
from tests.browser.support import (
    alert_is_open,
    be_logged_in,
    complaints,
    follow,
    hosts_asked,
    overflows,
    resize,
    wait_until,
)
from tests.eventstore.admin.stuck import transfer, with_failed_command, with_parked_effect
from tests.eventstore.support import World

HOSTILE = "<img src=x onerror=alert(1)>"
EVENTSTORE = "/admin/eventstore"


@pytest.fixture
def stuck(application: Application, member: Actor, other_tenant: Tenant, settings) -> World:
    """Acme: a transfer that ended, one that failed, one that is stuck. Umbrella: an e-mail."""
    world = World(application, member)
    with_parked_effect(
        World(application, Actor(tenant_id=other_tenant.id, user="otto", role=Role.MEMBER)),
        settings,
    )
    transfer(world)
    transfer(world, "69.00", holding="1.00")
    with_failed_command(world)
    return world


@pytest.fixture
def page(browser: webdriver.Chrome, server: str, stuck: World) -> webdriver.Chrome:
    """The browser of a superuser who has logged in."""
    User.objects.create_superuser("root")
    be_logged_in(browser, server, "root")
    return browser


def text(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "main").text


def reads(browser: webdriver.Chrome, words: str) -> None:
    """Wait for a page that says so: a click returns before the page that it asks for is there."""
    wait_until(browser, lambda page: words in text(page))


def send(browser: webdriver.Chrome, reason: str) -> None:
    browser.find_element(By.NAME, "reason").send_keys(reason)
    browser.find_element(By.CSS_SELECTOR, ".es-form button").click()


def test_from_the_list_to_a_stuck_command_and_to_the_end_without_javascript(page, server, stuck):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.get(f"{server}{EVENTSTORE}/processinstance/?standing=set-aside&tenant=acme")
    (row,) = page.find_elements(By.CSS_SELECTOR, ".es-table tbody tr")
    assert "set aside" in row.text
    row.find_element(By.TAG_NAME, "a").click()
    reads(page, "State as stored")
    assert "the debit of account" in text(page)
    page.find_element(By.PARTIAL_LINK_TEXT, "Retry").click()
    reads(page, "It was tried 5 times")
    send(page, f"It is mended. {HOSTILE}")
    reads(page, "It is due now")
    assert f"Retried. Reason: It is mended. {HOSTILE}" in text(page)
    stuck.application.reactions.work()
    page.find_element(By.PARTIAL_LINK_TEXT, "transfer").click()
    reads(page, "nothing: it has ended")
    page.find_element(By.LINK_TEXT, "transfer.completed").click()
    wait_until(page, lambda page: bool(page.find_elements(By.CSS_SELECTOR, "li:target")))
    assert not alert_is_open(page)


@pytest.mark.long
def test_an_effect_that_was_given_up_is_retried(page, server, stuck):
    follow(page, "Processes")
    effect = Reaction.objects.get(kind="effect")
    follow(page, str(effect.instance_id))
    assert "ConnectionRefusedError" in text(page)
    follow(page, "Retry this effect")
    send(page, "The mail server is back.")
    reads(page, "It is due now")
    effect.refresh_from_db()
    assert effect.status == "pending"
    assert complaints(page) == []
    assert hosts_asked(page) == {server.removeprefix("http://")}


@pytest.mark.long
def test_on_a_narrow_screen_the_filter_and_the_menu_line_up(page, server):
    resize(page, 390, "light")
    page.get(f"{server}{EVENTSTORE}/overrideswitch/")
    field, button, title = (
        page.find_element(By.CSS_SELECTOR, selector).rect
        for selector in (".es-field input", ".es-actions button", "h1")
    )
    assert (button["y"], button["height"]) == (field["y"], field["height"])
    entries = page.find_elements(By.CSS_SELECTOR, ".es-sections a")
    columns = sorted({entry.rect["x"] for entry in entries})
    assert (columns[0], len(columns)) == (title["x"], 3)


@pytest.mark.long
@pytest.mark.parametrize("width", [1280, 390])
def test_how_long_a_process_took_stands_in_one_line(page, server, width):
    resize(page, width, "light")
    page.get(f"{server}{EVENTSTORE}/processinstance/?standing=ended&tenant=acme")
    (age, *_) = page.find_elements(By.CSS_SELECTOR, "td[data-label=Age]")
    lines = "const range = document.createRange(); range.selectNodeContents(arguments[0]);"
    assert page.execute_script(f"{lines} return range.getClientRects().length", age) == 1


@pytest.mark.long
def test_no_page_of_a_process_is_wider_than_the_window(page, server, stuck):
    effect = Reaction.objects.get(kind="effect")
    Reaction.objects.filter(pk=effect.pk).update(error=f"{'x' * 500} {HOSTILE}")
    failed = StoredCommand.objects.get(status="failed")
    with_effect = ProcessInstance.objects.get(instance_id=effect.instance_id)
    others = ProcessInstance.objects.exclude(pk=with_effect.pk)
    for path in (
        "processinstance/",
        *(f"processinstance/{instance.pk}/" for instance in (with_effect, *others)),
        f"processinstance/{with_effect.pk}/retry/{effect.pk}/",
        f"storedcommand/{failed.pk}/",
        f"storedcommand/{failed.pk}/retry/",
    ):
        page.get(f"{server}{EVENTSTORE}/{path}")
        assert overflows(page) == [], path
        assert page.find_elements(By.TAG_NAME, "h1"), path
        assert complaints(page) == [], path
    assert not alert_is_open(page)
