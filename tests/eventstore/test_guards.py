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

    hint = refusal.value.diag.message_hint
    assert hint.startswith("Append an event that corrects the earlier one")
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


#: What a statement inserts as (stream, version, tenant) beside events that are in order.
STRANGE_EVENTS = {
    "another tenant": "(%(stream)s, 100, %(stranger)s)",
    "another tenant, next to the last event": "(%(stream)s, 3, %(stranger)s)",
    "no such stream": "(%(stream)s + 1000, 1, %(tenant)s)",
    "no stream": "(-1, 1, %(tenant)s)",
    "after one that is in order": "(%(stream)s, 3, %(tenant)s), (%(stream)s, 4, %(stranger)s)",
    "before one that is in order": "(%(stream)s, 9, %(stranger)s), (%(stream)s, 3, %(tenant)s)",
    "between two that are in order": """
        (%(stream)s, 3, %(tenant)s), (%(stream)s, 4, %(stranger)s), (%(stream)s, 5, %(tenant)s)
    """,
}

INSERT_ROWS = """
INSERT INTO eventstore_event
    (stream_id, version, tenant_id, type, schema_version, data, metadata, recorded_at, hash)
SELECT new.stream, new.version, new.tenant::uuid, 'test.done', 1, '{}', '{}', now(), ''
FROM (VALUES ROWS) AS new(stream, version, tenant)
"""


@pytest.mark.parametrize("rows", STRANGE_EVENTS.values(), ids=STRANGE_EVENTS.keys())
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_an_event_belongs_to_a_stream_of_its_tenant(
    history: list[tuple[Any, ...]], raw: psycopg.Connection[Any], rows: str, role: str
) -> None:
    raw.execute(f"SET session_replication_role = {role}")

    with pytest.raises(
        errors.ForeignKeyViolation, match="belongs to no stream of its tenant"
    ) as e:
        raw.execute(INSERT_ROWS.replace("ROWS", rows), newest_stream(raw))

    assert e.value.diag.constraint_name == "eventstore_event_stream"
    raw.rollback()
    assert events(raw) == history


def test_copy_cannot_bring_an_event_of_another_tenant(
    history: list[tuple[Any, ...]], raw: psycopg.Connection[Any]
) -> None:
    names = newest_stream(raw)
    columns = INSERT_ROWS[INSERT_ROWS.index("(") : INSERT_ROWS.index("SELECT")]
    row = (names["stream"], 3, names["stranger"], "test.done", 1, "{}", "{}", "2024-01-01", b"")

    with (
        pytest.raises(errors.ForeignKeyViolation, match="belongs to no stream of its tenant"),
        raw.cursor().copy(f"COPY eventstore_event {columns} FROM STDIN") as copy,
    ):
        copy.write_row(row)


def test_a_stream_and_its_events_may_come_in_one_statement(
    history: list[tuple[Any, ...]], raw: psycopg.Connection[Any]
) -> None:
    raw.execute("""
        WITH new AS (
            INSERT INTO eventstore_stream
                (tenant_id, category, aggregate_id, version, head_hash, status, incarnation)
            SELECT tenant_id, 'person', gen_random_uuid(), 1, '', 'active', 0
            FROM eventstore_stream LIMIT 1 RETURNING id, tenant_id
        )
        INSERT INTO eventstore_event
            (stream_id, version, tenant_id, type, schema_version, data, metadata, recorded_at,
             hash)
        SELECT id, 1, tenant_id, 'test.done', 1, '{}', '{}', now(), '' FROM new
    """)

    assert len(events(raw)) == len(history) + 1


def test_events_of_one_statement_cannot_stand_in_another_order_than_their_versions(
    history: list[tuple[Any, ...]], raw: psycopg.Connection[Any]
) -> None:
    rows = "(%(stream)s, 3, %(tenant)s), (%(stream)s, 5, %(tenant)s), (%(stream)s, 4, %(tenant)s)"

    with pytest.raises(errors.RestrictViolation, match="before its predecessor"):
        raw.execute(INSERT_ROWS.replace("ROWS", rows), newest_stream(raw))


def test_an_event_cannot_stand_before_one_that_is_stored_between_two_of_its_statement(
    history: list[tuple[Any, ...]], raw: psycopg.Connection[Any]
) -> None:
    """With positions that another session drew above our floor and did not use."""
    names = newest_stream(raw)
    raw.execute("INSERT INTO eventstore_event SELECT * FROM eventstore_event WHERE false")
    with raw_connection(autocommit=True) as other:
        draw = "SELECT nextval('eventstore_event_position_seq')"
        gaps = [other.execute(draw).fetchone()[0] for _ in range(2)]
    raw.execute(INSERT_ROWS.replace("ROWS", "(%(stream)s, 4, %(tenant)s)"), names)

    bring = INSERT_ROWS.replace("(stream_id", "(position, stream_id").replace(
        "SELECT new.stream", "OVERRIDING SYSTEM VALUE SELECT new.position, new.stream"
    )
    rows = "(%(stream)s, 3, %(tenant)s, %(low)s), (%(stream)s, 5, %(tenant)s, %(high)s)"
    bring = bring.replace("tenant)\n", "tenant, position)\n").replace("ROWS", rows)
    with pytest.raises(errors.RestrictViolation, match="before its predecessor"):
        raw.execute(bring, {**names, "low": gaps[0], "high": gaps[1]})


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
        ("eventstore_event_2_check_events", "A"),
        ("eventstore_event_append_only", "A"),
        ("eventstore_event_only_boxed", "A"),
        ("eventstore_stream_identity", "A"),
        ("eventstore_stream_only_with_its_tenant", "A"),
        ("eventstore_stream_stays", "A"),
    ]


def events(raw: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return raw.execute(
        "SELECT position, stream_id, version, tenant_id, type, schema_version, data::text, "
        "metadata::text, recorded_at, hash FROM eventstore_event ORDER BY position"
    ).fetchall()


def newest_stream(raw: psycopg.Connection[Any]) -> dict[str, Any]:
    """A stream of two events with its tenant, and a tenant that it is not of."""
    select = "SELECT id, tenant_id FROM eventstore_stream ORDER BY id DESC LIMIT 1"
    stream, tenant = raw.execute(select).fetchone()
    return {"stream": stream, "tenant": tenant, "stranger": uuid4()}
