"""Every form in which a password might have been kept, and every place to look for it."""

import hashlib
import logging
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

from django.contrib.sessions.models import Session
from psycopg import sql

from config.logs import JsonLines
from tests.eventstore.support import raw_connection

#: Also of tables that a library brings, such as django-q2's.
TABLES = """
SELECT schemaname, tablename FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
"""

DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "blake2b")


def forms_of(password: str) -> dict[str, str]:
    """By name: itself, written otherwise, and its plain digests; in lower case."""
    plain = {"plain": password.encode(), "reversed": password[::-1].encode()}
    digests = {name: hashlib.new(name, password.encode()).digest() for name in DIGESTS}
    forms = {name: value.decode() for name, value in plain.items()}
    for name, value in (plain | digests).items():
        forms[f"{name} in hex"] = value.hex()
        forms[f"{name} in base64"] = b64encode(value).decode().rstrip("=")
        forms[f"{name} in URL base64"] = urlsafe_b64encode(value).decode().rstrip("=")
    return {name: text.lower() for name, text in forms.items()}


def traces(password: str, places: dict[str, str]) -> list[str]:
    """What of a password can be found where."""
    forms = forms_of(password)
    return [
        f"{form} in {place}"
        for place, text in places.items()
        for form, needle in forms.items()
        if needle in text.lower()
    ]


def whole_database() -> dict[str, str]:
    """The text of every table by its name, as pg_dump would write it; bytes in hex."""
    dumped = {}
    with raw_connection() as raw:
        for schema, table in raw.execute(TABLES).fetchall():
            copy = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(schema, table))
            with raw.cursor().copy(copy) as rows:
                dumped[table] = b"".join(map(bytes, rows)).decode()
    return dumped


def opened_sessions() -> str:
    """What stands in the sessions, whose table shows it compressed."""
    return str([session.get_decoded() for session in Session.objects.all()])


@contextmanager
def everything_logged() -> Iterator[StringIO]:
    """All that is logged, as it would be written."""
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    # Two that hand nothing on to the root.
    loggers = [logging.getLogger(name) for name in ("", "daybook", "django")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield written
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
