"""`POST /api/commands/<name>`: answers, headers, replays and refusals."""

from typing import Any
from uuid import UUID, uuid5

import pytest
from django.db import connection

from eventstore.models import StoredCommand, StoredEvent, Tenant
from eventstore.pipeline import ATTEMPTS
from eventstore.store import EventStore
from eventstore.tenancy import Role
from tests.eventstore.input.doors import everything_stored
from tests.http import Api, api_for, new_id

ALICE = {"first_name": "Alice", "last_name": "O'Wonderland"}


def test_a_command_that_makes_a_stream_answers_201_with_its_place(
    api: Api, tenant: Tenant
) -> None:
    command_id = new_id()
    answer = api.send("register-person", ALICE, idempotency_key=command_id)

    person_id = str(uuid5(tenant.id, command_id))
    assert answer.status == 201
    assert answer.headers["Location"] == f"/api/persons/{person_id}"
    assert answer.headers["ETag"] == '"1"'
    assert answer.headers["Content-Type"] == "application/json"
    assert "Idempotent-Replayed" not in answer.headers
    position = StoredEvent.objects.get().position
    assert answer.body == {
        "command_id": command_id,
        "status": "completed",
        "category": "person",
        "aggregate_id": person_id,
        "version": 1,
        "position": position,
        "correlation_id": command_id,
        "events": [{"type": "person.registered", "version": 1, "position": position}],
    }
    assert api.get(answer.headers["Location"]).body["name"] == "Alice O'Wonderland"


def test_a_command_on_an_existing_stream_answers_200(api: Api) -> None:
    person_id = api.registered_person()
    answer = api.send("rename-person", {"aggregate_id": person_id, **ALICE})
    assert (answer.status, answer.body["version"]) == (200, 2)
    assert "Location" not in answer.headers


def test_the_sender_may_choose_the_id_of_what_is_made(api: Api) -> None:
    person_id = new_id()
    fields = {"aggregate_id": person_id, **ALICE}
    assert api.send("register-person", fields).body["aggregate_id"] == person_id
    api.send("register-person", fields).refused(409, "already_exists")


def test_the_same_id_gives_the_same_answer_again(api: Api) -> None:
    command_id = new_id()
    first = api.send("register-person", ALICE, idempotency_key=command_id)
    again = api.send("register-person", ALICE, idempotency_key=command_id)
    assert (again.status, again.raw) == (201, first.raw)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert StoredEvent.objects.count() == 1


def test_the_same_id_with_other_content_is_refused(api: Api) -> None:
    command_id = new_id()
    api.send("register-person", ALICE, idempotency_key=command_id)
    other = {**ALICE, "last_name": "Cooper"}
    answer = api.send("register-person", other, idempotency_key=command_id)
    answer.refused(422, "command_id_reused")


def test_another_tenant_may_use_the_same_command_id(api: Api, other_tenant: Tenant) -> None:
    command_id = new_id()
    assert api.send("register-person", ALICE, idempotency_key=command_id).status == 201
    other = api_for(other_tenant)
    assert other.send("register-person", ALICE, idempotency_key=command_id).status == 201


def test_a_refusal_is_replayed_with_its_status(api: Api) -> None:
    account_id = api.opened_account(api.registered_person(), deposit="5.00")
    withdrawal = {"aggregate_id": account_id, "amount": "7.00"}
    command_id = new_id()
    first = api.send("withdraw-money", withdrawal, idempotency_key=command_id)
    first.refused(422, "insufficient_funds")
    api.send("deposit-money", withdrawal)
    again = api.send("withdraw-money", withdrawal, idempotency_key=command_id)
    assert again.refused(422, "insufficient_funds").raw == first.raw
    assert again.headers["Idempotent-Replayed"] == "true"


def test_the_amounts_5_and_5_00_are_the_same_content(api: Api) -> None:
    account_id = api.opened_account(api.registered_person())
    command_id = new_id()
    for amount in ("5.00", 5, "5"):
        deposit = {"aggregate_id": account_id, "amount": amount}
        assert api.send("deposit-money", deposit, idempotency_key=command_id).status == 200
    assert api.get(f"/api/accounts/{account_id}").body["balance"] == "5.00"


def test_if_match_lets_the_command_pass_at_that_version_only(api: Api) -> None:
    person_id = api.registered_person()
    rename = {"aggregate_id": person_id, **ALICE}
    command_id = new_id()
    stale = api.send("rename-person", rename, if_match='"7"', idempotency_key=command_id)
    stale.refused(412, "stale_version")
    assert not StoredCommand.objects.filter(id=command_id).exists()
    answer = api.send("rename-person", rename, if_match='"1"', idempotency_key=command_id)
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')


def test_a_conflict_that_never_ends_is_409_and_leaves_the_id_free(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id = api.opened_account(api.registered_person())
    deposit = {"aggregate_id": account_id, "amount": "5.00"}
    before, command_id, attempts = everything_stored(), new_id(), []
    append = EventStore.append

    def come_too_late(store: EventStore, *args: Any, **options: Any) -> Any:
        """Somebody else appends between each attempt's load and its append."""
        attempts.append(args)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE eventstore_stream SET version = version + 1")
        return append(store, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(EventStore, "append", come_too_late)
        answer = api.send("deposit-money", deposit, idempotency_key=command_id)

    answer.refused(409, "version_conflict")
    assert account_id in answer.body["detail"]
    assert len(attempts) == ATTEMPTS == 5
    assert everything_stored() == before
    resent = api.send("deposit-money", deposit, idempotency_key=command_id)
    assert (resent.status, resent.body["version"]) == (200, 2)
    assert "Idempotent-Replayed" not in resent.headers


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("idempotency_key", ""),
        ("idempotency_key", "1"),
        ("idempotency_key", "{6f2c2bb2-7d6e-4a47-a2a2-6f2c2bb27d6e}"),
        ("if_match", "1"),
        ("if_match", "*"),
        ("if_match", 'W/"1"'),
        ("x_correlation_id", "abc"),
    ],
)
def test_a_header_that_cannot_be_read_is_named(api: Api, header: str, value: str) -> None:
    answer = api.send("register-person", ALICE, **{header: value})
    errors = answer.refused(400, "validation_failed").body["errors"]
    assert [name.lower().replace("-", "_") for name in errors] == [header]
    assert not StoredCommand.objects.exists()


def test_the_correlation_id_reaches_log_and_event(api: Api) -> None:
    correlation_id = new_id()
    answer = api.send("register-person", ALICE, x_correlation_id=correlation_id)
    assert answer.body["correlation_id"] == correlation_id
    assert StoredCommand.objects.get().correlation_id == UUID(correlation_id)
    assert correlation_id in StoredEvent.objects.get().metadata


def test_an_unknown_aggregate_is_named_by_type_and_id(api: Api) -> None:
    person_id = new_id()
    answer = api.send("rename-person", {"aggregate_id": person_id, **ALICE})
    detail = answer.refused(404, "not_found").body["detail"]
    assert "person" in detail
    assert person_id in detail


def test_another_tenants_aggregate_answers_like_an_unknown_one(
    api: Api, other_tenant: Tenant
) -> None:
    other_id = api_for(other_tenant, user_name="eve").registered_person()
    unknown_id = new_id()
    for name, fields in (("rename-person", ALICE), ("open-account", {"code": "1"})):
        key = "owner_id" if name == "open-account" else "aggregate_id"
        unknown = api.send(name, {key: unknown_id, **fields}).refused(404, "not_found")
        theirs = api.send(name, {key: other_id, **fields}).refused(404, "not_found")
        assert theirs.raw.replace(other_id.encode(), b"ID") == unknown.raw.replace(
            unknown_id.encode(), b"ID"
        )


def test_an_account_is_no_person(api: Api) -> None:
    account_id = api.opened_account(api.registered_person())
    answer = api.send("rename-person", {"aggregate_id": account_id, **ALICE})
    answer.refused(404, "not_found")


def test_an_unknown_command_or_parameter_is_refused(api: Api) -> None:
    api.send("become-rich", {}).refused(404, "not_found")
    answer = api.send("register-person?force=1", ALICE)
    assert list(answer.refused(400, "unknown_parameter").body["errors"]) == ["force"]


def test_an_auditor_sends_no_commands(application: object, tenant: Tenant) -> None:
    api_for(tenant, Role.AUDITOR).send("register-person", ALICE).refused(403, "forbidden")
    assert not StoredCommand.objects.exists()


def test_other_methods_are_refused_with_the_allowed_ones(api: Api) -> None:
    answer = api.method("PUT", "/api/commands/register-person")
    api.method("OPTIONS", "/api/persons").refused(405, "method_not_allowed")
    assert "POST" in answer.refused(405, "method_not_allowed").headers["Allow"]
