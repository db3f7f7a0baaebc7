"""Turn what the environment says into what Django's settings need."""

import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

# Django's names for what libpq calls otherwise; all other parameters go into OPTIONS.
DJANGO_NAMES = {
    "dbname": "NAME",
    "user": "USER",
    "password": "PASSWORD",
    "host": "HOST",
    "port": "PORT",
}
# Shown by libpq when something connects all the same. Type checkers read settings without one.
NO_DATABASE = "host='/DATABASE_URL is not set; manage.py sets it' dbname=daybook"


def database_from_url(url: str, server_settings: Mapping[str, str]) -> dict[str, Any]:
    """Return Django's description of the database at `url`.

    `server_settings` hold for each connection; those that the URL's own `options` name win.
    """
    parameters = parameters_of(url or NO_DATABASE, "DATABASE_URL")
    options = [f"-c {name}={escape(value)}" for name, value in server_settings.items()]
    options.append(str(parameters.pop("options", "")))
    named = {DJANGO_NAMES[k]: str(parameters.pop(k)) for k in DJANGO_NAMES if k in parameters}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **named,
        "OPTIONS": {
            **parameters,
            "options": " ".join(options).strip(),
            # Django's None would switch off also the statements that the event store prepares.
            "prepare_threshold": 5,
        },
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }


def listen_url(url: str) -> str:
    """The URL as it is, once it is known that libpq can read it."""
    parameters_of(url, "LISTEN_DATABASE_URL")
    return url


def parameters_of(url: str, variable: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(url))
    except ProgrammingError:
        # Without the URL: it may hold a password.
        raise ImproperlyConfigured(
            f"{variable} cannot be read. Write it as postgresql://user:password@host:5432/name."
        ) from None


def escape(value: str) -> str:
    """Protect `value` from libpq, which splits its options at blanks."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def read_or_make_secret(path: Path) -> str:
    """Return the secret in `path`, made once even when several processes start at once."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written in full under another name (mode 0600), then linked: nobody reads half a secret.
        handle, draft = tempfile.mkstemp(dir=path.parent)
        try:
            with open(handle, "w") as file:
                file.write(secrets.token_urlsafe(50))
            os.link(draft, path)
        except FileExistsError:
            pass  # Another process was faster: its secret holds.
        finally:
            os.unlink(draft)
    return path.read_text()
