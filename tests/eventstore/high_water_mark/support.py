"""What writers do to the event table without the event store: as psql, or a foreign program."""

from typing import Any

import psycopg

from tests.processes import database_url

#: Marks our advisory locks among others: bits 48 and up of their key.
NAMESPACE = 3499

#: The columns that a writer fills, and the same with a position brought by hand.
ROW = "(stream_id, version, tenant_id, type, schema_version, data, metadata, recorded_at, hash)"
COLUMNS = ROW.replace("(", "(position, ")

#: One event, the next version of the first stream.
APPEND_ONE = f"""
INSERT INTO eventstore_event {ROW}
SELECT s.id, coalesce(max(e.version), 0) + 1, s.tenant_id, 'test.done', 1, '{{}}', '{{}}',
       now(), ''
FROM eventstore_stream s LEFT JOIN eventstore_event e ON e.stream_id = s.id
GROUP BY s.id ORDER BY s.id LIMIT 1
RETURNING position
"""

#: Publishes the floor and draws no position, as a statement does that is still about to.
PUBLISH = "INSERT INTO eventstore_event SELECT * FROM eventstore_event WHERE false"

# What a command does first of all: it claims its id, and with that gets a transaction id.
WRITE_COMMAND = """
INSERT INTO eventstore_command
    (tenant_id, id, type, data, fingerprint, aggregate_id, "user", correlation_id, status,
     attempts, code, received_at)
VALUES (%s, %s, 'test', '{}', '', %s, 'mary', %s, 'completed', 0, '', now())
"""


def append_one(writer: psycopg.Connection[Any]) -> int:
    """The position of a new event in the first stream."""
    (position,) = writer.execute(APPEND_ONE).fetchone()
    return position


def draw_without_using(writer: psycopg.Connection[Any], positions: int) -> int:
    """Leave gaps, as rollbacks do, and return the last position in them."""
    for _ in range(positions):
        (last,) = writer.execute("SELECT nextval('eventstore_event_position_seq')").fetchone()
    writer.commit()
    return last


def connection_to_another_database() -> psycopg.Connection[Any]:
    """One that every server has, beside the tests' own."""
    return psycopg.connect(database_url(), dbname="postgres")


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
