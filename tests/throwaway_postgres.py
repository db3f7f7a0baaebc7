"""A pytest plugin that gives the tests a PostgreSQL of their own where DATABASE_URL is not set.

A conftest would be too late: pytest-django reads the settings before it. Workers of pytest-xdist
inherit the variable, and with it the server, which ends with the process that started it.
"""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from config import postgres
from config.unprivileged import ServerError

PARENT = Path(__file__).resolve().parent.parent / ".daybook" / "tests"


# A wrapper comes before all others, those of pytest-django included.
@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None]:
    if not os.environ.get("DATABASE_URL"):
        try:
            os.environ["DATABASE_URL"] = postgres.throwaway_server(PARENT)
        except ServerError as error:
            raise pytest.UsageError(str(error)) from error
    return (yield)
