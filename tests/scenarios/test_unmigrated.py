"""What `manage.py` says on a database that has not the tables of this release."""

import pytest

from tests.processes import run_manage
from tests.scenarios.test_walk import empty_database as empty_database


@pytest.mark.usefixtures("empty_database")
def test_a_command_that_finds_no_tables_says_what_to_run() -> None:
    ended = run_manage("rebuild", "--copies")
    assert (ended.returncode, ended.stderr) == (
        1,
        "Migrations are missing. Run `manage.py migrate`.\n",
    )
