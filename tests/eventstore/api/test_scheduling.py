"""`?at=`: a command for later over HTTP, its answers, and how it is seen and cancelled."""

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

import pytest

from eventstore.application import Application
from eventstore.models import StoredCommand, StoredEvent, Tenant
from eventstore.tenancy import Role
from tests.eventstore.support import stored_counts
from tests.http import Answer, Api, api_for, new_id

ADA = {"first_name": "Ada", "last_name": "King"}
#: Long after every test.
LATER = datetime(2999, 12, 31, 23, 30, tzinfo=UTC)
PAST = datetime(1999, 12, 31, 23, 30, tzinfo=UTC)
FOR_LATER = f"register-person?at={quote(LATER.isoformat())}"


@pytest.fixture
def operator(api: Api, tenant: Tenant) -> Api:
    return api_for(tenant, Role.OPERATOR, "olga")


def at(moment: datetime, name: str = "register-person") -> str:
    return f"{name}?at={quote(moment.isoformat())}"


def cancelled(operator: Api, answer: Answer, reason: str = "") -> Answer:
    path = f"/api/commands/{answer.body['command_id']}"
    return operator.method("DELETE", f"{path}?reason={quote(reason)}" if reason else path)


# The answer --------------------------------------------------------------------------------------


def test_a_command_for_later_is_answered_with_its_time_and_does_nothing(api: Api) -> None:
    correlation_id = new_id()

    answer = api.send(FOR_LATER, ADA, x_correlation_id=correlation_id)

    assert answer.status == 202
    command_id = answer.body["command_id"]
    assert answer.body == {
        "command_id": command_id,
        "status": "scheduled",
        "category": None,
        "aggregate_id": answer.body["aggregate_id"],
        "version": None,
        "position": None,
        "correlation_id": correlation_id,
        "events": [],
        "due_at": "2999-12-31T23:30:00Z",
    }
    assert answer.headers["Location"] == f"/api/commands/{command_id}"
    assert not {"ETag", "Idempotent-Replayed"} & set(answer.headers)
    assert stored_counts() == (0, 0, 1)
    entry = api.get(answer.headers["Location"]).body
    assert (entry["status"], entry["due_at"]) == ("scheduled", "2999-12-31T23:30:00Z")
    assert (entry["attempts"], entry["ended_at"], entry["result"]) == (0, None, None)
    assert entry["data"] == {"aggregate_id": answer.body["aggregate_id"], **ADA}


def test_one_for_the_past_is_pending_and_done_by_the_next_run(
    api: Api, application: Application
) -> None:
    answer = api.send(at(PAST), ADA)

    assert (answer.status, answer.body["status"]) == (202, "pending")
    assert answer.body["due_at"] == "1999-12-31T23:30:00Z"
    assert StoredEvent.objects.count() == 0
    assert application.scheduling.run_due() == 1
    entry = api.get(answer.headers["Location"]).body
    assert (entry["status"], entry["due_at"]) == ("completed", "1999-12-31T23:30:00Z")
    assert api.get(f"/api/persons/{answer.body['aggregate_id']}").status == 200


@pytest.mark.parametrize(
    "text",
    [
        *("", "tomorrow", "2999-01-01", "2999-01-01T00:00", "2999-01-01T00:00 01:00"),
        *("2999-13-01T00Z", "2999-01-01T00:00Z\0", "2999-01-01T00:00Z\0later"),
    ],
)
def test_a_time_that_is_naive_or_unreadable_is_refused(api: Api, text: str) -> None:
    answer = api.send(f"register-person?at={quote(text)}", ADA).refused(400, "validation_failed")
    assert list(answer.body["errors"]) == ["at"]
    assert "with its offset" in answer.body["errors"]["at"][0]
    assert stored_counts() == (0, 0, 0)


def test_all_wrong_parameters_are_named_at_once(api: Api) -> None:
    answer = api.send("register-person?at=soon&colour=red&at_least=1", ADA)
    answer.refused(400, "unknown_parameter")
    assert set(answer.body["errors"]) == {"at", "colour", "at_least"}
    twice = api.send(f"{FOR_LATER}&at=2999-01-01T00:00Z", ADA).refused(400, "validation_failed")
    assert twice.body["errors"] == {"at": ["was given more than once"]}


def test_headers_and_fields_are_checked_at_once_and_not_when_it_is_due(api: Api) -> None:
    answer = api.send(FOR_LATER, ADA, idempotency_key="1", if_match="1")
    assert set(answer.refused(400, "validation_failed").body["errors"]) == {
        "Idempotency-Key",
        "If-Match",
    }
    answer = api.send(FOR_LATER, {"first_name": "", "colour": "red"})
    assert set(answer.refused(400, "validation_failed").body["errors"]) == {
        "first_name",
        "last_name",
        "colour",
    }
    assert stored_counts() == (0, 0, 0)


def test_a_command_with_a_secret_is_not_schedulable_and_leaves_its_id_free(api: Api) -> None:
    command_id = new_id()
    fields = {"login_name": "ada", "password": "correct horse"}
    name = "start-user-registration"
    api.send(at(LATER, name), fields, idempotency_key=command_id).refused(400, "not_schedulable")
    assert stored_counts() == (0, 0, 0)
    assert api.send(name, fields, idempotency_key=command_id).status == 201


def test_who_may_not_send_it_now_may_not_schedule_it(
    application: Application, tenant: Tenant
) -> None:
    auditor = api_for(tenant, Role.AUDITOR, "audrey")
    auditor.send(FOR_LATER, ADA).refused(403, "forbidden")
    Api(None).send(FOR_LATER, ADA).refused(401, "unauthenticated")
    assert stored_counts() == (0, 0, 0)


def test_what_only_a_process_sends_cannot_be_scheduled(api: Api) -> None:
    fields = {"aggregate_id": new_id()}
    api.send(at(LATER, "complete-transfer"), fields).refused(404, "not_found")


# The same id again -------------------------------------------------------------------------------


def test_the_same_command_for_the_same_instant_has_its_first_answer_again(api: Api) -> None:
    command_id = new_id()
    first = api.send(FOR_LATER, ADA, idempotency_key=command_id)
    in_india = LATER.astimezone(timezone(timedelta(hours=5, minutes=30)))

    for sent in (LATER, in_india):
        again = api.send(at(sent), ADA, idempotency_key=command_id)
        assert (again.status, again.raw) == (202, first.raw)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["Location"] == first.headers["Location"]
    assert StoredCommand.objects.count() == 1


def test_other_content_or_another_time_or_none_is_another_command(api: Api) -> None:
    command_id = new_id()
    api.send(FOR_LATER, ADA, idempotency_key=command_id)
    other = {**ADA, "last_name": "Lovelace"}
    for name, fields in (
        (FOR_LATER, other),
        (at(LATER + timedelta(microseconds=1)), ADA),
        ("register-person", ADA),
    ):
        api.send(name, fields, idempotency_key=command_id).refused(422, "command_id_reused")

    done = new_id()
    api.send("register-person", ADA, idempotency_key=done)
    api.send(FOR_LATER, ADA, idempotency_key=done).refused(422, "command_id_reused")


def test_once_done_it_has_its_own_answer(api: Api, application: Application) -> None:
    command_id = new_id()
    waiting = api.send(at(PAST), ADA, idempotency_key=command_id)
    application.scheduling.run_due()

    again = api.send(at(PAST), ADA, idempotency_key=command_id)

    person_id = waiting.body["aggregate_id"]
    assert (again.status, again.body["status"]) == (201, "completed")
    assert (again.headers["Idempotent-Replayed"], again.headers["ETag"]) == ("true", '"1"')
    assert again.headers["Location"] == f"/api/persons/{person_id}"
    assert [event["type"] for event in again.body["events"]] == ["person.registered"]
    assert "due_at" not in again.body
    rename = {"aggregate_id": person_id, **ADA, "last_name": "Lovelace"}
    second = new_id()
    api.send(at(PAST, "rename-person"), rename, idempotency_key=second)
    application.scheduling.run_due()
    renamed = api.send(at(PAST, "rename-person"), rename, idempotency_key=second)
    assert (renamed.status, renamed.body["version"]) == (200, 2)
    assert "Location" not in renamed.headers


def test_once_refused_it_has_its_refusal(api: Api, application: Application) -> None:
    command_id, fields = new_id(), {"aggregate_id": new_id(), **ADA}
    name = at(PAST, "rename-person")
    assert api.send(name, fields, idempotency_key=command_id).status == 202
    application.scheduling.run_due()

    again = api.send(name, fields, idempotency_key=command_id).refused(404, "not_found")

    assert again.headers["Idempotent-Replayed"] == "true"
    entry = api.get(f"/api/commands/{command_id}").body
    assert (entry["status"], entry["code"], entry["attempts"]) == ("refused", "not_found", 1)


def test_once_cancelled_or_given_up_it_says_so(
    api: Api, operator: Api, application: Application
) -> None:
    command_id = new_id()
    cancelled(operator, api.send(FOR_LATER, ADA, idempotency_key=command_id))
    again = api.send(FOR_LATER, ADA, idempotency_key=command_id)
    assert (again.status, again.body["status"]) == (202, "cancelled")
    assert again.headers["Location"] == f"/api/commands/{command_id}"

    person_id, stale = api.registered_person(), new_id()
    fields = {"aggregate_id": person_id, **ADA}
    name = at(PAST, "rename-person")
    api.send(name, fields, idempotency_key=stale, if_match='"7"')
    application.scheduling.run_due()
    again = api.send(name, fields, idempotency_key=stale, if_match='"7"')
    again.refused(412, "stale_version")
    assert again.headers["Idempotent-Replayed"] == "true"


def test_if_match_goes_along_and_is_checked_when_it_is_due(
    api: Api, application: Application
) -> None:
    person_id = api.registered_person()
    fields = {"aggregate_id": person_id, **ADA}
    fresh = api.send(at(PAST, "rename-person"), fields, if_match='"1"')
    late = api.send(
        at(PAST + timedelta(days=1), "rename-person"),
        {**fields, "first_name": "Augusta"},
        if_match='"1"',
    )
    assert (fresh.status, late.status) == (202, 202)

    application.scheduling.run_due()

    entries = [api.get(answer.headers["Location"]).body for answer in (fresh, late)]
    assert [entry["expected_version"] for entry in entries] == [1, 1]
    assert [(entry["status"], entry["code"]) for entry in entries] == [
        ("completed", ""),
        ("refused", "stale_version"),
    ]
    assert api.get(f"/api/persons/{person_id}").body["name"] == "Ada King"
