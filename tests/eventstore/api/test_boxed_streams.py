"""Cold storage over the API: what a box command answers, and what is told of what is offline."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema_rs
import pytest

from config.composition import build_application
from config.openapi import describe
from eventstore.application import get_application
from eventstore.models import Box, StoredCommand, Tenant
from eventstore.tenancy import Role
from tests.eventstore.boxes.support import box, boxed_person, unbox
from tests.http import Answer, Api, api_for

DOCUMENT = json.loads(json.dumps(describe(build_application())))


@pytest.fixture
def operator(tenant: Tenant) -> Api:
    return api_for(tenant, role=Role.OPERATOR)


def is_as_described(answer: Answer, path: str, method: str = "post") -> None:
    """The status, and the body by its schema."""
    responses = DOCUMENT["paths"][path][method]["responses"]
    ((_, content),) = responses[str(answer.status)]["content"].items()
    schema: dict[str, Any] = {**content["schema"], "components": DOCUMENT["components"]}
    jsonschema_rs.validator_for(schema).validate(answer.body)


def test_a_box_command_says_in_words_what_came_of_it(operator: Api) -> None:
    person = operator.registered_person()
    first, again = box(operator, person), box(operator, person)
    back, once_more = unbox(operator, person), unbox(operator, person)
    for answer, name, detail in (
        (first, "box-aggregate", f"is in cold storage: 1 event in {Box.objects.get().path}."),
        (again, "box-aggregate", "is in cold storage already."),
        (back, "unbox-aggregate", "is back from cold storage: 1 event."),
        (once_more, "unbox-aggregate", "is not in cold storage."),
    ):
        assert answer.status == 200
        assert answer.body["detail"] == f"The person {person} {detail}"
        assert answer.body["events"] == []
        is_as_described(answer, f"/api/commands/{name}")


def test_other_answers_have_no_such_words(operator: Api) -> None:
    answer = operator.send("register-person", {"first_name": "Ada", "last_name": "King"})
    assert "detail" not in answer.body
    is_as_described(answer, "/api/commands/register-person")


def test_what_refuses_a_box_command_is_as_described(operator: Api) -> None:
    person = operator.registered_person()
    at = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = {"aggregate_id": person, "first_name": "Ada", "last_name": "Later"}
    assert operator.send(f"rename-person?at={at}", fields).status == 202
    pending = box(operator, person)
    pending.refused(409, "pending_work")
    assert "command rename-person is scheduled" in pending.body["detail"]
    is_as_described(pending, "/api/commands/box-aggregate")

    boxed = boxed_person(operator)
    registered = Box.objects.get()
    (get_application().cold_storage.root / registered.path).unlink()
    damaged = unbox(operator, boxed)
    damaged.refused(422, "box_damaged")
    assert registered.path in damaged.body["detail"]
    is_as_described(damaged, "/api/commands/unbox-aggregate")


def test_where_cold_storage_cannot_be_written_the_answer_is_to_try_again(operator: Api) -> None:
    person = operator.registered_person()
    root = get_application().cold_storage.root
    root.write_text("no folder")
    try:
        answer = box(operator, person)
    finally:
        root.unlink()
    answer.refused(503, "busy")
    assert answer.headers["Retry-After"] == "1"
    is_as_described(answer, "/api/commands/box-aggregate")
    assert not StoredCommand.objects.filter(type="box-aggregate").exists()
    assert box(operator, person).status == 200


def test_the_list_of_streams_tells_which_are_boxed(operator: Api) -> None:
    online, boxed = operator.registered_person(), boxed_person(operator)

    def listed(status: str) -> list[str]:
        answer = operator.get(f"/api/streams?status={status}")
        return [row["aggregate_id"] for row in answer.body["results"]]

    assert (listed("active"), listed("boxed")) == ([online], [boxed])
    operator.get(f"/api/streams/person/{boxed}").refused(410, "boxed")
    assert unbox(operator, boxed).status == 200
    assert listed("boxed") == []
    assert len(operator.get(f"/api/streams/person/{boxed}").body["events"]) == 3


def test_of_a_command_whose_content_lies_in_a_box_the_log_has_the_rest(operator: Api) -> None:
    boxed = boxed_person(operator)
    path = "/api/commands/{command_id}"
    command = StoredCommand.objects.get(type="register-person", aggregate_id=boxed)
    answer = operator.get(f"/api/commands/{command.id}")
    assert (answer.body["data"], answer.body["status"]) == ({}, "completed")
    assert len(answer.body["result"]["events"]) == 1
    is_as_described(answer, path, "get")
    of_the_box = StoredCommand.objects.get(type="box-aggregate")
    answer = operator.get(f"/api/commands/{of_the_box.id}")
    assert answer.body["data"]["reason"] == "it has ended"
    assert "is in cold storage" in answer.body["result"]["detail"]
    is_as_described(answer, path, "get")
    unbox(operator, boxed)
    answer = operator.get(f"/api/commands/{command.id}")
    assert answer.body["data"]["aggregate_id"] == boxed
