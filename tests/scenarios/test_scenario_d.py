"""Scenario D over HTTP: a unique login name."""

import unicodedata

import pytest

from eventstore.models import ProcessInstance, StoredEvent, Tenant
from ledger.models import Credential
from tests.http import Answer, Api, api_for

PASSWORD = "correct horse battery staple"
#: One login in other case, with spaces around it, and in other Unicode forms.
VARIANTS = [
    "Žofie.Straße",
    "žofie.strasse",
    "ŽOFIE.STRASSE",
    "  Žofie.Straße ",
    "\u3000Žofie.Straße\xa0",
    unicodedata.normalize("NFD", "Žofie.Straße"),
    "Žo\N{LATIN SMALL LIGATURE FI}e.Straße",
]


def register(api: Api, login_name: str, password: str = PASSWORD, **headers: str) -> Answer:
    fields = {"login_name": login_name, "password": password}
    return api.send("start-user-registration", fields, **headers)


def shown(api: Api, answer: Answer) -> tuple[str, str, int]:
    row = api.get(answer.headers["Location"]).body
    return row["login_name"], row["status"], row["version"]


def test_of_two_registrations_of_one_login_the_first_succeeds_and_the_second_fails(
    api: Api,
) -> None:
    first, second = register(api, "Alice"), register(api, "Alice")

    assert (first.status, second.status) == (201, 201)
    assert first.headers["Location"] == f"/api/users/{first.body['aggregate_id']}"
    assert shown(api, first) == ("Alice", "succeeded", 2)
    assert shown(api, second) == ("Alice", "failed", 2)
    of_second = StoredEvent.objects.filter(stream__aggregate_id=second.body["aggregate_id"])
    assert list(of_second.order_by("version").values_list("type", "data")) == [
        ("user.registration_started", '{"login_name":"Alice"}'),
        ("user.registration_failed", '{"reason":"login_taken"}'),
    ]


def test_both_are_listed_with_exactly_their_columns(api: Api) -> None:
    first, second = register(api, " Alice "), register(api, "ALICE")

    rows = api.get("/api/users?ordering=status").body["results"]
    assert [list(row) for row in rows] == [
        ["user_id", "login_name", "status", "version", "updated_at"]
    ] * 2
    assert [(row["user_id"], row["login_name"], row["status"]) for row in rows] == [
        (second.body["aggregate_id"], "ALICE", "failed"),
        (first.body["aggregate_id"], "Alice", "succeeded"),
    ]
    assert api.get("/api/users?status=failed").body["count"] == 1
    assert api.get("/api/users?status=lost").status == 400


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_in_case_spaces_or_unicode_form_is_the_same_login(
    api: Api, variant: str
) -> None:
    register(api, VARIANTS[0])

    answer = register(api, variant)
    assert shown(api, answer) == (variant.strip(), "failed", 2)


def test_another_tenant_may_have_the_same_login(api: Api, other_tenant: Tenant) -> None:
    other = api_for(other_tenant, user_name="otto")
    ours, theirs = register(api, "Alice"), register(other, "Alice")

    assert shown(api, ours)[1] == shown(other, theirs)[1] == "succeeded"
    api.get(theirs.headers["Location"]).refused(404, "not_found")


def test_a_registration_sent_again_is_answered_and_done_once(api: Api) -> None:
    key = "7a1e3f10-0000-4000-8000-000000000001"
    first = register(api, "Alice", Idempotency_Key=key)
    again = register(api, "Alice", Idempotency_Key=key)

    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.raw == first.raw
    assert shown(api, again) == ("Alice", "succeeded", 2)
    assert Credential.objects.count() == 1


def test_the_log_shows_both_commands_without_the_password(api: Api) -> None:
    started = register(api, "Alice")

    log = api.get(f"/api/commands?correlation_id={started.body['correlation_id']}").body
    assert [(entry["type"], entry["status"]) for entry in log["results"]] == [
        ("start-user-registration", "completed"),
        ("complete-user-registration", "completed"),
    ]
    entry = api.get(f"/api/commands/{started.body['command_id']}").body
    assert entry["data"] == {
        "aggregate_id": started.body["aggregate_id"],
        "login_name": "Alice",
    }


def test_every_process_has_ended(api: Api) -> None:
    register(api, "Alice"), register(api, "Alice")

    assert (
        list(ProcessInstance.objects.values_list("process", "waits_for"))
        == [("user_registration", "")] * 2
    )


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, ["login_name", "password"]),
        ({"login_name": "", "password": "short"}, ["login_name", "password"]),
        ({"login_name": "a" * 151, "password": "x" * 129}, ["login_name", "password"]),
        ({"login_name": "a\0", "password": 12345678}, ["login_name", "password"]),
        ({"login_name": "Alice", "password": PASSWORD, "status": "x"}, ["status"]),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_stored(
    api: Api, fields: dict[str, object], wrong: list[str]
) -> None:
    answer = api.send("start-user-registration", fields).refused(400, "validation_failed")

    assert list(answer.body["errors"]) == wrong
    assert not Credential.objects.exists()
    assert not StoredEvent.objects.exists()


def test_what_only_the_process_sends_does_not_exist_outside(api: Api) -> None:
    user_id = register(api, "Alice").body["aggregate_id"]

    answer = api.send("complete-user-registration", {"aggregate_id": user_id})
    unknown = api.send("complete-user-registratiom", {"aggregate_id": user_id})
    answer.refused(404, "not_found")
    assert answer.raw == unknown.raw.replace(b"registratiom", b"registration")
