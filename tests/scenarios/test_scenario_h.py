"""Scenario H: Umbrella forbids renaming, until an operator switches that off; others rename."""

import pytest
from django.contrib.auth.models import User

from eventstore.models import Tenant
from eventstore.tenancy import Role
from tests.eventstore.admin.support import staff, submit, text_of
from tests.http import Answer, Api, api_for, new_id
from tests.server import running_server

OVERRIDE = "/admin/eventstore/overrideswitch/umbrella/command rename-person/"


@pytest.fixture
def umbrella(other_tenant: Tenant) -> Api:
    """A client program of Umbrella."""
    return api_for(other_tenant, user_name="otto")


def alice_cooper(person_id: str) -> dict[str, str]:
    return {"aggregate_id": person_id, "first_name": "Alice", "last_name": "Cooper"}


def rename(api: Api, person_id: str, **headers: str) -> Answer:
    return api.send("rename-person", alice_cooper(person_id), **headers)


def name_of(api: Api, person_id: str) -> str:
    return str(api.get(f"/api/persons/{person_id}").body["name"])


def test_umbrella_renames_nobody(umbrella: Api) -> None:
    person_id, command_id = umbrella.registered_person("Alice", "O'Wonderland"), new_id()
    answer = rename(umbrella, person_id, Idempotency_Key=command_id)
    assert answer.status == 200
    assert (answer.body["status"], answer.body["events"]) == ("overridden", [])
    assert (answer.body["version"], answer.body["position"]) == (None, None)
    assert umbrella.get(f"/api/commands/{command_id}").body["status"] == "overridden"
    listed = umbrella.get("/api/commands?status=overridden").body["results"]
    assert [command["command_id"] for command in listed] == [command_id]
    assert name_of(umbrella, person_id) == "Alice O'Wonderland"


def test_an_overridden_command_sent_again_is_answered_the_same(umbrella: Api) -> None:
    person_id, command_id = umbrella.registered_person(), new_id()
    first, second = (rename(umbrella, person_id, Idempotency_Key=command_id) for _ in range(2))
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (second.status, second.raw) == (first.status, first.raw)


def test_another_tenant_renames(api: Api, umbrella: Api) -> None:
    person_id = api.registered_person("Alice", "O'Wonderland")
    assert rename(api, person_id).body["status"] == "completed"
    assert name_of(api, person_id) == "Alice Cooper"


def test_the_admin_shows_that_the_command_was_overridden(
    umbrella: Api, other_tenant: Tenant
) -> None:
    rename(umbrella, umbrella.registered_person())
    operator = staff("olive", other_tenant, Role.OPERATOR)
    html = text_of(operator, "/admin/eventstore/storedcommand/?status=overridden")
    assert html.count('es-status-overridden">overridden<') == 1
    assert "rename-person" in html


def test_a_switch_in_the_admin_holds_in_every_process_from_the_next_command_on(
    umbrella: Api, other_tenant: Tenant, application: object
) -> None:
    """The admin is in this process, the command is sent to another."""
    operator = staff("olive", other_tenant, Role.OPERATOR)
    person_id = umbrella.registered_person("Alice", "O'Wonderland")
    key = application.access.create_key(
        other_tenant, User.objects.get(username="otto"), Role.MEMBER
    )
    with running_server() as server:
        statuses = []
        for switch, last_name in ((None, "A"), ("off", "B"), ("on", "C"), ("off", "D")):
            if switch:
                submit(operator, f"{OVERRIDE}{switch}/", {"reason": "a trial"})
            fields = {"aggregate_id": person_id, "first_name": "Alice", "last_name": last_name}
            statuses.append(server.send(key, "rename-person", fields).body["status"])
    assert statuses == ["overridden", "completed", "overridden", "completed"]
    assert name_of(umbrella, person_id) == "Alice D"
