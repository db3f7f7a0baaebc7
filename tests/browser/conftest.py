"""A real Chromium before a real server process thread; nothing is downloaded.

The tests are skipped, with a reason, where Chromium or its driver is not installed.
"""

import os
import shutil
from collections.abc import Generator

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.db import connections
from django.test.testcases import LiveServerThread
from django.test.utils import modify_settings
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
#: Nothing that would ask the network for anything but our pages.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--lang=en-US",
)


@pytest.fixture(scope="session")
def chromium_paths() -> tuple[str, str]:
    """Where the browser and its driver are."""
    browser = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("chromium or chromedriver is not installed")
    return browser, driver


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Generator[str, None, None]:
    """The address of the project, served by a thread with database connections of its own."""
    thread = LiveServerThread("127.0.0.1", StaticFilesHandler, port=0)
    thread.daemon = True
    with (
        modify_settings(ALLOWED_HOSTS={"append": "127.0.0.1"}),
        pytest.MonkeyPatch.context() as patch,
    ):
        # The browser keeps its connections to the server open, and each of their threads would
        # keep one to the database, which then could not be dropped.
        patch.setitem(connections["default"].settings_dict, "CONN_MAX_AGE", 0)
        thread.start()
        thread.is_ready.wait()
        if thread.error:
            raise thread.error
        yield f"http://127.0.0.1:{thread.port}"
        thread.terminate()
        connections.close_all()


@pytest.fixture(scope="session")
def chromium(
    chromium_paths: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Generator[webdriver.Chrome, None, None]:
    """One Chromium for all tests, since it takes seconds to start; its profile begins empty."""
    binary, driver_path = chromium_paths
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS, f"--user-data-dir={profile}", "--window-size=1280,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # An alert stays open, so that a test can see that there was one.
    options.unhandled_prompt_behavior = "ignore"
    environment = {**os.environ, "SE_OFFLINE": "true"}
    driver = webdriver.Chrome(options=options, service=Service(driver_path, env=environment))
    driver.set_page_load_timeout(30)
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: webdriver.Chrome) -> Generator[webdriver.Chrome, None, None]:
    """The Chromium, logged out, with empty logs; afterwards as it was before."""
    chromium.get_log("browser")
    chromium.get_log("performance")
    yield chromium
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    # Away from the pages of a server that is about to end.
    chromium.execute_cdp_cmd("Network.clearBrowserCookies", {})
    chromium.get("about:blank")
