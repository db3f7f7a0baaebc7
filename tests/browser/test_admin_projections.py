"""An operator sees why a projection stands still, and skips what it cannot take, in a browser."""

from collections.abc import Generator

import pytest
from django.contrib.auth.models import User
from selenium import webdriver
from selenium.webdriver.common.by import By

from eventstore.application import Application
from eventstore.models import Subscription
from eventstore.tenancy import Actor
from tests.browser.support import (
    be_logged_in,
    complaints,
    follow,
    hosts_asked,
    overflows,
    wait_until,
)
from tests.eventstore import failing
from tests.eventstore.failing import BREAKS, NAME, booked, exhaust, references, work
from tests.eventstore.support import World

LIST = "/admin/eventstore/subscription/"


@pytest.fixture
def stopped(application: Application, member: Actor) -> Generator[World]:
    """Acme's second booking of three cannot be projected."""
    world = World(application, member)
    with failing.broken_statements():
        booked(world, "one", BREAKS, "three")
        exhaust()
        yield world


@pytest.fixture
def page(browser: webdriver.Chrome, server: str, stopped: World) -> webdriver.Chrome:
    """The browser of a superuser who has logged in."""
    User.objects.create_superuser("root")
    be_logged_in(browser, server, "root")
    return browser


def text(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "main").text


def test_what_a_projection_cannot_take_is_skipped(page, server, stopped):
    follow(page, "Projections")
    follow(page, NAME)
    assert "failed five times" in text(page)
    assert "Traceback" in text(page)
    follow(page, "Skip the failed event")
    page.find_element(By.NAME, "reason").send_keys("a test booking")
    page.find_element(By.CSS_SELECTOR, ".es-form button").click()
    wait_until(page, lambda page: f"Skipped: {NAME}." in page.page_source)
    assert "a test booking" in text(page)
    work()
    assert references(stopped.actor.tenant_id) == ["one", "three"]
    assert complaints(page) == []
    assert hosts_asked(page) == {server.removeprefix("http://")}


@pytest.mark.long
def test_no_page_of_a_projection_is_wider_than_the_window(page, server):
    Subscription.objects.filter(projection=NAME).update(error="x" * 500)
    for path in ("", f"{NAME}/", f"{NAME}/skip/", f"{NAME}/pause/", "account_summary/"):
        page.get(f"{server}{LIST}{path}")
        assert overflows(page) == [], path
