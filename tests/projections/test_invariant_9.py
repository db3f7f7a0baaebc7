"""Invariant 9: queries never touch the event store's tables (the position's sequence excepted).

With two exceptions. Every query reads its read model's row in eventstore_subscription: it says in
which mode the rows are written and up to which position, and an answer is to say that as well. And
a read model that is brought up to date on demand reads streams and events before it is asked: that
is the subscription's work, done in the reader's call instead of a worker's, and not the query's.

A query of a copy reads a row of eventstore_row_copy instead, which says where the copy lies and up
to which position it goes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.db import connection

from eventstore.application import Application
from projections.queries import QUERIES
from tests.eventstore.support import raw_connection
from tests.http import Api, new_id
from tests.replay import bring_level

#: What says who calls, which is no part of the event store proper.
OF_CALLERS = {
    "eventstore_tenant",
    "eventstore_membership",
    "eventstore_api_key",
    "eventstore_call_count",
}
SUBSCRIPTION = "eventstore_subscription"
COPY = "eventstore_row_copy"
STORE_TABLES = {
    model._meta.db_table for model in apps.get_app_config("eventstore").get_models()
} - OF_CALLERS


@contextmanager
def locked(*, read_only: set[str], free: set[str] = frozenset()) -> Iterator[None]:
    """All tables of the event store locked as for DROP TABLE, so that whatever touches one fails.

    Those in `read_only` can be read, and no row of theirs written or locked.
    """
    shut = sorted(STORE_TABLES - read_only - free)
    with raw_connection() as locker, connection.cursor() as cursor:
        locker.execute(f"LOCK TABLE {', '.join(shut)} IN ACCESS EXCLUSIVE MODE")
        for table in sorted(read_only):
            locker.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        cursor.execute("SET lock_timeout = '200ms'")
        try:
            yield
        finally:
            locker.rollback()
            cursor.execute("RESET lock_timeout")


@pytest.fixture
def account_id(api: Api, application: Application) -> str:
    account_id = api.opened_account(api.registered_person(), deposit="1.00")
    bring_level(application)
    return account_id


def test_the_tables_of_the_event_store_are_known() -> None:
    named = "stream event command reservation snapshot process reaction subscription box"
    assert {f"eventstore_{name}" for name in named.split()} <= STORE_TABLES


def test_no_query_touches_the_event_store(api: Api, account_id: str) -> None:
    statement = f"accounts/{account_id}/statement"
    days = [
        f"accounts/{account_id}/balance?{day}=2026-01-01" for day in ("booked_on", "recorded_on")
    ]
    with locked(read_only={SUBSCRIPTION}):
        for query in QUERIES:
            assert api.get(f"/api/{query.name}").status == 200
            api.get(f"/api/{query.name}/{new_id()}").refused(404, "not_found")
        for path in (f"accounts/{account_id}", statement, *days, "daily-totals"):
            assert api.get(f"/api/{path}").status == 200, path
        touching = {"aggregate_id": account_id, "amount": "1.00"}
        api.send("deposit-money", touching).refused(503, "busy")
        api.get("/api/overview").refused(503, "busy")


def test_a_query_of_a_copy_touches_nothing_but_its_row(
    api: Api, application: Application, account_id: str
) -> None:
    application.copies.make("then", user="olga")
    account = f"accounts/{account_id}"
    balance = f"{account}/balance?booked_on=2026-01-01&snapshot=then"
    lists = [*(query.name for query in QUERIES), "daily-totals", "overview"]
    with locked(read_only={COPY}):
        for path in (*lists, account, f"{account}/statement"):
            assert api.get(f"/api/{path}?snapshot=then").status == 200, path
        assert api.get(f"/api/{balance}").status == 200
        api.get("/api/persons?snapshot=when").refused(404, "not_found")
        api.get("/api/persons").refused(503, "busy")


def test_a_query_on_demand_touches_no_more_than_a_worker_would(api: Api, account_id: str) -> None:
    api.send("deposit-money", {"aggregate_id": account_id, "amount": "1.00"})
    read = {"eventstore_stream", "eventstore_event", "eventstore_box"}
    with locked(read_only=read, free={SUBSCRIPTION}):
        assert api.get("/api/overview").body["total_balance"] == "2.00"
