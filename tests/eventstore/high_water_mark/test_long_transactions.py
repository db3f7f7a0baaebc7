"""Many appends in one transaction take one lock: the server's lock table has other users, too."""

from typing import Any

import psycopg
import pytest

from tests.eventstore.high_water_mark.support import PUBLISH, append_one, published_floors
from tests.eventstore.support import raw_connection

# A statement for each event, each with its triggers, as a client would send them.
APPEND_MANY = """
DO $$
DECLARE
    stream eventstore_stream;
    first bigint;
BEGIN
    SELECT * INTO stream FROM eventstore_stream ORDER BY id LIMIT 1;
    SELECT max(version) + 1 INTO first FROM eventstore_event WHERE stream_id = stream.id;
    FOR n IN first .. first + 19999 LOOP
        INSERT INTO eventstore_event (stream_id, version, tenant_id, type, schema_version, data,
                                      metadata, recorded_at, hash)
        VALUES (stream.id, n, stream.tenant_id, 'test.done', 1, '{}', '{}', now(), '');
    END LOOP;
END
$$
"""

TAKE_OTHER_LOCKS = "SELECT count(pg_advisory_xact_lock(n)) FROM generate_series(1, 1000) AS n"


@pytest.mark.long
@pytest.mark.parametrize("rolled_back_first", [False, True])
def test_twenty_thousand_appends_of_one_transaction_publish_one_floor(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any], rolled_back_first: bool
) -> None:
    """Also where the savepoint is rolled back in which the first floor was published."""
    # A plan made for tables that were seen empty would read each row's 20,000 versions each time.
    writer.execute("SET enable_seqscan = off")
    if rolled_back_first:
        writer.execute("SAVEPOINT a")
        append_one(writer)
        writer.execute("ROLLBACK TO a")
    first = append_one(writer)

    writer.execute(APPEND_MANY)

    assert published_floors(raw) == [first - 1]
    assert_others_can_lock_and_append()
    writer.commit()
    assert published_floors(raw) == []
    assert raw.execute("SELECT count(*) FROM eventstore_event").fetchone() == (20_002,)


def assert_others_can_lock_and_append() -> None:
    with raw_connection() as other:
        other.execute(TAKE_OTHER_LOCKS)
        other.execute(PUBLISH)
        other.rollback()
