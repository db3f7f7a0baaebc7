"""`manage.py rebuild` as real processes: exit codes, locks, Ctrl-C, and kill -9 in the middle."""

import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest

from eventstore.application import get_application
from eventstore.models import Rebuild
from eventstore.rebuild_log import Order
from projections.models import AccountSummary
from tests.eventstore.management.rebuild_command import (
    NAME,
    broken,
    everything,
    query,
    said,
    xmins,
)
from tests.eventstore.support import World, raw_connection
from tests.processes import run_manage, start_manage
from tests.replay import assert_rows_equal_a_replay

#: Seconds before a test gives up on a process.
PATIENCE = 300

WAITING = f"""
SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '{NAME}'::regclass
"""


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.02)


@contextmanager
def one_in_the_middle() -> Generator[subprocess.Popen[str]]:
    """A rebuild that tries to take its last step; until the end somebody reads its table."""
    with raw_connection() as locking:
        locking.execute(f"LOCK TABLE {NAME} IN ACCESS SHARE MODE")
        process = start_manage("rebuild", NAME)
        try:
            until(lambda: query(WAITING) == [(1,)])
            yield process
        except BaseException:
            process.kill()
            process.communicate()
            raise


def test_a_second_run_of_the_same_one_ends_with_3_and_changes_nothing(world: World) -> None:
    broken(world)
    with one_in_the_middle() as first:
        second = run_manage("rebuild", NAME, "--check")
        # Here, since the first one does not try for ever.
        other = said("user_summary", "--check")
    _, error = first.communicate(timeout=PATIENCE)

    assert (second.returncode, second.stdout) == (3, "")
    assert second.stderr.strip().endswith(
        f"{NAME} is already running. Wait until it has ended, then try again."
    )
    assert other.code == 0
    assert (first.returncode, error) == (0, "")
    assert_rows_equal_a_replay(world.application)


@pytest.mark.long
def test_ctrl_c_is_one_line_and_130_and_the_rows_are_as_before(world: World) -> None:
    broken(world)
    before = xmins()
    with one_in_the_middle() as process:
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out) == (130, "")
    assert len(error.splitlines()) == 1
    assert "Interrupted. Each projection's rows are as before, or all of them are new." in error
    assert xmins() == before
    assert Rebuild.objects.get().status == "failed"
    assert run_manage("rebuild", NAME).returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("point", ["made", "filled", "swapped", "committed"])
def test_killed_in_the_middle_the_next_try_succeeds_and_nothing_is_left_behind(
    world: World, point: str
) -> None:
    broken(world)
    before = xmins()
    places = {
        "DJANGO_SETTINGS_MODULE": "tests.crashes.settings",
        "DAYBOOK_CRASH_AT": f"rebuild.{point}:1",
    }
    killed = start_manage("rebuild", NAME, environment=places)
    _, error = killed.communicate(timeout=PATIENCE)
    assert killed.returncode == -signal.SIGKILL
    assert f"died at rebuild.{point}" in error
    # Either version, and wholly so.
    assert (xmins() == before) is (point != "committed")

    again = run_manage("rebuild", NAME)

    assert (again.returncode, again.stderr) == (0, "")
    assert query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shadow%'") == []
    assert_rows_equal_a_replay(world.application)


@pytest.mark.long
def test_exit_codes_are_those_of_the_process(world: World) -> None:
    broken(world)
    unknown = run_manage("rebuild", "nobody")
    assert unknown.returncode == 2
    assert "There is no projection 'nobody'. Known: " in unknown.stderr
    assert NAME in unknown.stderr
    assert run_manage("rebuild", NAME, "--no-such-flag").returncode == 2
    assert run_manage("rebuild", NAME, "--check").returncode == 1
    fixed = run_manage("rebuild", NAME, "--fix")
    assert (fixed.returncode, fixed.stderr) == (0, "")
    assert run_manage("rebuild", NAME, "--check").returncode == 0


# What was asked for in the background ------------------------------------------------------------


@pytest.mark.long
def test_asked_does_what_was_asked_for_and_says_nothing(world: World) -> None:
    broken(world)
    log = get_application().rebuilding.log
    for kind, name in (("rebuild", "nobody"), ("check", NAME), ("fix", NAME)):
        log.ask(Order(kind, name, "olga", "asked for"))

    finished = run_manage("rebuild", "--asked")

    assert (finished.returncode, finished.stdout) == (0, "")
    checked, fixed = Rebuild.objects.filter(projection=NAME).order_by("id")
    assert (checked.status, checked.rows, checked.user) == ("differs", 3, "olga")
    assert (fixed.status, fixed.rows) == ("done", 3)
    assert_rows_equal_a_replay(world.application)


@pytest.mark.long
def test_with_nothing_asked_for_nothing_is_done(world: World) -> None:
    world.account("5.00")
    AccountSummary.objects.all().delete()
    before = everything()
    finished = run_manage("rebuild", "--asked")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    assert everything() == before


def test_asked_in_a_test_or_a_program_is_the_same(world: World) -> None:
    assert said("--asked") == (0, "", "")
