"""What the environment says becomes what Django's settings need."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from config.environment import (
    NO_DATABASE,
    database_from_url,
    listen_url,
    read_or_make_secret,
)


def test_a_url_becomes_djangos_names_and_the_rest_options() -> None:
    database = database_from_url("postgresql://me:pw@db:5433/books?sslmode=require", {})
    assert database["NAME"] == "books"
    assert database["USER"] == "me"
    assert database["PASSWORD"] == "pw"
    assert database["HOST"] == "db"
    assert database["PORT"] == "5433"
    assert database["OPTIONS"]["sslmode"] == "require"


def test_options_of_the_url_come_last_so_that_they_win() -> None:
    url = "postgresql:///books?options=-c%20lock_timeout%3D9s"
    options = database_from_url(url, {"lock_timeout": "5s"})["OPTIONS"]["options"]
    assert options == "-c lock_timeout=5s -c lock_timeout=9s"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("transaction_isolation", "read committed"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("synchronous_commit", "on"),
    ],
)
def test_every_connection_has_our_settings(name: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        assert cursor.fetchone() == (value,)


def test_without_a_url_connecting_says_what_is_missing() -> None:
    with pytest.raises(psycopg.OperationalError, match="DATABASE_URL is not set"):
        psycopg.connect(NO_DATABASE)


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    with ThreadPoolExecutor(8) as threads:
        secrets = set(threads.map(lambda _: read_or_make_secret(path), range(32)))
    assert len(secrets) == 1
    assert len(secrets.pop()) > 50
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_where_to_listen_is_told_at_the_start_where_it_cannot_be_read() -> None:
    assert listen_url("") == ""
    assert listen_url("postgresql://db/books") == "postgresql://db/books"
    with pytest.raises(ImproperlyConfigured, match="LISTEN_DATABASE_URL cannot be read") as caught:
        listen_url("postgresql://me:secret@db/books?nonsense=1")
    assert "secret" not in str(caught.value)
