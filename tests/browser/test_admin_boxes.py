"""An operator takes aggregates offline and back, in a browser."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from selenium import webdriver
from selenium.webdriver.common.by import By

from eventstore.application import Application
from eventstore.box_commands import BoxAggregate
from eventstore.models import Box, StoredStream, Tenant
from eventstore.tenancy import Actor, Role
from ledger.persons.commands import RenamePerson
from tests.browser.support import (
    alert_is_open,
    be_logged_in,
    complaints,
    follow,
    hosts_asked,
    overflows,
    wait_until,
)
from tests.eventstore.support import World

HOSTILE = "<img src=x onerror=alert(1)>"
ADMIN = "/admin/eventstore"


@pytest.fixture
def olive(application: Application, tenant: Tenant) -> World:
    """The sample application as an operator uses it."""
    user = User.objects.create_user("olive", is_staff=True)
    application.access.add_member(tenant, user, Role.OPERATOR, by="root")
    return World(application, Actor(tenant_id=tenant.pk, user="olive", role=Role.OPERATOR))


@pytest.fixture
def person(olive: World) -> StoredStream:
    """Whose names are hostile."""
    person_id = olive.person(HOSTILE, HOSTILE)
    renamed = RenamePerson(aggregate_id=person_id, first_name="Ada", last_name=HOSTILE)
    olive.send(renamed)
    return StoredStream.objects.get(aggregate_id=person_id)


@pytest.fixture
def page(browser: webdriver.Chrome, server: str, olive: World) -> webdriver.Chrome:
    """The browser of Olive, who has logged in."""
    be_logged_in(browser, server, "olive")
    return browser


def schedule(olive: World, person: StoredStream) -> None:
    later = RenamePerson(aggregate_id=person.aggregate_id, first_name="Ada", last_name="Later")
    at = datetime.now(UTC) + timedelta(days=365)
    olive.application.scheduling.schedule(later, actor=olive.actor, at=at)


def text(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.CSS_SELECTOR, "main").text


def submit(browser: webdriver.Chrome, reason: str, then: str) -> None:
    """Give the reason, press the button, and wait for words of the page that answers."""
    field = browser.find_element(By.NAME, "reason")
    field.clear()
    field.send_keys(reason)
    browser.find_element(By.CSS_SELECTOR, ".es-form button").click()
    wait_until(browser, lambda page: then in page.find_element(By.TAG_NAME, "body").text)


def timeline(browser: webdriver.Chrome) -> list[str]:
    return [event.text for event in browser.find_elements(By.CSS_SELECTOR, ".es-timeline article")]


def test_an_aggregate_goes_into_its_box_and_comes_back_as_it_was(
    page: webdriver.Chrome, server: str, person: StoredStream
) -> None:
    """Without any script."""
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.get(f"{server}{ADMIN}/storedstream/{person.pk}/")
    before = timeline(page)
    assert len(before) == 2
    page.find_element(By.LINK_TEXT, "Box this aggregate").click()
    wait_until(page, lambda page: "All events of" in text(page))
    submit(page, f"It has ended. {HOSTILE}", then="is in cold storage: 2 events in")
    assert timeline(page) == []
    assert f"It has ended. {HOSTILE}" in text(page)

    box = Box.objects.get()
    page.find_element(By.LINK_TEXT, box.path).click()
    wait_until(page, lambda page: "Verify this file" in text(page))
    page.find_element(By.CSS_SELECTOR, ".es-inline button").click()
    wait_until(page, lambda page: "as it was written: 2 events." in page.page_source)
    page.find_element(By.LINK_TEXT, "Unbox this aggregate").click()
    wait_until(page, lambda page: "comes back from cold storage" in text(page))
    submit(page, "It goes on", then="is back from cold storage: 2 events.")
    assert timeline(page) == before
    assert HOSTILE in before[1]
    assert not alert_is_open(page)
    assert complaints(page) == []
    assert hosts_asked(page) == {server.removeprefix("http://")}


@pytest.mark.long
def test_what_is_pending_is_told_in_a_list_and_leads_on(
    page: webdriver.Chrome, server: str, olive: World, person: StoredStream
) -> None:
    schedule(olive, person)
    page.get(f"{server}{ADMIN}/storedstream/{person.pk}/box/")
    submit(page, "It has ended", then="pending_work")
    alert = page.find_element(By.CSS_SELECTOR, "main [role=alert]")
    (line,) = alert.find_elements(By.TAG_NAME, "li")
    assert line.text.startswith("command rename-person is scheduled, due ")
    page.find_element(By.CSS_SELECTOR, "main").find_element(By.LINK_TEXT, "Schedules").click()
    wait_until(page, lambda page: "rename-person" in text(page))
    assert "tenant=acme" in page.current_url


@pytest.mark.long
def test_a_policy_is_made_and_dropped(
    page: webdriver.Chrome, server: str, olive: World, tenant: Tenant
) -> None:
    follow(page, "Boxes")
    follow(page, "Policies")
    follow(page, "Make a policy")
    page.find_element(By.NAME, "idle_days").send_keys("365")
    submit(page, "The law asks", then="is boxed once it is idle for 365 days.")
    follow(page, "Drop")
    submit(page, "It does not any more", then="is boxed by itself any more.")
    assert "There is no policy" in text(page)
    assert complaints(page) == []


@pytest.mark.long
def test_no_page_of_boxes_is_wider_than_the_window(
    page: webdriver.Chrome, server: str, olive: World, person: StoredStream
) -> None:
    long, acme = "because " * 20, olive.actor.tenant_id
    ended = BoxAggregate(aggregate_id=olive.person("Ada", "King"), category="person", reason=long)
    olive.send(ended)
    olive.application.box_policies.put(acme, "person", 365, user="o" * 150, reason=long)
    schedule(olive, person)
    box = Box.objects.get()
    policy = tenant_policy(olive)
    for path in (
        "box/",
        f"box/{box.pk}/",
        f"storedstream/{box.stream_id}/",
        f"storedstream/{box.stream_id}/unbox/",
        "boxpolicy/",
        "boxpolicy/new/",
        f"boxpolicy/{policy}/change/",
        f"boxpolicy/{policy}/drop/",
    ):
        page.get(f"{server}{ADMIN}/{path}")
        assert overflows(page) == [], path
        assert unnamed(page) == [], path
    page.get(f"{server}{ADMIN}/storedstream/{person.pk}/box/")
    submit(page, "It has ended", then="pending_work")
    assert overflows(page) == [], "a refusal"
    # Chromium itself notes the 409.
    assert [line for line in complaints(page) if "status of 409" not in line] == []


def tenant_policy(olive: World) -> int:
    policies = olive.application.box_policies.all()
    return int(policies.get(tenant=olive.actor.tenant_id).pk)


def unnamed(browser: webdriver.Chrome) -> list[str]:
    """Fields, buttons and links in the page's own part of which nobody hears what they are."""
    found = browser.find_elements(
        By.CSS_SELECTOR, "main a[href], main button, main input:not([type=hidden]), main select"
    )
    return [each.get_attribute("outerHTML") or "" for each in found if not each.accessible_name]
