"""Positions are drawn above the published floor, never brought by hand."""

from typing import Any

import psycopg
import pytest
from psycopg import errors

from eventstore.models import Tenant
from tests.eventstore.high_water_mark.support import (
    COLUMNS,
    ROW,
    append_one,
    draw_without_using,
    published_floors,
)

BRING_A_POSITION = (
    f"INSERT INTO eventstore_event {COLUMNS} OVERRIDING SYSTEM VALUE "
    "SELECT %s, stream_id, version + 100, tenant_id, type, 1, '{}', '{}', now(), '' "
    "FROM eventstore_event ORDER BY position LIMIT 1 RETURNING position"
)


def new_row(writer: psycopg.Connection[Any], *, version: int) -> tuple[Any, ...]:
    """An event without a position, for COPY."""
    select = "SELECT id, tenant_id FROM eventstore_stream LIMIT 1"
    stream, tenant = writer.execute(select).fetchone()
    return (stream, version, tenant, "test.done", 1, "{}", "{}", "2024-01-01", b"")


@pytest.mark.parametrize("distance", [-1, 0, 1, 1000])
def test_an_insert_cannot_bring_its_own_position(
    writer: psycopg.Connection[Any], distance: int
) -> None:
    append_one(writer)
    last_drawn = draw_without_using(writer, 2)

    with pytest.raises(errors.RestrictViolation, match="brought its own position"):
        writer.execute(BRING_A_POSITION, [last_drawn + distance])


def test_the_first_event_of_all_cannot_bring_its_own_position(
    raw: psycopg.Connection[Any], tenant: Tenant
) -> None:
    """A sequence that nobody has used yet says 1, as it does after the first position."""
    raw.execute(
        "INSERT INTO eventstore_stream (tenant_id, category, aggregate_id, version, head_hash,"
        " status, incarnation) VALUES (%s, 'test', gen_random_uuid(), 1, '', 'active', 0)",
        [tenant.id],
    )

    with pytest.raises(errors.RestrictViolation, match="brought its own position"):
        raw.execute(
            f"INSERT INTO eventstore_event {COLUMNS} OVERRIDING SYSTEM VALUE "
            "SELECT 1, id, 1, tenant_id, 'test.done', 1, '{}', '{}', now(), ''"
            " FROM eventstore_stream"
        )


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
    with writer.cursor().copy(f"COPY eventstore_event {ROW} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)

    assert published_floors(raw) == [last]
    positions = writer.execute(
        "SELECT position FROM eventstore_event WHERE version >= 50 ORDER BY 1"
    ).fetchall()
    assert positions == [(last + n,) for n in range(1, 11)]
