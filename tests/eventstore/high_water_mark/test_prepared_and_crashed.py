"""Transactions that outlive their connection, and positions that do not outlive a crash."""

from collections.abc import Generator, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connections

from config.postgres_programs import system_programs, wheel_programs
from config.postgres_server import Server
from eventstore.database import Database
from eventstore.models import StoredEvent, Tenant
from tests.eventstore.high_water_mark.own_server import ALIAS, crash, own_server
from tests.eventstore.high_water_mark.readers import OurReader
from tests.eventstore.high_water_mark.scene import Writer, make_stream
from tests.eventstore.high_water_mark.support import NAMESPACE, published_floors

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: Any) -> Generator[Server]:
    # With somebody's DATABASE_URL there may be no programs here; in CI a skip is a failure.
    if not (system_programs() or wheel_programs()):
        pytest.skip("no PostgreSQL is installed here that could be crashed")
    with django_db_blocker.unblock(), own_server() as server:
        yield server


@pytest.fixture
def tenant_id(server: Server) -> object:
    return Tenant.objects.using(ALIAS).create(slug=f"t{uuid4().hex[:8]}", name="Test").id


@pytest.fixture
def reader(server: Server) -> Iterator[OurReader]:
    """One that has read all there is."""
    reader = OurReader(Database(ALIAS))
    while reader.read():
        pass
    reader.delivered.clear()
    yield reader
    connections[ALIAS].close()


def append_prepared(server: Server, tenant_id: object, name: str) -> int:
    """The position of an event in a transaction that is prepared; its connection is closed."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("BEGIN")
        position = Writer(connection, tenant_id).append(new_stream(tenant_id))
        connection.execute(f"PREPARE TRANSACTION '{name}'")
    return position


def append_committed(server: Server, tenant_id: object) -> int:
    with psycopg.connect(server.url) as connection:
        return Writer(connection, tenant_id).append(new_stream(tenant_id))


def new_stream(tenant_id: object) -> int:
    with connections[ALIAS].cursor() as cursor:
        return make_stream(cursor, tenant_id)


def finish(server: Server, statement: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement)


def read(reader: OurReader) -> list[int]:
    """The positions that one reading brings."""
    known = len(reader.delivered)
    reader.read()
    return [event.position for event in reader.delivered[known:]]


@pytest.mark.long
@pytest.mark.parametrize("crashed", [False, True])
def test_a_prepared_append_is_waited_for_until_it_is_committed(
    server: Server, tenant_id: object, reader: OurReader, crashed: bool
) -> None:
    """Rightly: it may still commit. Its lock is nobody's, and is there after a crash, too."""
    before = append_committed(server, tenant_id)
    prepared = append_prepared(server, tenant_id, "appended")
    after = append_committed(server, tenant_id)
    if crashed:
        crash(server)
        reader = with_a_new_connection(reader)

    assert read(reader) == [before]
    assert read(reader) == []
    with psycopg.connect(server.url) as raw:
        assert published_floors(raw) == [before]
        owners = raw.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory'").fetchall()
        assert owners == [(None,)]

    finish(server, "COMMIT PREPARED 'appended'")
    assert read(reader) == [prepared, after]


def with_a_new_connection(reader: OurReader) -> OurReader:
    """The same reader after its process was started anew: it has its checkpoint, no more."""
    heir = OurReader(Database(ALIAS))
    heir.checkpoint = reader.checkpoint
    return heir


def test_a_prepared_append_that_is_rolled_back_is_passed_over(
    server: Server, tenant_id: object, reader: OurReader
) -> None:
    append_prepared(server, tenant_id, "rolled back")
    after = append_committed(server, tenant_id)
    assert read(reader) == []

    finish(server, "ROLLBACK PREPARED 'rolled back'")

    assert read(reader) == [after]


def test_a_prepared_transaction_without_an_append_holds_nobody_back(
    server: Server, tenant_id: object, reader: OurReader
) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("BEGIN")
        Writer(connection, tenant_id).write_command()
        connection.execute("PREPARE TRANSACTION 'no append'")
    position = append_committed(server, tenant_id)

    assert read(reader) == [position]
    finish(server, "ROLLBACK PREPARED 'no append'")


def test_a_prepared_transaction_of_another_database_holds_nobody_back(
    server: Server, tenant_id: object, reader: OurReader
) -> None:
    """Though it holds a lock like that of an append, as another Daybook's would."""
    floor = NAMESPACE << 48
    with psycopg.connect(server.url, dbname="postgres", autocommit=True) as elsewhere:
        elsewhere.execute("BEGIN")
        elsewhere.execute("SELECT pg_advisory_xact_lock_shared(%s), pg_current_xact_id()", [floor])
        elsewhere.execute("PREPARE TRANSACTION 'elsewhere'")
        position = append_committed(server, tenant_id)

        assert read(reader) == [position]
        elsewhere.execute("ROLLBACK PREPARED 'elsewhere'")


def test_after_a_crash_positions_that_were_drawn_and_lost_are_read_when_they_come_again(
    server: Server, tenant_id: object, reader: OurReader
) -> None:
    """So a checkpoint is the last event read: the mark itself may be drawn again."""
    seen = append_committed(server, tenant_id)
    draw_and_lose(server, reader)
    reader = with_a_new_connection(reader)

    again = append_committed(server, tenant_id)

    assert read(reader) == [again]
    assert again > seen
    assert StoredEvent.objects.using(ALIAS).filter(position__gt=seen).count() == 1


def draw_and_lose(server: Server, reader: OurReader) -> None:
    """Draw more positions than the log has in advance, and crash before anything is flushed."""
    connection = psycopg.connect(server.url)
    (last,) = connection.execute(
        "SELECT max(nextval('eventstore_event_position_seq')) FROM generate_series(1, 500)"
    ).fetchone()
    reader.read()
    crash(server)
    connection.close()
    with psycopg.connect(server.url) as connection:
        sequence = "SELECT last_value FROM eventstore_event_position_seq"
        assert connection.execute(sequence).fetchone()[0] < last, "the crash lost no position"
