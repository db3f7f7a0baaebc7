"""What comes over HTTP and is wrong: 4xx with its code, and nothing stored."""

import json

import pytest

from eventstore.models import Tenant
from eventstore.tenancy import Role
from tests.eventstore.input.doors import everything_stored, given_a_person_with_an_account
from tests.eventstore.input.hostile import ADA, GROUPS, HARMLESS, Hostile
from tests.http import Answer, Api, api_for, new_id

STATUS = {"malformed_json": 400, "validation_failed": 400, "body_too_large": 413}

#: Bytes of an answer to a body that is wrong, whatever the body.
LARGEST_ANSWER = 10_000


@pytest.mark.parametrize("group", GROUPS)
def test_a_hostile_body_is_refused_and_stores_nothing(api: Api, group: str) -> None:
    given_a_person_with_an_account(api)
    before = everything_stored()
    command_id = new_id()

    differing = {}
    for case in GROUPS[group]:
        answer = api.send_raw(case.command, case.body, idempotency_key=command_id)
        if found := faults(case, answer):
            differing[case.name] = found
        assert everything_stored() == before, case.name

    assert differing == {}
    # The id is still free, and a body without the flaw is taken: it was the flaw that was refused.
    for command, sound in {case.command: case.sound for case in GROUPS[group]}.items():
        answer = api.send_raw(command, sound, idempotency_key=command_id)
        assert answer.status in (200, 201), answer.raw
        assert "Idempotent-Replayed" not in answer.headers
        command_id = new_id()
    assert everything_stored() != before


def faults(case: Hostile, answer: Answer) -> list[object]:
    """What is not as the contract says."""
    expected = (STATUS[case.code], case.code, "application/problem+json", case.fields)
    found = (
        answer.status,
        answer.code,
        answer.headers["Content-Type"],
        tuple(sorted(answer.body.get("errors", ()))),
    )
    small = len(answer.raw) <= LARGEST_ANSWER
    return [] if found == expected and small else [found, len(answer.raw)]


def test_what_only_looks_hostile_is_taken(api: Api) -> None:
    given_a_person_with_an_account(api)
    for case in HARMLESS:
        assert api.send_raw(case.command, case.body).status in (200, 201), case.text


def test_names_are_trimmed_and_kept_as_they_are_otherwise(api: Api) -> None:
    person_id = api.registered_person("  Žofie 女 ", "<img src=x onerror=alert(1)>")
    row = api.get(f"/api/persons/{person_id}").body
    assert row["name"] == "Žofie 女 <img src=x onerror=alert(1)>"


MEDIA_TYPES = [
    *("", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "application/*"),
    *("multipart/form-data", "multipart/form-data; boundary=x", "application/merge-patch+json"),
    *("application/json; charset=utf-16", "application/json; charset=latin-1", "*/*"),
    *(
        "application/json; charset=utf-8; charset=utf-16",
        "application/json, text/plain",
        "x" * 9_000,
    ),
    *("application/json; charset=hex", "application/json; charset=none-such", "\xff", ";"),
]


@pytest.mark.parametrize("content_type", MEDIA_TYPES, ids=lambda text: repr(text)[:50])
def test_other_media_types_are_refused(api: Api, content_type: str) -> None:
    before = everything_stored()
    answer = api.send_raw("register-person", ADA, content_type=content_type)
    answer.refused(415, "unsupported_media_type")
    assert everything_stored() == before


@pytest.mark.parametrize(
    "content_type", ["application/json;charset=UTF-8", 'Application/JSON; charset="utf-8"']
)
def test_json_with_its_charset_is_taken(api: Api, content_type: str) -> None:
    body = json.dumps({"first_name": "Žofie", "last_name": "B"}, ensure_ascii=False).encode()
    assert api.send_raw("register-person", body, content_type=content_type).status == 201


# Headers -----------------------------------------------------------------------------------------

ID = "0a1b2c3d-0000-4000-8000-000000000001"
BAD_HEADERS = [
    *(("Idempotency-Key", f"{ID}, {ID}"), ("Idempotency-Key", f"{{{ID}}}"), ("If-Match", "*")),
    *(("Idempotency-Key", "\xff\xfe"), ("Idempotency-Key", "a" * 10_000), ("Idempotency-Key", "")),
    *(
        ("If-Match", '"1", "2"'),
        ("If-Match", '"1"\xa0'),
        ("If-Match", '"\xb2"'),
        ("If-Match", "1"),
    ),
    *(("If-Match", 'W/"1"'), ("If-Match", '"-1"'), ("If-Match", '"1e3"'), ("If-Match", '""')),
    *(("If-Match", '"' + "9" * 19 + '"'), ("If-Match", '"' + "9" * 9_000 + '"')),
    *(("X-Correlation-ID", "\0"), ("X-Correlation-ID", f"urn:uuid:{ID}")),
]


@pytest.mark.parametrize(("header", "value"), BAD_HEADERS, ids=lambda text: repr(text)[:40])
def test_a_header_that_cannot_be_read_is_named_alone(api: Api, header: str, value: str) -> None:
    before = everything_stored()
    answer = api.send_raw("register-person", ADA, **{header.lower().replace("-", "_"): value})
    assert list(answer.refused(400, "validation_failed").body["errors"]) == [header]
    assert len(answer.raw) < LARGEST_ANSWER
    assert everything_stored() == before


def test_all_wrong_headers_are_named_at_once(api: Api) -> None:
    wrong = {"idempotency_key": "1", "if_match": "1", "x_correlation_id": "1"}
    errors = api.send_raw("register-person", ADA, **wrong).refused(400, "validation_failed").body
    assert set(errors["errors"]) == {"Idempotency-Key", "If-Match", "X-Correlation-ID"}


def test_the_largest_version_that_a_header_can_name_is_stale(api: Api) -> None:
    person_id = api.registered_person()
    rename = {"aggregate_id": person_id, "first_name": "B", "last_name": "C"}
    answer = api.send("rename-person", rename, if_match='"' + "9" * 18 + '"')
    answer.refused(412, "stale_version")


# URLs, parameters, methods -----------------------------------------------------------------------

COMMAND_URL = "/api/commands/register-person"
MANY_PARAMETERS = "&".join(f"p{n}=1" for n in range(5_000))


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("force=1", "unknown_parameter"),
        ("first_name=Ada", "unknown_parameter"),
        ("%00=%00", "unknown_parameter"),
        ("%ff=%ff", "unknown_parameter"),
        ("format=xml", "unknown_parameter"),
        ("x=1&x=2", "unknown_parameter"),
        (MANY_PARAMETERS, "validation_failed"),
    ],
    ids=lambda text: text[:20],
)
def test_a_command_takes_no_parameter_that_it_does_not_know(
    api: Api, query: str, code: str
) -> None:
    before = everything_stored()
    api.send_raw(f"register-person?{query}", ADA).refused(400, code)
    assert everything_stored() == before


@pytest.mark.parametrize("path", ["/api/persons", "/api/accounts", "/api/commands"])
def test_a_query_of_5000_parameters_is_refused(api: Api, path: str) -> None:
    answer = api.get(f"{path}?{MANY_PARAMETERS}")
    assert answer.refused(400, "validation_failed")
    assert len(answer.raw) < LARGEST_ANSWER


PATHS = [
    *("/api/x", "/api/%00", "/api/%2e%2e/admin/", "/api/commands/%2e%2e/x", "/api//persons"),
    *("/api/persons/", "/api/commands/register-person/", "/api/%ff", "/api/commands/a/b"),
    *("/api/persons/%00", "/api/persons/%2e%2e", "/api/persons/%ff%fe", "/api/persons/{}"),
    *("/api/commands/%00", "/api/commands/%2e%2e", "/api/commands/%ed%a0%80"),
    *("/api/commands/%c0%ae", "/api/persons/%0d%0aX-Injected:1"),
    *(f"/api/{name}/{'x' * 10_000}" for name in ("commands", "persons")),
]


@pytest.mark.parametrize("path", PATHS, ids=lambda text: text[:40])
def test_a_url_that_names_nothing_is_refused_with_a_problem_document(api: Api, path: str) -> None:
    before = everything_stored()
    for method in ("GET", "POST", "PUT"):
        answer = api.method(method, path)
        assert answer.status in (400, 404, 405, 415), (method, answer.raw)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "X-Injected" not in answer.headers
        assert answer.body["status"] == answer.status
        assert answer.body["code"]
    assert everything_stored() == before


def test_an_unknown_command_is_not_found_whatever_its_name(api: Api) -> None:
    before = everything_stored()
    for name in (
        "become-rich",
        "Register-Person",
        "register_person",
        "__class__",
        "%00",
        "%ff",
        ".",
    ):
        api.send_raw(name, ADA).refused(404, "not_found")
    assert everything_stored() == before


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY", "BREW"])
@pytest.mark.parametrize(
    "path", [COMMAND_URL, "/api/commands", "/api/persons", f"/api/persons/{ID}"]
)
def test_unknown_methods_are_refused_with_the_known_ones(api: Api, method: str, path: str) -> None:
    before = everything_stored()
    answer = api.method(method, path).refused(405, "method_not_allowed")
    known = "POST" if path == COMMAND_URL else "GET"
    assert known in answer.headers["Allow"].split(", ")
    assert everything_stored() == before


# Who asks ----------------------------------------------------------------------------------------


def test_a_hostile_body_tells_a_stranger_nothing(api: Api, tenant: Tenant) -> None:
    auditor = api_for(tenant, Role.AUDITOR, "audrey")
    before = everything_stored()
    for body in (b"", ADA, b"[" * 100_000):
        Api("wrong").send_raw("register-person", body).refused(401, "unauthenticated")
        Api(None).send_raw("become-rich", body).refused(401, "unauthenticated")
    auditor.send_raw("register-person", ADA).refused(403, "forbidden")
    assert everything_stored() == before
