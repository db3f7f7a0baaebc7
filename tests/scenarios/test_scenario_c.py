"""Scenario C: an aggregate is taken offline and comes back, byte for byte."""

import io
import json

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from eventstore.application import Application
from eventstore.models import Snapshot, StoredEvent, Tenant
from eventstore.tenancy import Role
from tests.eventstore.boxes.support import box, exported, file_of, rename, renamed_person, unbox
from tests.http import Api, api_for, new_id
from tests.processes import run_manage
from tests.server import running_server


@pytest.fixture
def operator(application: Application, tenant: Tenant) -> Api:
    return api_for(tenant, Role.OPERATOR, "olga")


def test_a_file_holds_the_snapshot_and_8_events_and_the_database_none(operator: Api) -> None:
    person_id = renamed_person(operator, renames=7)

    assert box(operator, person_id).status == 200

    of_person = {"stream__aggregate_id": person_id}
    assert not StoredEvent.objects.filter(**of_person).exists()
    assert not Snapshot.objects.filter(**of_person).exists()
    lines = [json.loads(line) for line in file_of(person_id).read_text().splitlines()]
    kinds = [next(iter(line)) for line in lines]
    assert (kinds.count("event"), kinds.count("snapshot")) == (8, 1)
    (snapshot,) = (line["snapshot"] for line in lines if "snapshot" in line)
    assert snapshot["version"] == 8
    assert json.loads(snapshot["state"])["last_name"] == "King 6"


def test_a_snapshot_in_the_database_goes_with_the_events(
    operator: Api, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application.snapshots, "every", 5)
    person_id = renamed_person(operator, renames=7)
    assert Snapshot.objects.filter(stream__aggregate_id=person_id).exists()

    box(operator, person_id)

    assert not Snapshot.objects.filter(stream__aggregate_id=person_id).exists()


def test_a_command_for_a_boxed_aggregate_is_410_and_says_what_helps(operator: Api) -> None:
    person_id = renamed_person(operator)
    box(operator, person_id)

    refused = rename(operator, person_id).refused(410, "boxed")
    assert "unbox" in refused.body["detail"]
    again = {"aggregate_id": person_id, "first_name": "Ada", "last_name": "King"}
    operator.send("register-person", again).refused(410, "boxed")
    assert operator.get(f"/api/persons/{person_id}").body["name"] == "Ada King 6"


def test_boxing_again_does_nothing_and_says_so(operator: Api) -> None:
    person_id = renamed_person(operator)
    first = box(operator, person_id)
    content = file_of(person_id).read_bytes()

    again = box(operator, person_id)

    assert again.status == 200
    assert again.body["detail"] == f"The person {person_id} is in cold storage already."
    assert first.body["detail"].startswith(f"The person {person_id} is in cold storage: 8 events")
    assert file_of(person_id).read_bytes() == content


def test_it_comes_back_byte_for_byte_and_goes_on_at_version_9(operator: Api) -> None:
    person_id = renamed_person(operator, renames=7)
    before = exported(person_id)
    history = operator.get(f"/api/streams/person/{person_id}").raw
    box(operator, person_id)

    assert unbox(operator, person_id).status == 200

    assert exported(person_id) == before
    assert operator.get(f"/api/streams/person/{person_id}").raw == history
    answer = rename(operator, person_id, "Byron")
    assert (answer.status, answer.body["version"]) == (200, 9)
    assert operator.get(f"/api/persons/{person_id}").body["name"] == "Ada Byron"
    call_command("verify", stdout=io.StringIO())


def test_a_command_that_was_sent_before_is_answered_as_then(operator: Api) -> None:
    """Its answer stays in the log, whatever becomes of the aggregate."""
    person_id, command_id = renamed_person(operator), new_id()
    first = rename(operator, person_id, "Byron", Idempotency_Key=command_id)
    for then in (box, unbox):
        then(operator, person_id)
        again = rename(operator, person_id, "Byron", Idempotency_Key=command_id)
        assert (again.status, again.raw) == (200, first.raw)
        assert again.headers["Idempotent-Replayed"] == "true"


def test_a_member_and_another_tenant_box_nothing(
    operator: Api, tenant: Tenant, other_tenant: Tenant
) -> None:
    person_id = renamed_person(operator)
    box(api_for(tenant, Role.MEMBER, "mary"), person_id).refused(403, "forbidden")
    theirs = box(api_for(other_tenant, Role.OPERATOR, "otto"), person_id).refused(404, "not_found")
    nobodys = box(operator, unknown := new_id()).refused(404, "not_found")
    assert theirs.raw.replace(person_id.encode(), b"") == nobodys.raw.replace(
        unknown.encode(), b""
    )
    assert rename(operator, person_id).status == 200


def test_a_process_that_knew_the_aggregate_before_goes_on_at_version_9(
    operator: Api, application: Application, tenant: Tenant
) -> None:
    """It was boxed and unboxed elsewhere: what this one has kept is not believed."""
    person_id = renamed_person(operator, renames=7)
    assert rename(operator, person_id, "King 6").status == 422, "the state is in the cache"
    key = application.access.create_key(tenant, User.objects.get(username="olga"), Role.OPERATOR)
    with running_server() as server:
        fields = {"aggregate_id": person_id, "category": "person", "reason": "a trial"}
        assert server.send(key, "box-aggregate", fields).status == 200
        rename(operator, person_id).refused(410, "boxed")
        assert server.send(key, "unbox-aggregate", fields).status == 200
        renamed = {"aggregate_id": person_id, "first_name": "Ada", "last_name": "Byron"}
        assert server.send(key, "rename-person", renamed).body["version"] == 9
    assert rename(operator, person_id, "Lovelace").body["version"] == 10


def test_no_password_is_in_a_box(operator: Api) -> None:
    fields = {"login_name": "ada", "password": "correct horse"}
    user_id = operator.send("start-user-registration", fields).body["aggregate_id"]

    assert box(operator, user_id, category="user").status == 200

    content = file_of(user_id).read_text()
    assert ("ada" in content, "password" in content, "correct" in content) == (True, False, False)


def test_the_demo_plays_c_alone(database: None) -> None:
    played = run_manage("demo", "C")

    assert played.returncode == 0, played.stdout + played.stderr
    assert [line.strip() for line in played.stdout.splitlines()] == [
        "C: take an aggregate offline, and back",
        "ok    renamed 7 times, version: 8",
        "ok    boxed: (200, None)",
        "ok    its file: {'event': 8, 'snapshot': 1}",
        "ok    events in the database: 0",
        "ok    snapshots there: 0",
        "ok    a command for it: (410, 'boxed')",
        "ok    its id for somebody new: (410, 'boxed')",
        "ok    its row is still read: Carl Fold 7",
        "ok    boxed again: 200",
        "ok    which says: The person ... is in cold storage already.",
        "ok    unboxed: (200, None)",
        "ok    events that are as before, to the byte: 8",
        "ok    and others: 0",
        "ok    the next command makes version: 9",
        "ok    the name: Carl Unfold",
        "C ok",
    ]
