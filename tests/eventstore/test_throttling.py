"""Calls are counted for each caller by the minute, exactly, over all processes."""

from collections.abc import Callable, Generator

import pytest
from django.db import connection

from eventstore.application import Application
from eventstore.database import Database
from eventstore.errors import RateLimited
from eventstore.models import CallCount, StoredCommand, Tenant
from eventstore.tenancy import Role
from eventstore.throttling import Throttle
from tests.eventstore.support import at_once
from tests.http import Api, api_for


@pytest.fixture
def throttle(database: None) -> Throttle:
    return Throttle(Database(), calls_per_minute=3)


@pytest.fixture
def three_calls(application: Application) -> Generator[None]:
    """The API lets three calls through in a minute."""
    before = application.throttle
    application.throttle = Throttle(application.database, calls_per_minute=3)
    yield
    application.throttle = before


def put_back(seconds: int) -> None:
    """As if all calls so far had come earlier by so much."""
    with connection.cursor() as cursor:
        statement = "UPDATE eventstore_call_count SET since = since - make_interval(secs => %s)"
        cursor.execute(statement, [seconds])


def is_limited(call: Callable[[], object]) -> bool:
    try:
        call()
    except RateLimited:
        return True
    return False


def test_calls_beyond_the_limit_are_refused_until_the_next_minute(throttle: Throttle) -> None:
    limited = [is_limited(lambda: throttle.count("key 1")) for _ in range(5)]
    assert limited == [False, False, False, True, True]
    put_back(60)
    assert not is_limited(lambda: throttle.count("key 1"))


def test_who_keeps_calling_gets_back_in_when_the_minute_is_over(database: None) -> None:
    throttle = Throttle(Database(), calls_per_minute=1)
    throttle.count("key 1")
    limited = []
    for _ in range(2):
        put_back(40)
        limited.append(is_limited(lambda: throttle.count("key 1")))
    assert limited == [True, False]


def test_callers_do_not_use_up_each_others_calls(throttle: Throttle) -> None:
    for _ in range(3):
        throttle.count("key 1")
    assert not is_limited(lambda: throttle.count("key 2"))


def test_a_limit_of_zero_counts_nothing(database: None) -> None:
    Throttle(Database(), calls_per_minute=0).count("key 1")
    assert not CallCount.objects.exists()


def test_calls_at_once_over_many_connections_are_all_counted(throttle: Throttle) -> None:
    outcomes = at_once(*[lambda: is_limited(lambda: throttle.count("key 1"))] * 20)
    assert CallCount.objects.get().calls == 20
    assert (outcomes.count(False), outcomes.count(True)) == (3, 17)


def test_the_counts_are_kept_out_of_the_log_of_writes(database: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relpersistence FROM pg_class WHERE relname = 'eventstore_call_count'"
        )
        assert cursor.fetchone() == ("u",)


def test_the_api_says_when_to_come_again(three_calls: None, tenant: Tenant) -> None:
    api = api_for(tenant)
    assert [api.get("/api/persons").status for _ in range(3)] == [200, 200, 200]
    limited = api.send("register-person", {"first_name": "A", "last_name": "B"})
    limited.refused(429, "rate_limited")
    assert 1 <= int(limited.headers["Retry-After"]) <= 60
    assert not StoredCommand.objects.exists()


def test_each_key_has_a_count_of_its_own_and_strangers_none(
    three_calls: None, tenant: Tenant
) -> None:
    for _ in range(5):
        Api("daybook_unknown").get("/api/persons").refused(401, "unauthenticated")
    assert not CallCount.objects.exists()
    for user_name in ("mary", "max"):
        assert api_for(tenant, Role.MEMBER, user_name).get("/api/persons").status == 200
    assert CallCount.objects.count() == 2
