"""The writer's half: the published floor, from before the first position to the end."""

from typing import Any

import psycopg

from tests.eventstore.high_water_mark.support import PUBLISH, append_one, published_floors
from tests.eventstore.support import raw_connection


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
        writer.execute(PUBLISH)

        assert published_floors(raw) == [0]


def test_the_floor_is_published_before_a_position_is_drawn(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any]
) -> None:
    (before,) = raw.execute("SELECT last_value FROM eventstore_event_position_seq").fetchone()

    # Appends nothing and draws nothing; the trigger comes first all the same.
    writer.execute(PUBLISH)

    assert published_floors(raw) == [before]


def test_each_transaction_publishes_its_own_floor(
    writer: psycopg.Connection[Any], raw: psycopg.Connection[Any]
) -> None:
    with raw_connection() as other:
        first = append_one(writer)
        other.execute(PUBLISH)
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
