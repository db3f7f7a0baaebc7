"""`GET /api/commands`: the log of the caller's tenant, and of a member their own part of it."""

import pytest

from eventstore.models import StoredCommand, Tenant
from eventstore.tenancy import Role
from tests.http import Answer, Api, api_for, new_id

ADA = {"first_name": "Ada", "last_name": "King"}


@pytest.fixture
def auditor(api: Api, tenant: Tenant) -> Api:
    return api_for(tenant, Role.AUDITOR, "audrey")


def ids(answer: Answer) -> list[str]:
    return [row["command_id"] for row in answer.body["results"]]


def sent(api: Api) -> str:
    """The id of a command that registered a person."""
    return str(api.send("register-person", ADA).body["command_id"])


def test_a_command_is_shown_with_what_was_asked_and_answered(api: Api) -> None:
    answer = api.send("register-person", ADA)
    row = api.get(f"/api/commands/{answer.body['command_id']}").body
    entry = StoredCommand.objects.get()
    assert row == {
        "number": entry.number,
        "command_id": answer.body["command_id"],
        "type": "register-person",
        "status": "completed",
        "code": "",
        "aggregate_id": answer.body["aggregate_id"],
        "expected_version": None,
        "user": "mary",
        "correlation_id": answer.body["correlation_id"],
        "causation_id": None,
        "attempts": 1,
        "due_at": None,
        "received_at": row["received_at"],
        "ended_at": row["ended_at"],
        "data": {"aggregate_id": answer.body["aggregate_id"], **ADA},
        "result": row["result"],
    }
    assert row["result"]["events"] == answer.body["events"]
    assert row["received_at"] <= row["ended_at"]


def test_a_refusal_is_shown_with_its_code(api: Api) -> None:
    command_id = new_id()
    fields = {"aggregate_id": new_id(), **ADA}
    api.send("rename-person", fields, idempotency_key=command_id).refused(404, "not_found")
    row = api.get(f"/api/commands/{command_id.upper()}").body
    assert (row["status"], row["code"]) == ("refused", "not_found")


def test_members_read_their_own_commands_and_inspectors_all(
    api: Api, auditor: Api, tenant: Tenant
) -> None:
    other = api_for(tenant, Role.MEMBER, "max")
    mine, theirs = sent(api), sent(other)
    assert ids(api.get("/api/commands")) == [mine]
    assert ids(other.get("/api/commands")) == [theirs]
    operator = api_for(tenant, Role.OPERATOR, "olga")
    for inspector in (auditor, operator):
        assert ids(inspector.get("/api/commands")) == [mine, theirs]
        assert inspector.get(f"/api/commands/{theirs}").status == 200
    api.get(f"/api/commands/{theirs}").refused(404, "not_found")


def test_another_tenants_command_answers_like_an_unknown_one(
    auditor: Api, other_tenant: Tenant
) -> None:
    foreign, unknown = sent(api_for(other_tenant, user_name="audrey")), new_id()
    answers = [auditor.get(f"/api/commands/{command_id}") for command_id in (foreign, unknown)]
    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].raw.decode() == answers[1].raw.decode().replace(unknown, foreign)
    assert ids(auditor.get("/api/commands")) == []


def test_the_log_is_filtered_and_read_on_by_its_cursor(auditor: Api, api: Api) -> None:
    correlation_id = new_id()
    all_ids = [sent(api) for _ in range(5)]
    api.send("register-person", ADA, x_correlation_id=correlation_id)
    first = auditor.get("/api/commands?limit=3")
    second = auditor.get(f"/api/commands?limit=3&after={first.body['next']}")
    assert ids(first) + ids(second)[:2] == all_ids
    end = auditor.get(f"/api/commands?after={second.body['next']}").body
    assert end == {"results": [], "next": second.body["next"]}
    assert len(ids(auditor.get(f"/api/commands?correlation_id={correlation_id}"))) == 1
    assert len(ids(auditor.get("/api/commands?type=register-person&status=completed"))) == 6
    assert ids(auditor.get("/api/commands?type=rename-person")) == []
    assert ids(auditor.get("/api/commands?status=refused")) == []


@pytest.mark.parametrize(
    "query", ["status=done", "type=%00", "correlation_id=1", "after=-1", "after=x", "limit=501"]
)
def test_a_wrong_parameter_is_named(auditor: Api, query: str) -> None:
    answer = auditor.get(f"/api/commands?{query}").refused(400, "validation_failed")
    assert list(answer.body["errors"]) == [query.partition("=")[0]]


def test_what_is_no_id_or_no_parameter_is_refused(api: Api) -> None:
    api.get("/api/commands/1").refused(400, "validation_failed")
    api.method("DELETE", "/api/commands/1").refused(400, "validation_failed")
    api.get("/api/commands?colour=red").refused(400, "unknown_parameter")
    api.get(f"/api/commands/{new_id()}?colour=red").refused(400, "unknown_parameter")


def test_each_url_takes_its_own_methods_alone(api: Api) -> None:
    for method, path, allowed in (
        ("GET", "/api/commands/register-person", "POST"),
        ("POST", "/api/commands", "GET, HEAD"),
        ("DELETE", "/api/commands/register-person", "POST"),
        ("DELETE", "/api/commands", "GET, HEAD"),
        ("POST", f"/api/commands/{new_id()}", "GET, HEAD, DELETE"),
        ("DELETE", "/api/persons", "GET, HEAD"),
    ):
        answer = api.method(method, path).refused(405, "method_not_allowed")
        assert answer.headers["Allow"] == allowed, path
