"""The README's walk with curl, word for word: on an empty database, with bash and curl alone."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass, field

import pytest
from django.db import connection
from psycopg import sql

from tests.eventstore.support import raw_connection
from tests.processes import PROJECT, database_url, run_manage
from tests.server import running_server

SECTION = re.compile(r"^## A walk with curl$(.*?)^## ", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: Printed between two steps; no answer contains it.
SEPARATOR = "=== next step ==="


@dataclass
class Step:
    """Lines for the shell, and the lines that the reader is promised for them."""

    lines: list[str] = field(default_factory=list)
    promised: list[str] = field(default_factory=list)


def steps_of(readme: str) -> list[Step]:
    """Each ends with the last of the comments that follow its commands."""
    section = SECTION.search(readme)
    assert section is not None
    steps = [Step()]
    for line in "".join(BLOCK.findall(section[1])).splitlines():
        if line.startswith("# "):
            steps[-1].promised.append(line.removeprefix("# "))
        elif line:
            if steps[-1].promised:
                steps.append(Step())
            steps[-1].lines.append(line)
    return steps


def is_kept(promise: str, output: str) -> bool:
    """Whether a line of the output is the one promised, but for what `...` leaves out."""
    pattern = re.compile(re.escape(promise).replace(re.escape("..."), ".*"))
    return any(pattern.fullmatch(line) for line in output.splitlines())


STEPS = steps_of((PROJECT / "README.md").read_text())


@pytest.fixture
def empty_database(database: None, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """A database without a single table, which processes of this test use instead of its own."""
    name = f"{connection.settings_dict['NAME']}_walk"
    with raw_connection(autocommit=True) as raw:
        raw.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        raw.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with monkeypatch.context() as patched:
            patched.setitem(connection.settings_dict, "NAME", name)
            yield
        raw.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def walk(url: str) -> list[str]:
    """What each step printed."""
    script = f"\necho; echo '{SEPARATOR}'\n".join("\n".join(step.lines) for step in STEPS)
    ended = subprocess.run(
        ["bash", "-eu"],
        input=script.replace(".venv/bin/python", sys.executable),
        cwd=PROJECT,
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": database_url(),
            "DAYBOOK_SECRET_KEY": "for tests",
            "URL": url,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split(SEPARATOR)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_answer_is_as_the_readme_says(empty_database: None) -> None:
    migrated = run_manage("migrate", "--verbosity", "0")
    assert migrated.returncode == 0, migrated.stderr

    with running_server() as server:
        outputs = walk(server.url)

    broken = {
        promise: output
        for step, output in zip(STEPS, outputs, strict=True)
        for promise in step.promised
        if not is_kept(promise, output)
    }
    assert broken == {}


def test_every_call_of_the_walk_is_promised_an_answer() -> None:
    calls = sum(line.startswith("curl ") for step in STEPS for line in step.lines)
    assert calls == len(STEPS) == 9
    assert all(step.promised for step in STEPS)
    statuses = [line.split()[1] for step in STEPS for line in step.promised if "HTTP/1.1" in line]
    assert statuses == ["201", "201", "200", "200", "200", "412", "400", "422"]


def test_the_walk_needs_nothing_but_bash_and_curl() -> None:
    words = {line.split()[0] for step in STEPS for line in step.lines}
    programs = {word for word in words if not word.startswith("-") and "=" not in word}
    assert programs == {"curl", ".venv/bin/python"}


@pytest.mark.parametrize(
    ("promise", "kept"),
    [
        ("HTTP/1.1 200 OK", True),
        ("HTTP/1.1 200", False),
        ('{..."balance":"12.34"...}', True),
        ('{..."balance":"12.35"...}', False),
        ("ETag: .2.", False),
    ],
)
def test_a_promise_is_compared_with_whole_lines(promise: str, kept: bool) -> None:
    output = 'HTTP/1.1 200 OK\nETag: "2"\n\n{"id":1,"balance":"12.34","version":2}\n'
    assert is_kept(promise, output) is kept
