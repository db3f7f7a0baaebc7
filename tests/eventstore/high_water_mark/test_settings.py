"""What the database must be set to is refused otherwise: by each append, and before the start."""

import subprocess
import sys
from collections.abc import Generator
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from tests.eventstore.high_water_mark.support import append_one
from tests.processes import PROJECT, database_url


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_an_append_refuses_other_isolation_levels(
    writer: psycopg.Connection[Any], level: str
) -> None:
    writer.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")

    with pytest.raises(psycopg.DatabaseError, match=f"READ COMMITTED, not {level}"):
        append_one(writer)


def test_an_append_refuses_a_commit_that_is_not_waited_for(
    writer: psycopg.Connection[Any],
) -> None:
    writer.execute("SET synchronous_commit = off")

    with pytest.raises(psycopg.DatabaseError, match="synchronous_commit = off"):
        append_one(writer)


def test_the_sequence_hands_out_positions_one_by_one(writer: psycopg.Connection[Any]) -> None:
    cache = writer.execute(
        "SELECT seqcache, seqcycle, seqincrement FROM pg_sequence "
        "WHERE seqrelid = 'eventstore_event_position_seq'::regclass"
    ).fetchone()

    assert cache == (1, False, 1)


@pytest.fixture
def _sequence_with_a_cache(raw: psycopg.Connection[Any]) -> Generator[None]:
    """Each session would draw fifty positions in advance, below any floor that it publishes."""
    raw.execute("ALTER SEQUENCE eventstore_event_position_seq CACHE 50")
    raw.commit()
    yield
    raw.execute("ALTER SEQUENCE eventstore_event_position_seq CACHE 1")
    raw.commit()


@pytest.mark.usefixtures("_sequence_with_a_cache")
def test_a_position_that_a_session_drew_in_advance_is_refused(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any]
) -> None:
    """Should nobody have looked: the second append of a session has one of before its floor."""
    append_one(writer)
    writer.commit()

    with pytest.raises(psycopg.errors.RestrictViolation, match="brought its own position"):
        append_one(writer)


WRONG_SETTINGS = "-c synchronous_commit=off -c default_transaction_isolation=serializable"


@pytest.mark.long
@pytest.mark.usefixtures("database", "_sequence_with_a_cache")
@pytest.mark.parametrize(
    "command", ["migrate", "check --database default", "serve --port 0", "demo --serve --port 0"]
)
def test_nothing_starts_on_a_database_that_is_set_wrongly(command: str) -> None:
    """And each fault is named, with what to do."""
    ended = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=PROJECT,
        env={
            "DATABASE_URL": f"{database_url()}&options={quote(WRONG_SETTINGS)}",
            "DAYBOOK_SECRET_KEY": "for tests",
        },
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert (ended.returncode, ended.stdout, "Traceback" in ended.stderr) == (1, "", False)
    assert ended.stderr.count("eventstore.E005") == 3
    assert "eventstore_event_position_seq has CACHE 50; ALTER it to CACHE 1" in ended.stderr
    assert "synchronous_commit is off; set it to on" in ended.stderr
    assert "transactions are serializable; set them to read committed" in ended.stderr
