"""An operator looks at the copies of rows, and drops one, in a browser."""

from uuid import UUID

import pytest
from django.contrib.auth.models import User
from selenium import webdriver
from selenium.webdriver.common.by import By

from eventstore.application import Application
from eventstore.models import RowCopy, Tenant
from tests.browser.support import be_logged_in, complaints, follow, overflows, wait_until

LABEL = "x" * 50


def make(application: Application, tenant_id: UUID | None = None) -> RowCopy:
    long = {"user": "root" * 30, "reason": "because " * 20}
    return application.copies.make(LABEL, tenant_id=tenant_id, **long)


@pytest.fixture
def page(browser: webdriver.Chrome, server: str, application: Application) -> webdriver.Chrome:
    """The browser of a superuser who has logged in."""
    User.objects.create_superuser("root")
    be_logged_in(browser, server, "root")
    return browser


@pytest.mark.long
def test_a_copy_is_dropped(page: webdriver.Chrome, application: Application) -> None:
    make(application)
    follow(page, "Copies")
    follow(page, "Drop")
    page.find_element(By.NAME, "reason").send_keys("nobody reads it")
    page.find_element(By.CSS_SELECTOR, ".es-form button").click()
    wait_until(page, lambda page: f"Copy {LABEL} is dropped." in page.page_source)
    assert not RowCopy.objects.exists()
    assert complaints(page) == []


@pytest.mark.long
def test_no_page_of_copies_is_wider_than_the_window(
    page: webdriver.Chrome, server: str, application: Application, tenant: Tenant
) -> None:
    copies = [make(application), make(application, tenant.pk)]
    for path in ("", *(f"{copy.pk}/drop/" for copy in copies)):
        page.get(f"{server}/admin/eventstore/rowcopy/{path}")
        assert overflows(page) == [], path
    assert complaints(page) == []
