"""`manage.py demo Rebuild`: what it shows of rows that are made anew."""

import pytest

from config.demo import rebuild
from projections.models import AccountSummary
from tests.processes import run_manage

pytestmark = pytest.mark.usefixtures("database")


def test_the_demo_makes_rows_anew_mends_them_and_shows_them_as_they_were() -> None:
    played = run_manage("demo", "Rebuild")

    assert [line.strip() for line in played.stdout.splitlines()] == [
        "Rebuild: rows made anew, mended, and as of an earlier time",
        "ok    all rows made anew, exit code: 0",
        "ok    the balance after it: 50.00",
        "ok    compared with a replay, exit code: 0",
        "ok    after a row was changed by hand: 1",
        "ok    mended, exit code: 0",
        "ok    the balance after it: 50.00",
        "ok    the balance as of the first deposit: 20.00",
        "ok    and now: 50.00",
        "ok    another tenant asks for it: (404, 'not_found')",
        "ok    dropped: (404, 'not_found')",
        "Rebuild ok",
    ]


@pytest.mark.long
def test_the_demo_tells_of_a_row_that_nothing_mends() -> None:
    """Its exit codes are those of the command."""
    run_manage("demo", "Rebuild")
    AccountSummary.objects.update(balance="1.00")

    assert rebuild.rebuild("--check") == 1
    assert rebuild.rebuild("--fix") == 0
    assert rebuild.rebuild("--check") == 0
