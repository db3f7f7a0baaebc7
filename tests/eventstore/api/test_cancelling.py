"""What is scheduled in the log over HTTP, and `DELETE`, which cancels it."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from eventstore.application import Application
from eventstore.models import StoredCommand, StoredEvent, Tenant
from eventstore.tenancy import Role
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


def test_what_is_scheduled_is_listed_with_its_time(api: Api, operator: Api) -> None:
    answers = [api.send(at(LATER - timedelta(days=days)), ADA) for days in range(2)]
    api.send("register-person", ADA)

    page = operator.get("/api/commands?status=scheduled").body

    assert [row["command_id"] for row in page["results"]] == [
        answer.body["command_id"] for answer in answers
    ]
    assert [row["due_at"] for row in page["results"]] == [
        "2999-12-31T23:30:00Z",
        "2999-12-30T23:30:00Z",
    ]


def test_an_operator_cancels_it_and_it_is_never_done(
    api: Api, operator: Api, application: Application
) -> None:
    answer = api.send(FOR_LATER, ADA)

    cancelled_answer = cancelled(operator, answer, "Ada changed her mind.")

    assert cancelled_answer.status == 200
    assert cancelled_answer.body == api.get(answer.headers["Location"]).body
    assert cancelled_answer.body["status"] == "cancelled"
    assert cancelled_answer.body["result"] == {
        "cancelled_by": "olga",
        "reason": "Ada changed her mind.",
    }
    assert cancelled_answer.body["ended_at"] is not None
    assert application.scheduling.run_due(now=LATER + timedelta(days=1)) == 0
    assert StoredEvent.objects.count() == 0


def test_only_what_is_scheduled_can_be_cancelled(
    api: Api, operator: Api, application: Application
) -> None:
    done = api.send("register-person", ADA)
    pending = api.send(at(PAST), ADA)
    twice = api.send(FOR_LATER, ADA)
    assert cancelled(operator, twice).status == 200
    for answer, status in ((done, "completed"), (pending, "pending"), (twice, "cancelled")):
        refused = cancelled(operator, answer).refused(409, "not_cancellable")
        assert status in refused.body["detail"]
    assert application.scheduling.run_due() == 1


def test_only_operators_cancel(api: Api, tenant: Tenant) -> None:
    answer = api.send(FOR_LATER, ADA)
    for caller in (api, api_for(tenant, Role.AUDITOR, "audrey")):
        cancelled(caller, answer).refused(403, "forbidden")
        caller.method("DELETE", f"/api/commands/{new_id()}").refused(403, "forbidden")
    assert StoredCommand.objects.get().status == "scheduled"


def test_another_tenants_command_is_as_unknown_as_any(
    api: Api, operator: Api, other_tenant: Tenant
) -> None:
    theirs = api_for(other_tenant, Role.OPERATOR, "otto")
    foreign, unknown = theirs.send(FOR_LATER, ADA).body["command_id"], new_id()
    answers = [operator.method("DELETE", f"/api/commands/{one}") for one in (foreign, unknown)]
    for answer in answers:
        answer.refused(404, "not_found")
    assert answers[0].raw.decode() == answers[1].raw.decode().replace(unknown, foreign)
    assert StoredCommand.objects.get().status == "scheduled"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (f"reason={'x' * 201}", "validation_failed"),
        ("reason=%00", "validation_failed"),
        ("why=because", "unknown_parameter"),
    ],
)
def test_a_reason_that_is_none_cancels_nothing(
    api: Api, operator: Api, query: str, code: str
) -> None:
    path = api.send(FOR_LATER, ADA).headers["Location"]
    answer = operator.method("DELETE", f"{path}?{query}").refused(400, code)
    assert list(answer.body["errors"]) == [query.partition("=")[0]]
    assert StoredCommand.objects.get().status == "scheduled"
