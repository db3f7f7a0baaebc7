"""`manage.py demo --serve` and `serve` as processes: what they print, and what they log."""

import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from django.contrib.auth import authenticate
from django.db import connection

from tests.processes import start_manage


@contextmanager
def serving(*arguments: str) -> Generator[tuple[subprocess.Popen[str], list[str], str]]:
    """The process, what it printed, and its URL; ended for sure."""
    process = start_manage(*arguments, "--port", "0")
    assert process.stdout is not None
    printed = []
    try:
        for line in process.stdout:
            printed.append(line)
            if line.startswith("Serving on "):
                yield process, printed, line.split()[2]
                break
    finally:
        process.kill()
        process.communicate()


def status_of(url: str, key: str) -> int:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.mark.long
def test_the_demo_prints_a_login_and_a_key_that_work(database: None) -> None:
    with serving("demo", "A", "--serve") as (_process, printed, url):
        text = "".join(printed)
        name, password = re.findall(r"user (\S+), password (\S+)", text)[0]
        (key,) = re.findall(r"API key\s+(\S+)", text)
        assert "A ok" in text
        assert status_of(f"{url}/api/persons", key) == 200
        assert status_of(f"{url}/api/persons", "wrong") == 401
    user = authenticate(username=name, password=password)
    assert user is not None
    assert user.is_staff


@pytest.mark.long
def test_a_fault_of_ours_is_logged_with_its_cause(database: None) -> None:
    with serving("demo", "A", "--serve") as (process, printed, url):
        (key,) = re.findall(r"API key\s+(\S+)", "".join(printed))
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE person_summary RENAME TO elsewhere")
        try:
            assert status_of(f"{url}/api/persons", key) == 500
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE elsewhere RENAME TO person_summary")
        process.send_signal(signal.SIGTERM)
        _, logged = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" in logged
    assert 'relation \\"person_summary\\" does not exist' in logged


@pytest.mark.long
def test_a_port_that_is_taken_changes_nothing(database: None) -> None:
    with serving("serve") as (_process, _printed, url):
        port = url.rsplit(":", 1)[1]
        second = start_manage("demo", "A", "--serve", "--port", port)
        out, err = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "make demo PORT=8001" in err
    assert out == ""
