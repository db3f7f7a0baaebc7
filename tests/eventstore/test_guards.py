"""Invariant 1 as psql meets it: nothing but an append gets past the triggers."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from tests.eventstore.support import World, raw_connection

NEW_EVENT = """
INSERT INTO eventstore_event
    (stream_id, version, tenant_id, type, schema_version, data, metadata, recorded_at, hash)
SELECT stream_id, version, tenant_id, type, 1, '{}', '{}', now(), '' FROM eventstore_event
"""

CHANGES = {
    "update": "UPDATE eventstore_event SET data = '{}'",
    "update of no row": "UPDATE eventstore_event SET data = '{}' WHERE false",
    "update of one column of one row": (
        "UPDATE eventstore_event SET recorded_at = now() WHERE version = 1"
    ),
    "update through a view": """
        CREATE TEMPORARY VIEW events AS SELECT * FROM eventstore_event;
        UPDATE events SET type = 'account.closed'
    """,
    "delete": "DELETE FROM eventstore_event",
    "delete in a common table expression": """
        WITH gone AS (DELETE FROM eventstore_event RETURNING *) SELECT count(*) FROM gone
    """,
    "truncate": "TRUNCATE eventstore_event",
    "truncate with cascade": "TRUNCATE eventstore_event CASCADE",
    "truncate of the streams with cascade": "TRUNCATE eventstore_stream CASCADE",
    "truncate of the tenants with cascade": "TRUNCATE eventstore_tenant CASCADE",
    "insert on conflict do update": (
        f"{NEW_EVENT} ON CONFLICT (stream_id, version) DO UPDATE SET data = '{{}}'"
    ),
    "merge that updates": """
        MERGE INTO eventstore_event AS e USING (SELECT 1) AS one ON e.version = 1
        WHEN MATCHED THEN UPDATE SET data = '{}'
    """,
    "merge that deletes": """
        MERGE INTO eventstore_event AS e USING (SELECT 1) AS one ON e.version = 1
        WHEN MATCHED THEN DELETE
    """,
}


@pytest.fixture
def history(world: World, raw: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """The rows of a few events."""
    world.account("10.00")
    return events(raw)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("role", ["origin", "replica", "local"])
def test_the_database_refuses_to_change_an_event(
    history: list[tuple[Any, ...]], raw: psycopg.Connection[Any], change: str, role: str
) -> None:
    raw.execute(f"SET session_replication_role = {role}")

    with pytest.raises(errors.RestrictViolation, match="Events are facts") as refusal:
        raw.execute(change)

    assert refusal.value.diag.message_hint == "Append an event that corrects the earlier one."
    raw.rollback()
    assert events(raw) == history


def test_the_guard_allows_what_the_store_does(
    history: list[tuple[Any, ...]], world: World, raw: psycopg.Connection[Any]
) -> None:
    world.account("10.00")

    assert events(raw)[: len(history)] == history
    assert len(events(raw)) == 2 * len(history)


@pytest.mark.parametrize("role", ["origin", "replica"])
def test_a_stream_that_has_a_version_does_not_get_it_twice(
    history: list[tuple[Any, ...]], raw: psycopg.Connection[Any], role: str
) -> None:
    raw.execute(f"SET session_replication_role = {role}")

    with pytest.raises(errors.UniqueViolation, match="eventstore_event_version"):
        raw.execute(NEW_EVENT)


def test_an_event_cannot_have_a_version_below_one(
    history: list[tuple[Any, ...]], raw: psycopg.Connection[Any]
) -> None:
    with pytest.raises(errors.CheckViolation, match="version_from_1"):
        raw.execute(NEW_EVENT.replace("SELECT stream_id, version", "SELECT stream_id, 0"))


def test_an_event_cannot_belong_to_another_tenant_than_its_stream(
    history: list[tuple[Any, ...]], raw: psycopg.Connection[Any]
) -> None:
    statement = NEW_EVENT.replace("SELECT stream_id, version, tenant_id", "SELECT %s, 100, %s")
    (stream,) = raw.execute("SELECT max(id) FROM eventstore_stream").fetchone()

    with pytest.raises(errors.ForeignKeyViolation, match="eventstore_event_stream"):
        raw.execute(f"{statement} LIMIT 1", [stream, uuid4()])


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM eventstore_stream",
        "UPDATE eventstore_stream SET tenant_id = gen_random_uuid()",
        "UPDATE eventstore_stream SET category = 'person'",
        "UPDATE eventstore_stream SET aggregate_id = gen_random_uuid()",
        "UPDATE eventstore_stream SET id = id + 1000",
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_a_stream_stays_and_keeps_its_identity(
    history: list[tuple[Any, ...]], raw: psycopg.Connection[Any], change: str, role: str
) -> None:
    raw.execute(f"SET session_replication_role = {role}")

    with pytest.raises(errors.RestrictViolation, match="A stream stays what it is"):
        raw.execute(change)


def test_all_triggers_fire_in_every_replication_role(database: None) -> None:
    with raw_connection() as raw:
        triggers = raw.execute(
            "SELECT tgname, tgenabled FROM pg_trigger "
            "WHERE tgrelid IN ('eventstore_event'::regclass, 'eventstore_stream'::regclass) "
            "AND NOT tgisinternal ORDER BY tgname"
        ).fetchall()

    assert triggers == [
        ("eventstore_event_1_publish_floor", "A"),
        ("eventstore_event_2_check_positions", "A"),
        ("eventstore_event_append_only", "A"),
        ("eventstore_stream_identity", "A"),
    ]


def events(raw: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return raw.execute(
        "SELECT position, stream_id, version, tenant_id, type, schema_version, data::text, "
        "metadata::text, recorded_at, hash FROM eventstore_event ORDER BY position"
    ).fetchall()
