"""`manage.py` as a process of its own, on the test database."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

PROJECT = Path(__file__).resolve().parent.parent


def database_url(alias: str = DEFAULT_DB_ALIAS) -> str:
    """The URL of the database that this test uses."""
    settings = connections[alias].settings_dict
    keys = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    parts = {name: str(settings[key]) for name, key in keys.items() if settings.get(key)}
    return f"postgresql:///{settings['NAME']}?{urlencode(parts)}"


def start_manage(
    *arguments: str, environment: Mapping[str, str] | None = None, stdin: int | None = None
) -> subprocess.Popen[str]:
    """Start `manage.py` with these arguments; its output is read at the end."""
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env={
            "DATABASE_URL": database_url(),
            "COLD_STORAGE_ROOT": str(settings.EVENTSTORE["COLD_STORAGE_ROOT"]),
            "DAYBOOK_SECRET_KEY": "for tests",
            "DJANGO_SETTINGS_MODULE": "tests.quick_settings",
            **(environment or {}),
        },
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen_to_ctrl_c,
    )


def listen_to_ctrl_c() -> None:
    """Shells start what runs in the background deaf to it, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run_manage(*arguments: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` to its end; `typed` is what it reads from its standard input."""
    process = start_manage(*arguments, stdin=None if typed is None else subprocess.PIPE)
    out, err = process.communicate(typed, timeout=600)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)
