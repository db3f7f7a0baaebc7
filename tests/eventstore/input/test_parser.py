"""The edge parser itself: bytes in, a typed command out, or every mistake at once."""

import time
import tracemalloc
from uuid import uuid4

import pytest

from config.composition import build_application
from eventstore.command_types import CommandType
from eventstore.errors import BodyTooLarge, DaybookError, MalformedJson, ValidationFailed
from eventstore.input.commands import MAXIMUM_SHOWN_NAME, parse_command
from eventstore.input.documents import MAXIMUM_BODY_SIZE, MAXIMUM_DEPTH, parse_object
from tests.eventstore.input.hostile import GROUPS, HARMLESS, SOUND, Harmless, Hostile, body_of

CASES = [case for group in GROUPS.values() for case in group]

#: Seconds that no body may take. The worst takes half a second; a search that looks at a mebibyte
#: for each of its characters would take hours.
PATIENCE = 20.0


def command_type(name: str) -> CommandType:
    return build_application().commands.named(name)


def refusal_of(case: Hostile) -> DaybookError:
    with pytest.raises((MalformedJson, ValidationFailed, BodyTooLarge)) as refused:
        parse_command(case.body, command_type(case.command), new_id=uuid4())
    return refused.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name[:60])
def test_a_hostile_body_is_refused_for_its_one_flaw(case: Hostile) -> None:
    started = time.perf_counter()
    error = refusal_of(case)
    seconds = time.perf_counter() - started

    assert error.code == case.code
    assert tuple(sorted(getattr(error, "errors", ()))) == case.fields
    assert seconds < PATIENCE
    assert len(str(error)) < 1_000
    parse_command(case.sound, command_type(case.command), new_id=uuid4())


def test_the_list_has_every_flaw_once() -> None:
    bodies = [(case.command, case.body) for case in CASES]
    assert len(set(bodies)) == len(bodies) > 200
    assert {case.command for case in CASES} == set(SOUND)


@pytest.mark.parametrize("case", HARMLESS, ids=lambda case: f"{case.field} {case.text[:30]}")
def test_what_only_looks_hostile_is_understood(case: Harmless) -> None:
    parsed = parse_command(case.body, command_type(case.command), new_id=uuid4())
    value = getattr(parsed.command, case.field)
    assert (value, type(value)) == (case.value, type(case.value))
    assert parsed.client_fields == {*SOUND[case.command], case.field}


def test_all_field_errors_come_with_a_message_each() -> None:
    body = b'{"aggregate_id": "x", "amount": 0.5, "colour": "red"}'
    with pytest.raises(ValidationFailed) as refused:
        parse_command(body, command_type("deposit-money"), new_id=uuid4())
    assert refused.value.errors == {
        "aggregate_id": ["must be a UUID, such as 0a1b2c3d-0000-4000-8000-000000000000"],
        "amount": ['must be an exact amount in text, such as "12.34", or an integer'],
        "colour": ["is not a field of this command"],
    }


def test_an_unknown_name_is_shown_up_to_its_limit() -> None:
    long = "x" * (MAXIMUM_SHOWN_NAME + 1)
    with pytest.raises(ValidationFailed) as refused:
        parse_command(body_of({long: "1"}), command_type("close-account"), new_id=uuid4())
    assert set(refused.value.errors) == {"aggregate_id", long[:-1]}


def test_the_deepest_and_the_largest_body_that_are_allowed_are_read() -> None:
    inner = MAXIMUM_DEPTH - 1
    assert parse_object(b'{"a": ' + b"[" * inner + b"]" * inner + b"}")
    with pytest.raises(MalformedJson, match="levels deep"):
        parse_object(b'{"a": ' + b"[" * (inner + 1) + b"]" * (inner + 1) + b"}")
    assert parse_object(b"{}" + b" " * (MAXIMUM_BODY_SIZE - 2)) == {}
    with pytest.raises(BodyTooLarge):
        parse_object(b"{}" + b" " * (MAXIMUM_BODY_SIZE - 1))


def test_an_integer_may_have_40_digits_in_a_field_that_holds_it() -> None:
    assert parse_object(b'{"a": %s}' % (b"9" * 40)) == {"a": int("9" * 40)}


@pytest.mark.parametrize("filling", [b'\\"[', b"[]", b'"",', b"\\\\[", b"{[("])
def test_a_mebibyte_of_brackets_and_quotes_takes_little_time_and_memory(filling: bytes) -> None:
    body = b'{"a": "' + filling * (MAXIMUM_BODY_SIZE // len(filling) - 8)
    tracemalloc.start()
    started = time.perf_counter()
    try:
        with pytest.raises(MalformedJson):
            parse_object(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - started < PATIENCE
    assert peak < 64 * MAXIMUM_BODY_SIZE
