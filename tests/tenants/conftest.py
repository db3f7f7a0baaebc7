"""Two full tenants that last for a module: to make them takes a second."""

from collections.abc import Callable, Generator
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.db import connections
from django.http import HttpRequest

from eventstore.access import Access
from eventstore.application import get_application
from eventstore.testing import wipe
from eventstore.throttling import Throttle
from tests.tenants.world import World, make_world

SESSIONS_IN_COOKIES = "django.contrib.sessions.backends.signed_cookies"


@pytest.fixture(scope="module")
def lasting_database(django_db_setup: None, django_db_blocker: Any) -> Generator[None]:
    """As `database` in tests/conftest.py, for all tests of a module."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()
        wipe()
        connections.close_all()


@pytest.fixture(scope="module")
def unhurried(lasting_database: None) -> Generator[None]:
    """Calls are not counted; a key, and what the admin's menu shows to a user, are found once.

    Each costs more than many an answer, knows no id, and has tests of its own elsewhere.
    """
    with pytest.MonkeyPatch.context() as patch:
        application = get_application()
        throttle = Throttle(application.database, calls_per_minute=0)
        patch.setattr(application, "throttle", throttle)
        patch.setattr(Access, "find_key", cache(Access.find_key))
        patch.setattr(admin.site, "get_app_list", cached_by_user(admin.site.get_app_list))
        patch.setattr(settings, "SESSION_ENGINE", SESSIONS_IN_COOKIES)
        yield


def cached_by_user(get_app_list: Callable[..., Any]) -> Callable[..., Any]:
    kept: dict[Any, Any] = {}

    def cached(request: HttpRequest, app_label: str | None = None) -> Any:
        key = (request.user.pk, app_label)
        if key not in kept:
            kept[key] = get_app_list(request, app_label)
        return kept[key]

    return cached


@pytest.fixture(scope="module")
def world(unhurried: None) -> World:
    return make_world()
