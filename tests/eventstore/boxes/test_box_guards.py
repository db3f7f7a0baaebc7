"""Events leave the table only into a box, and come only out of it: as psql meets the triggers."""

from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.eventstore.boxes.support import boxed_person, renamed_person, unbox
from tests.http import Api

REGISTER = """
INSERT INTO eventstore_box
    (id, tenant_id, stream_id, path, size, digest, event_count, command_count, last_version,
     first_position, last_position, boxed_at, boxed_by, reason, boxed_in)
SELECT gen_random_uuid(), tenant_id, stream_id, 'nowhere', 0, '', count(*) + %(more)s, 0,
       max(version) + %(version)s, min(position) + %(first)s, max(position) + %(last)s,
       now(), 'eve', '', pg_current_xact_id()::text::bigint + %(xid)s
FROM eventstore_event WHERE stream_id = %(stream)s GROUP BY tenant_id, stream_id
"""
EXACT = {"more": 0, "version": 0, "first": 0, "last": 0, "xid": 0}
DELETE = "DELETE FROM eventstore_event WHERE stream_id = %(stream)s"

ROLES = pytest.mark.parametrize("role", ["origin", "replica"])


@pytest.fixture
def stream(operator: Api, raw: psycopg.Connection[Any]) -> dict[str, int]:
    """A stream of four events; another one stands beside it."""
    renamed_person(operator, 2)
    renamed_person(operator, 3)
    (number,) = raw.execute("SELECT max(id) FROM eventstore_stream").fetchone()
    return {"stream": number}


def set_role(raw: psycopg.Connection[Any], role: str) -> None:
    raw.execute(f"SET session_replication_role = {role}")


@ROLES
def test_exactly_what_a_box_of_the_transaction_holds_may_be_deleted(
    raw: psycopg.Connection[Any], stream: dict[str, int], role: str
) -> None:
    set_role(raw, role)
    raw.execute(REGISTER, EXACT | stream)

    assert raw.execute(DELETE, stream).rowcount == 4


@ROLES
@pytest.mark.parametrize(
    "events",
    [
        "stream_id = %(stream)s AND version > 1",
        "stream_id = %(stream)s AND version < 4",
        "stream_id = %(stream)s AND version IN (1, 2, 4)",
        "stream_id = %(stream)s AND version = 4",
        "true",
    ],
)
def test_less_or_more_than_a_box_holds_is_not_deleted(
    raw: psycopg.Connection[Any], stream: dict[str, int], events: str, role: str
) -> None:
    set_role(raw, role)
    raw.execute(REGISTER, EXACT | stream)

    with pytest.raises(errors.RestrictViolation, match="Events are facts: DELETE") as refusal:
        raw.execute(f"DELETE FROM eventstore_event WHERE {events}", stream)

    assert "manage.py box" in refusal.value.diag.message_hint


@pytest.mark.parametrize("wrong", ["more", "version", "first", "last", "xid"])
@pytest.mark.parametrize("by", [1, -1])
def test_a_box_of_anything_else_lets_no_event_go(
    raw: psycopg.Connection[Any], stream: dict[str, int], wrong: str, by: int
) -> None:
    raw.execute(REGISTER, EXACT | stream | {wrong: by})

    with pytest.raises(errors.RestrictViolation, match="Events are facts"):
        raw.execute(DELETE, stream)


def test_a_box_of_an_earlier_transaction_lets_no_event_go(
    raw: psycopg.Connection[Any], stream: dict[str, int]
) -> None:
    raw.execute(REGISTER, EXACT | stream)
    raw.commit()

    with pytest.raises(errors.RestrictViolation, match="Events are facts"):
        raw.execute(DELETE, stream)


def test_a_box_that_is_marked_as_unboxed_lets_no_event_go(
    raw: psycopg.Connection[Any], stream: dict[str, int]
) -> None:
    raw.execute(REGISTER, EXACT | stream)
    raw.execute("UPDATE eventstore_box SET unboxed_at = now()")

    with pytest.raises(errors.RestrictViolation, match="Events are facts"):
        raw.execute(DELETE, stream)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE eventstore_event SET data = '{}' WHERE stream_id = %(stream)s",
        "TRUNCATE eventstore_event",
    ],
)
def test_a_box_allows_neither_to_change_nor_to_empty(
    raw: psycopg.Connection[Any], stream: dict[str, int], change: str
) -> None:
    raw.execute(REGISTER, EXACT | stream)

    with pytest.raises(errors.RestrictViolation, match="Events are facts"):
        raw.execute(change.replace("%(stream)s", str(stream["stream"])))


@ROLES
def test_a_stream_is_not_deleted_with_its_box_either(
    raw: psycopg.Connection[Any], stream: dict[str, int], role: str
) -> None:
    set_role(raw, role)
    raw.execute(REGISTER, EXACT | stream)
    raw.execute(DELETE, stream)
    raw.execute("DELETE FROM eventstore_box")

    with pytest.raises(errors.RestrictViolation, match="A stream stays what it is: DELETE"):
        raw.execute("DELETE FROM eventstore_stream WHERE id = %(stream)s", stream)


# Coming back -------------------------------------------------------------------------------------

#: As they were: version, position.
RESTORE = """
INSERT INTO eventstore_event
    (stream_id, tenant_id, version, position, type, schema_version, data, metadata, recorded_at,
     hash)
OVERRIDING SYSTEM VALUE
SELECT b.stream_id, b.tenant_id, v, b.first_position - 1 + v + %(shift)s, 'test', 1, '{}', '{}',
       now(), ''
FROM eventstore_box AS b, generate_series(%(from)s, b.last_version + %(more)s) AS v
"""
WHOLE = {"from": 1, "more": 0, "shift": 0}
MARK = """
UPDATE eventstore_box SET unboxed_at = now(),
    unboxed_in = pg_current_xact_id()::text::bigint + %(xid)s
"""


@pytest.fixture
def in_a_box(operator: Api, raw: psycopg.Connection[Any]) -> str:
    """A person of three events, who is boxed; on either side is a position that nobody has."""
    renamed_person(operator, 0)
    raw.execute("SELECT nextval('eventstore_event_position_seq')")
    person = boxed_person(operator, 2)
    raw.execute("SELECT nextval('eventstore_event_position_seq')")
    raw.commit()
    renamed_person(operator, 3)
    return person


@ROLES
def test_all_of_a_box_may_come_back_in_the_transaction_that_marks_it(
    raw: psycopg.Connection[Any], in_a_box: str, role: str
) -> None:
    set_role(raw, role)
    raw.execute(MARK, {"xid": 0})

    assert raw.execute(RESTORE, WHOLE).rowcount == 3


@ROLES
@pytest.mark.parametrize(
    "wrong",
    [{"from": 2}, {"more": -1}, {"more": 1}, {"shift": 1}, {"shift": -1}, {"from": 3}],
    ids=str,
)
def test_less_more_or_elsewhere_does_not_come_back(
    raw: psycopg.Connection[Any], in_a_box: str, wrong: dict[str, int], role: str
) -> None:
    set_role(raw, role)
    raw.execute(MARK, {"xid": 0})

    with pytest.raises(errors.RestrictViolation, match="An event brought its own position"):
        raw.execute(RESTORE, WHOLE | wrong)


@pytest.mark.parametrize("mark", [None, 1, -1])
def test_nothing_comes_back_unless_this_transaction_has_marked_the_box(
    raw: psycopg.Connection[Any], in_a_box: str, mark: int | None
) -> None:
    if mark is not None:
        raw.execute(MARK, {"xid": mark})

    with pytest.raises(errors.RestrictViolation, match="An event brought its own position"):
        raw.execute(RESTORE, WHOLE)


def test_a_box_that_is_back_lets_nothing_come_again(
    operator: Api, raw: psycopg.Connection[Any], in_a_box: str
) -> None:
    assert unbox(operator, in_a_box).status == 200

    with pytest.raises((errors.UniqueViolation, errors.RestrictViolation)):
        raw.execute(RESTORE, WHOLE)


def test_a_stream_that_is_boxed_is_not_deleted(
    raw: psycopg.Connection[Any], in_a_box: str
) -> None:
    with pytest.raises(errors.RestrictViolation, match="A stream stays what it is"):
        raw.execute("DELETE FROM eventstore_stream WHERE status = 'boxed'")
