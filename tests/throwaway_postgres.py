"""A pytest plugin that gives the tests a PostgreSQL of their own where DATABASE_URL is not set.

And each process of theirs a folder of cold storage, which goes with it: what lies there and is not
in the database of that process would be an orphan.

A conftest would be too late: pytest-django reads the settings before it. Workers of pytest-xdist
inherit the variable, and with it the server, which ends with the process that started it.
"""

import atexit
import os
import shutil
import tempfile
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
    folder = tempfile.mkdtemp(prefix="daybook-cold-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["COLD_STORAGE_ROOT"] = str(Path(folder) / "cold")
    return (yield)
