"""What the tests in the browser share: logging in, and what the browser saw."""

import json
from collections.abc import Callable
from itertools import product
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from selenium import webdriver
from selenium.common.exceptions import NoAlertPresentException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

#: How long a page may take, and how often we look whether it is there, in seconds.
PATIENCE, OFTEN = 15, 0.05
SHOWN_SCHEME = "return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'"
#: Of a screen and of a phone, in pixels.
WIDTHS = (1280, 390)
NETWORK_SCHEMES = ("http", "https", "ws", "wss", "ftp")


def waiting(
    browser: webdriver.Chrome, *ignored: type[Exception]
) -> WebDriverWait[webdriver.Chrome]:
    return WebDriverWait(browser, PATIENCE, OFTEN, ignored)


def log_in(browser: webdriver.Chrome, server: str, name: str, password: str) -> None:
    """By the form, as a person does."""
    browser.get(f"{server}/admin/")
    browser.find_element(By.NAME, "username").send_keys(name)
    browser.find_element(By.NAME, "password").send_keys(password)
    browser.find_element(By.CSS_SELECTOR, "[type=submit]").click()
    waiting(browser).until(lambda page: page.find_elements(By.ID, "logout-form"))


def be_logged_in(browser: webdriver.Chrome, server: str, name: str) -> None:
    """By a session's cookie, since hashing a password takes a second."""
    client = Client()
    client.force_login(User.objects.get(username=name))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    browser.get(f"{server}/admin/login/")
    browser.add_cookie({"name": cookie.key, "value": cookie.value})
    browser.get(f"{server}/admin/")


def follow(browser: webdriver.Chrome, words: str) -> None:
    """Click the first link with these words, and wait for the page behind it."""
    before = browser.current_url
    browser.find_element(By.PARTIAL_LINK_TEXT, words).click()
    waiting(browser).until(lambda page: page.current_url != before)
    waiting(browser).until(
        lambda page: page.execute_script("return document.readyState") == "complete"
    )


def wait_until(browser: webdriver.Chrome, condition: Callable[[webdriver.Chrome], bool]) -> None:
    """A key press returns before the page that it asks for is there."""
    waiting(browser, WebDriverException).until(condition)


def alert_is_open(browser: webdriver.Chrome) -> bool:
    try:
        browser.switch_to.alert.dismiss()
    except NoAlertPresentException:
        return False
    return True


def hosts_asked(browser: webdriver.Chrome) -> set[str]:
    """Each host and port that any page has asked for anything since the last call."""
    messages = [
        json.loads(entry["message"])["message"] for entry in browser.get_log("performance")
    ]
    addresses = [
        urlsplit(message["params"]["request"]["url"])
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    # The others are data in the page itself, and chrome: pages of the browser's own.
    return {address.netloc for address in addresses if address.scheme in NETWORK_SCHEMES}


def complaints(browser: webdriver.Chrome) -> list[str]:
    """What the console says, warnings included, since the last call.

    Every browser asks for /favicon.ico once; that there is none is no fault of a page.
    """
    return [
        entry["message"]
        for entry in browser.get_log("browser")
        if "/favicon.ico" not in entry["message"]
    ]


def overflow(browser: webdriver.Chrome) -> int:
    """By how many pixels the page is wider than the window."""
    width: int = browser.execute_script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return width


def overflows(browser: webdriver.Chrome) -> list[str]:
    """At which widths, and in which schemes, the page that is shown is too wide.

    Nothing of that needs a new page. The narrow window stays, for the next page to be loaded in.
    """
    wide = []
    for width, scheme in product(WIDTHS, ("light", "dark")):
        resize(browser, width, scheme)
        assert browser.execute_script(SHOWN_SCHEME) == scheme
        if overflow(browser) > 0:
            wide.append(f"{scheme} at {width}")
    return wide


def resize(browser: webdriver.Chrome, width: int, scheme: str) -> None:
    """Show pages at this width, in the light or the dark scheme."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
