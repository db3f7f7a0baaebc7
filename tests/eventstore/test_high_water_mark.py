"""The writer's half of the high-water mark: the published floor, and positions drawn above it."""

from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.eventstore.support import World, raw_connection

NAMESPACE = 3499

APPEND_ONE = """
INSERT INTO eventstore_event
    (stream_id, version, tenant_id, type, schema_version, data, metadata, recorded_at, hash)
SELECT s.id, coalesce(max(e.version), 0) + 1, s.tenant_id, 'test.done', 1, '{}', '{}', now(), ''
FROM eventstore_stream s LEFT JOIN eventstore_event e ON e.stream_id = s.id
GROUP BY s.id ORDER BY s.id LIMIT 1
RETURNING position
"""

COLUMNS = (
    "(position, stream_id, version, tenant_id, type, schema_version, data, metadata,"
    " recorded_at, hash)"
)


@pytest.fixture
def writer(world: World) -> Generator[psycopg.Connection[Any]]:
    """A raw connection to a database with a few events in it."""
    world.person()
    with raw_connection() as connection:
        yield connection
        connection.rollback()


def append_one(writer: psycopg.Connection[Any]) -> int:
    (position,) = writer.execute(APPEND_ONE).fetchone()
    return position


def draw_without_using(writer: psycopg.Connection[Any], positions: int) -> int:
    """Leave gaps, as rollbacks do, and return the last position in them."""
    for _ in range(positions):
        (last,) = writer.execute("SELECT nextval('eventstore_event_position_seq')").fetchone()
    writer.commit()
    return last


def new_row(writer: psycopg.Connection[Any], *, version: int) -> tuple[Any, ...]:
    """An event without a position, for COPY."""
    select = "SELECT id, tenant_id FROM eventstore_stream LIMIT 1"
    stream, tenant = writer.execute(select).fetchone()
    return (stream, version, tenant, "test.done", 1, "{}", "{}", "2024-01-01", b"")


def published_floors(reader: psycopg.Connection[Any]) -> list[int]:
    """The floors in `pg_locks`, as DESIGN section 5 tells a reader to find them."""
    rows = reader.execute(
        "SELECT (classid::bigint << 32 | objid::bigint) - (%s::bigint << 48), mode "
        "FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND classid::bigint >> 16 = %s ORDER BY 1",
        [NAMESPACE, NAMESPACE],
    ).fetchall()
    reader.rollback()
    assert {mode for _, mode in rows} <= {"ShareLock"}
    return [floor for floor, _ in rows]


def test_the_floor_is_published_while_the_transaction_is_open(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any]
) -> None:
    assert published_floors(raw) == []

    position = append_one(writer)

    assert published_floors(raw) == [position - 1]
    writer.commit()
    assert published_floors(raw) == []


def test_the_floor_goes_when_the_transaction_is_rolled_back(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any]
) -> None:
    append_one(writer)
    writer.rollback()

    assert published_floors(raw) == []


def test_the_floor_of_the_first_event_of_all_is_zero(
    database: None, raw: psycopg.Connection[Any]
) -> None:
    with raw_connection() as writer:
        writer.execute("INSERT INTO eventstore_event SELECT * FROM eventstore_event")

        assert published_floors(raw) == [0]


def test_the_floor_is_published_before_a_position_is_drawn(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any]
) -> None:
    (before,) = raw.execute("SELECT last_value FROM eventstore_event_position_seq").fetchone()

    # Appends nothing and draws nothing; the trigger comes first all the same.
    writer.execute("INSERT INTO eventstore_event SELECT * FROM eventstore_event WHERE false")

    assert published_floors(raw) == [before]


def test_five_hundred_appends_of_one_transaction_publish_one_floor(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any]
) -> None:
    first = append_one(writer)
    for _ in range(499):
        append_one(writer)

    assert published_floors(raw) == [first - 1]


def test_each_transaction_publishes_its_own_floor(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any]
) -> None:
    publish = "INSERT INTO eventstore_event SELECT * FROM eventstore_event WHERE false"
    with raw_connection() as other:
        first = append_one(writer)
        other.execute(publish)
        assert published_floors(raw) == [first - 1, first]

        writer.commit()
        assert published_floors(raw) == [first]
        second = append_one(writer)
        assert published_floors(raw) == [first, second - 1]


def test_the_floor_stays_when_a_later_savepoint_is_rolled_back(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any]
) -> None:
    first = append_one(writer)
    writer.execute("SAVEPOINT a")
    append_one(writer)
    writer.execute("ROLLBACK TO a")
    append_one(writer)

    assert published_floors(raw) == [first - 1]


def test_the_floor_is_published_again_after_its_savepoint_is_rolled_back(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any]
) -> None:
    writer.execute("SAVEPOINT a")
    lost = append_one(writer)
    writer.execute("ROLLBACK TO a")
    assert published_floors(raw) == []

    position = append_one(writer)

    assert position > lost
    assert published_floors(raw) == [position - 1]


def test_a_replica_role_publishes_its_floor_too(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any]
) -> None:
    writer.execute("SET session_replication_role = replica")
    position = append_one(writer)

    assert published_floors(raw) == [position - 1]


def test_a_setting_of_the_session_does_not_hide_the_floor(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any]
) -> None:
    """The trigger remembers in `eventstore.floor` that it has published; anyone may set that."""
    writer.execute("SET eventstore.floor = '0'")
    writer.commit()

    position = append_one(writer)

    assert published_floors(raw) == [position - 1]


BRING_A_POSITION = (
    f"INSERT INTO eventstore_event {COLUMNS} OVERRIDING SYSTEM VALUE "
    "SELECT %s, stream_id, version + 100, tenant_id, type, 1, '{}', '{}', now(), '' "
    "FROM eventstore_event ORDER BY position LIMIT 1 RETURNING position"
)


@pytest.mark.parametrize("distance", [-1, 0, 1, 1000])
def test_an_insert_cannot_bring_its_own_position(
    writer: psycopg.Connection[Any], distance: int
) -> None:
    append_one(writer)
    last_drawn = draw_without_using(writer, 2)

    with pytest.raises(errors.RestrictViolation, match="brought its own position"):
        writer.execute(BRING_A_POSITION, [last_drawn + distance])


def test_an_insert_cannot_use_a_position_drawn_before_its_floor(
    writer: psycopg.Connection[Any],
) -> None:
    (drawn,) = writer.execute("SELECT nextval('eventstore_event_position_seq')").fetchone()

    with pytest.raises(errors.RestrictViolation, match="brought its own position"):
        writer.execute(BRING_A_POSITION, [drawn])


def test_an_event_cannot_stand_before_its_predecessor(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any]
) -> None:
    """With a position that another session drew above our floor and did not use."""
    first = append_one(writer)
    gap = draw_without_using(raw, 1)
    last = append_one(writer)
    assert first < gap < last

    (version,) = writer.execute("SELECT max(version) FROM eventstore_event").fetchone()
    bring = BRING_A_POSITION.replace("version + 100", f"{version} + 1")
    with pytest.raises(errors.RestrictViolation, match="before its predecessor"):
        writer.execute(bring, [gap])


def test_an_insert_with_a_foreign_position_gets_the_next_one_when_it_overrides_its_own(
    writer: psycopg.Connection[Any],
) -> None:
    last = append_one(writer)

    insert = BRING_A_POSITION.replace("SYSTEM", "USER")
    assert writer.execute(insert, [last + 77]).fetchone() == (last + 1,)


@pytest.mark.parametrize("distance", [-1, 0, 1, 1000])
def test_copy_cannot_bring_its_own_position(
    writer: psycopg.Connection[Any], distance: int
) -> None:
    append_one(writer)
    last_drawn = draw_without_using(writer, 2)
    row = new_row(writer, version=99)
    writer.commit()

    with (
        pytest.raises(errors.RestrictViolation, match="brought its own position"),
        writer.cursor().copy(f"COPY eventstore_event {COLUMNS} FROM STDIN") as copy,
    ):
        copy.write_row((last_drawn + distance, *row))


def test_copy_without_positions_draws_them_above_its_floor(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any]
) -> None:
    last = append_one(writer)
    rows = [new_row(writer, version=version) for version in range(50, 60)]
    writer.commit()
    columns = COLUMNS.replace("position, ", "")
    with writer.cursor().copy(f"COPY eventstore_event {columns} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)

    assert published_floors(raw) == [last]
    positions = writer.execute(
        "SELECT position FROM eventstore_event WHERE version >= 50 ORDER BY 1"
    ).fetchall()
    assert positions == [(last + n,) for n in range(1, 11)]


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
