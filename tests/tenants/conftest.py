"""Two full tenants that last for a module: to make them takes a second."""

from collections.abc import Callable, Generator
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest

from eventstore.access import Access
from eventstore.application import Application, get_application
from eventstore.overrides import Overrides
from eventstore.throttling import Throttle
from ledger.transfers.events import TransferFailed
from tests.tenants.world import World, make_world

SESSIONS_IN_COOKIES = "django.contrib.sessions.backends.signed_cookies"


@pytest.fixture(scope="module")
def unhurried(lasting_database: None) -> Generator[None]:
    """Calls are not counted; a key, and what the admin's menu shows to a user, are found once.

    Each costs more than many an answer, knows no id, and has tests of its own elsewhere.
    """
    with pytest.MonkeyPatch.context() as patch:
        application = get_application()
        throttle = Throttle(application.database, calls_per_minute=0)
        patch.setattr(application, "throttle", throttle)
        patch.setattr(application, "overrides", overrides_of(application))
        patch.setattr(Access, "find_key", cache(Access.find_key))
        patch.setattr(admin.site, "get_app_list", cached_by_user(admin.site.get_app_list))
        patch.setattr(settings, "SESSION_ENGINE", SESSIONS_IN_COOKIES)
        yield


def overrides_of(application: Application) -> Overrides:
    """One for each of the two tenants, which the admin's pages show."""
    overrides = Overrides(
        application.database, application.commands, application.events, application.effects
    )
    for slug in ("wombat-bank", "quokka-bank"):
        overrides.reaction(slug, "transfer", TransferFailed, as_everybody)
    return overrides


def as_everybody(manager: Any, state: Any, event: Any) -> list[Any]:
    """Nothing of its own."""
    wishes: list[Any] = manager.react(state, event)
    return wishes


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
