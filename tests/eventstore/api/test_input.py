"""What comes from outside and is wrong: 4xx with its code, and nothing stored."""

import json

import pytest

from eventstore.models import StoredCommand
from tests.http import Api, new_id

NOT_JSON = {
    "empty": b"",
    "null": b"null",
    "a list": b"[]",
    "open brackets": b"[" * 100_000,
    "nested objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "a BOM": b"\xef\xbb\xbf{}",
    "UTF-16": '{"first_name":"A"}'.encode("utf-16"),
    "invalid UTF-8": b'{"first_name":"\xff"}',
    "NaN": b'{"first_name":NaN}',
    "Infinity": b'{"first_name":-Infinity}',
    "a key twice": b'{"first_name":"A","first_name":"B","last_name":"C"}',
    "an integer of 5,000 digits": b'{"first_name":' + b"9" * 5_000 + b"}",
    "a lone surrogate as a key": b'{"\\ud800":1}',
    "a raw NUL": b'{"first_name":"A\0","last_name":"B"}',
}

BAD_AMOUNTS = [
    12.34,
    0.1,
    "1e2",
    "NaN",
    "Infinity",
    "-0.01",
    "0",
    "0.00",
    0,
    -5,
    True,
    None,
    [],
    {},
    "12.345",
    "12,34",
    "\uff11\uff12",
    "",
    " 5",
    "+5",
    "0x10",
    "9" * 40,
    10**15,
    "1" + "0" * 15,
]


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_no_json_object_is_malformed(api: Api, body: bytes) -> None:
    api.send_raw("register-person", body).refused(400, "malformed_json")
    assert not StoredCommand.objects.exists()


def test_1e400_is_not_taken_for_infinity(api: Api) -> None:
    body = b'{"aggregate_id":"%s","amount":1e400}' % new_id().encode()
    errors = api.send_raw("deposit-money", body).refused(400, "validation_failed").body["errors"]
    assert list(errors) == ["amount"]


@pytest.mark.parametrize("amount", BAD_AMOUNTS, ids=repr)
def test_an_amount_must_be_exact_positive_and_of_two_places(api: Api, amount: object) -> None:
    answer = api.send("deposit-money", {"aggregate_id": new_id(), "amount": amount})
    assert list(answer.refused(400, "validation_failed").body["errors"]) == ["amount"]
    assert not StoredCommand.objects.exists()


@pytest.mark.parametrize(
    "name", ["", "   ", "x" * 101, "x" * 100_000, "\0", "\ud800", 1, None, []]
)
def test_a_name_must_be_text_of_1_to_100_characters(api: Api, name: object) -> None:
    answer = api.send("register-person", {"first_name": name, "last_name": "B"})
    assert list(answer.refused(400, "validation_failed").body["errors"]) == ["first_name"]
    assert not StoredCommand.objects.exists()


def test_all_wrong_fields_are_named_at_once(api: Api) -> None:
    fields = {"aggregate_id": "x", "amount": "-1", "booked_on": "1993-02-30", "colour": "red"}
    answer = api.send("deposit-money", fields).refused(400, "validation_failed")
    assert set(answer.body["errors"]) == set(fields)
    answer = api.send("deposit-money", {}).refused(400, "validation_failed")
    assert set(answer.body["errors"]) == {"aggregate_id", "amount"}


@pytest.mark.parametrize("day", ["1993-1-1", "19930101", "1993-W01-1", "0000-01-01", 19930101])
def test_a_booking_day_is_an_iso_date(api: Api, day: object) -> None:
    fields = {"aggregate_id": new_id(), "amount": "1.00", "booked_on": day}
    answer = api.send("deposit-money", fields)
    assert list(answer.refused(400, "validation_failed").body["errors"]) == ["booked_on"]


def test_names_are_trimmed_and_kept_as_they_are_otherwise(api: Api) -> None:
    person_id = api.registered_person("  Žofie 女 ", "<img src=x onerror=alert(1)>")
    row = api.get(f"/api/persons/{person_id}").body
    assert row["name"] == "Žofie 女 <img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"]
)
def test_other_media_types_are_refused(api: Api, content_type: str) -> None:
    answer = api.send_raw("register-person", b"{}", content_type=content_type)
    answer.refused(415, "unsupported_media_type")


def test_json_with_its_charset_is_taken(api: Api) -> None:
    body = json.dumps({"first_name": "Žofie", "last_name": "B"}, ensure_ascii=False).encode()
    kind = "application/json; charset=UTF-8"
    assert api.send_raw("register-person", body, content_type=kind).status == 201


def test_a_body_over_1_mib_is_refused(api: Api) -> None:
    body = b'{"first_name":"%s"}' % (b"x" * 2_000_000)
    api.send_raw("register-person", body).refused(413, "body_too_large")
