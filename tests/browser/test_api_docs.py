"""A client developer opens /api/docs, finds every command, and sends a first one from there."""

import json
from functools import partial
from itertools import product

import pytest
from django.contrib.auth.models import User
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from eventstore.application import Application
from eventstore.models import StoredCommand, Tenant
from eventstore.tenancy import Role
from tests.browser.support import complaints, hosts_asked, overflow, resize, waiting


@pytest.fixture
def page(browser: webdriver.Chrome, server: str, application: Application) -> webdriver.Chrome:
    """The browser of somebody who knows nothing but the URL."""
    browser.get(f"{server}/api/")
    wait_for(browser, ".opblock")
    return browser


def wait_for(browser: webdriver.Chrome, selector: str) -> WebElement:
    """The first element that fits, once there is one."""
    return waiting(browser).until(lambda page: page.find_elements(By.CSS_SELECTOR, selector))[0]


def click(browser: webdriver.Chrome, selector: str) -> None:
    """Wherever it is on the page."""
    browser.execute_script("arguments[0].click()", wait_for(browser, selector))


def saw_only(browser: webdriver.Chrome, server: str) -> None:
    """No complaint in the console, no request to another host."""
    assert complaints(browser) == []
    assert hosts_asked(browser) == {server.removeprefix("http://")}


@pytest.mark.long
def test_every_command_is_listed(
    page: webdriver.Chrome, server: str, application: Application
) -> None:
    found = page.find_elements(By.CSS_SELECTOR, ".opblock-summary-path")
    # Swagger UI says by invisible characters where a path may be broken.
    paths = {element.text.replace("\u200b", "") for element in found}
    commands = {f"/api/commands/{command.name}" for command in application.commands.offered()}
    assert len(commands) >= 6
    assert commands | {"/api/commands", "/api/persons", "/api/accounts"} <= paths
    saw_only(page, server)


@pytest.mark.long
def test_a_command_is_sent_with_its_example(
    page: webdriver.Chrome, server: str, application: Application, tenant: Tenant
) -> None:
    mary = User.objects.create_user("mary")
    key = application.access.create_key(tenant, mary, Role.MEMBER)
    click(page, ".btn.authorize")
    wait_for(page, ".auth-container input").send_keys(key)
    click(page, ".auth-btn-wrapper .authorize")
    click(page, ".btn-done")

    click(page, "#operations-Commands-register_person .opblock-summary-control")
    click(page, "#operations-Commands-register_person .execute")

    status = wait_for(page, ".live-responses-table .response .response-col_status")
    assert status.text.startswith("201")
    body = wait_for(page, ".live-responses-table .response-col_description code")
    assert json.loads(body.text)["events"][0]["type"] == "person.registered"
    stored = StoredCommand.objects.get()
    assert (stored.type, stored.user) == ("register-person", "mary")
    saw_only(page, server)
    # The key is gone with the page.
    page.refresh()
    wait_for(page, ".btn.authorize.unlocked")
    assert page.execute_script("return localStorage.length + sessionStorage.length") == 0


def is_in(scheme: str, page: webdriver.Chrome) -> bool:
    is_dark = page.execute_script(
        "return document.documentElement.classList.contains('dark-mode')"
    )
    return is_dark is (scheme == "dark")


@pytest.mark.long
def test_the_page_fits_and_asks_nobody_else(page: webdriver.Chrome, server: str) -> None:
    """The page follows the window and the scheme while it is shown."""
    click(page, "#operations-Commands-deposit_money .opblock-summary-control")
    wait_for(page, "#operations-Commands-deposit_money .responses-wrapper")
    for width, scheme in product((1280, 390), ("dark", "light")):
        resize(page, width, scheme)
        assert overflow(page) <= 0, (width, scheme)
        # The page hears of the change a moment later.
        waiting(page).until(partial(is_in, scheme))
    saw_only(page, server)
