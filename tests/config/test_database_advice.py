"""What `manage.py` says where the database is away, or has not the tables of this release."""

import pytest

from tests.processes import run_manage, start_manage
from tests.scenarios.test_walk import empty_database as empty_database


@pytest.mark.usefixtures("empty_database")
def test_a_command_that_finds_no_tables_says_what_to_run() -> None:
    ended = run_manage("rebuild", "--copies")
    assert ended.returncode == 1
    assert ended.stderr == "Migrations are missing. Run `manage.py migrate`.\n"


def test_a_command_that_finds_no_database_says_so_in_a_line(database: None) -> None:
    away = {"DATABASE_URL": "postgresql://nobody@localhost:1/none"}
    _, error = (process := start_manage("verify", environment=away)).communicate(timeout=60)
    assert process.returncode == 1
    assert error.startswith("The database does not answer (")
    assert error.endswith("See DATABASE_URL, then try again.\n")
    assert error.count("\n") == 1


@pytest.mark.long
def test_who_asks_for_the_traceback_gets_it(database: None) -> None:
    away = {"DATABASE_URL": "postgresql://nobody@localhost:1/none"}
    _, error = (process := start_manage("verify", "--traceback", environment=away)).communicate(
        timeout=60
    )
    assert process.returncode == 1
    assert error.startswith("Traceback")
