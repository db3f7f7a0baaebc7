"""What all tests share."""

import os
import shutil
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test.utils import override_settings, setup_databases, teardown_databases

from eventstore.application import Application, get_application
from eventstore.models import Tenant
from eventstore.tenancy import Actor, Role
from eventstore.testing import wipe
from tests.http import Api, api_for

PROJECT = Path(__file__).resolve().parent.parent
BERKA = PROJECT.parent / "shared" / "data" / "berka-1993.csv"


@pytest.fixture(scope="session", autouse=True)
def quick_password_hashes(django_test_environment: None) -> Generator[None, None, None]:
    with override_settings(PASSWORD_HASHERS=["tests.hashers.QuickHasher"]):
        yield


@pytest.fixture(scope="session")
def berka_file() -> Path:
    """A Czech bank's transactions of 1993, which lie beside the project, not in it."""
    if not BERKA.exists():
        pytest.skip(f"no file {BERKA}")
    return BERKA


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: Any
) -> Generator[None, None, None]:
    """Make the test database for every test; pytest-django's looks for its own fixtures only."""
    with django_db_blocker.unblock():
        databases = setup_databases(verbosity=0, interactive=False, aliases={"default"})
        wipe()  # What the migrations have written for the sample application.
        leave_tables_alone()
        connections.close_all()
        yield
        teardown_databases(databases, verbosity=0)


def leave_tables_alone() -> None:
    """Nobody counts rows in passing: a plan for a table seen empty takes a minute for 20,000."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'ALTER TABLE "{table}" SET (autovacuum_enabled = false)')


@pytest.fixture(scope="session")
def wiper(django_db_setup: None) -> Generator[ThreadPoolExecutor, None, None]:
    """A thread whose connection lasts: a new one takes longer than to wipe. No test uses it."""
    with ThreadPoolExecutor(1) as thread:
        yield thread
        thread.submit(connections.close_all).result()


def wipe_again() -> None:
    if not connection.is_usable():
        connection.close()  # A test has ended all connections.
    wipe()
    shutil.rmtree(settings.EVENTSTORE["COLD_STORAGE_ROOT"], ignore_errors=True)


@pytest.fixture
def database(wiper: ThreadPoolExecutor, django_db_blocker: Any) -> Generator[None, None, None]:
    """A real, empty database whose commits other connections and processes see.

    pytest-django's own fixtures would hide rows in a transaction, or flush with TRUNCATE, which
    the event table refuses.
    """
    with django_db_blocker.unblock():
        yield
        connections.close_all()
        wiper.submit(wipe_again).result()


@pytest.fixture(scope="module")
def lasting_database(
    wiper: ThreadPoolExecutor, django_db_blocker: Any
) -> Generator[None, None, None]:
    """As `database`, for all tests of a module."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()
        wiper.submit(wipe_again).result()


@pytest.fixture
def application(database: None) -> Application:
    """The sample application: eventstore, ledger and projections."""
    return get_application()


@pytest.fixture
def tenant(database: None) -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme")


@pytest.fixture
def other_tenant(database: None) -> Tenant:
    return Tenant.objects.create(slug="umbrella", name="Umbrella")


@pytest.fixture
def api(application: Application, tenant: Tenant) -> Api:
    """A client program of the tenant, with a member's key."""
    return api_for(tenant)


@pytest.fixture
def member(tenant: Tenant) -> Actor:
    """A user of the tenant who may send commands and read."""
    return Actor(tenant_id=tenant.id, user="mary", role=Role.MEMBER)


# What takes longest is begun first, so that no worker is left with it at the end.
LONGEST = (
    "tests/config/test_schemathesis.py",
    "tests/scenarios/test_scenarios.py",
    "tests/benchmarks/",
    "tests/tenants/test_reading.py",
    "tests/crashes/",
    "tests/config/",
    "tests/browser/",
)

#: Many times through code that other tests have been through. To measure that would take minutes.
NOT_MEASURED = (
    "tests/architecture/",
    "tests/benchmarks/",
    "tests/browser/",
    "tests/config/",
    "tests/contracts/",
    "tests/crashes/",
    "tests/mutations/",
    "tests/projections/",
    "tests/scenarios/",
    "tests/tenants/",
    "tests/eventstore/admin/test_details.py",
    "tests/eventstore/admin/test_hostile_forms.py",
    "tests/eventstore/admin/test_hostile_text.py",
    "tests/eventstore/api/test_input.py",
    "tests/eventstore/boxes/test_box_guards.py",
    "tests/eventstore/boxes/test_reading_windows.py",
    "tests/eventstore/boxes/test_rebuilt_histories.py",
    "tests/eventstore/high_water_mark/",
    "tests/eventstore/input/test_parser.py",
    "tests/eventstore/input/test_server.py",
    "tests/eventstore/management/test_rebuild_processes.py",
    "tests/eventstore/management/test_worker.py",
    "tests/eventstore/rebuilding/",
    "tests/eventstore/subscriptions/",
    "tests/eventstore/test_equivalence.py",
    "tests/eventstore/test_guards.py",
    "tests/eventstore/test_invariants.py",
    "tests/eventstore/test_reading_memory.py",
    "tests/eventstore/test_replay.py",
    "tests/eventstore/test_row_statements.py",
    "tests/ledger/test_no_password_anywhere.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(NOT_MEASURED):
            item.add_marker("no_cover")
    ranks = {place: rank for rank, place in enumerate(LONGEST)}
    items.sort(
        key=lambda item: next(
            (ranks[place] for place in LONGEST if item.nodeid.startswith(place)), len(LONGEST)
        )
    )


# In CI nothing may be left out unnoticed.


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    fail_if_skipped(report)
    return report


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    expected_to_fail = hasattr(report, "wasxfail")
    if os.environ.get("CI") and report.skipped and not expected_to_fail:
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as a failure in CI: {report.longrepr}"
