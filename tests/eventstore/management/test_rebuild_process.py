"""Processes for rebuilds: one at a time, and not one each second where none can begin."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.test import override_settings

from eventstore.application import Application
from eventstore.management import rebuild_process
from eventstore.management.rebuild_process import RebuildProcesses
from eventstore.rebuild_log import Order
from tests.processes import PROJECT


def test_where_none_can_begin_there_is_not_one_each_second(
    application: Application,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = tmp_path / "begun"
    (tmp_path / "manage.py").write_text(f"open({str(begun)!r}, 'a').write('.')\nexit(1)\n")
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setattr(rebuild_process, "LONGEST_PAUSE", 3600.0)
    monkeypatch.setattr(rebuild_process, "PAUSE", 3600.0)
    application.rebuilding.log.ask(Order("rebuild", "account_summary", "olive"))
    with closing(RebuildProcesses(application)) as processes, override_settings(BASE_DIR=tmp_path):
        for _ in range(3):
            assert processes.work() == 0
    assert begun.read_text() == "."


def test_two_of_one_starter_are_never_at_work(tmp_path: Path) -> None:
    """The second one finds the lock taken, and leaves without a word."""
    program = tmp_path / "program.py"
    program.write_text("import sys\nprint('at work', flush=True)\nsys.stdin.read()\n")
    with (tmp_path / "lock").open("wb") as lock:
        arguments = [sys.executable, "-m", rebuild_process.LEASHED, str(lock.fileno())]

        def start() -> subprocess.Popen[str]:
            return subprocess.Popen(
                [*arguments, str(program)],
                cwd=PROJECT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[lock.fileno()],
                text=True,
            )

        first = start()
        assert first.stdout is not None
        assert first.stdout.readline() == "at work\n"
        second = start()
        out, _ = second.communicate(timeout=30)
        assert (out, second.returncode) == ("", 0)
        assert first.poll() is None
        first.communicate(timeout=30)
