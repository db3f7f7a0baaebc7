"""A random password through every door: its hash stands in the credential, and nothing else.

Each door is tried with what succeeds, what is wrong, what is refused and what is sent again; then
the whole database, all that was logged and all that was answered are searched.
"""

import hashlib
import json
import secrets
from base64 import b64encode
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import pytest
from django.contrib.auth.hashers import check_password
from django.test import Client

from eventstore.models import Membership, StoredCommand, Tenant
from eventstore.tenancy import Role
from ledger.models import Credential
from projections.models import UserSummary
from tests.eventstore.admin.support import staff, submit, text_of
from tests.http import Answer, Api, api_for, new_id
from tests.ledger.traces import (
    everything_logged,
    forms_of,
    opened_sessions,
    traces,
    whole_database,
)
from tests.processes import run_manage

NAME = "start-user-registration"
FORM = f"/admin/eventstore/storedcommand/send/acme/{NAME}/"


@dataclass
class Doors:
    """Everywhere that the password is sent, and all that comes back."""

    password: str
    api: Api
    operator: Client
    answers: dict[str, str] = field(default_factory=dict)

    def fields(self, login_name: str, **others: str) -> dict[str, str]:
        return {"login_name": login_name, "password": self.password, **others}

    def over_http(self, what: str, fields: object, **headers: str) -> Answer:
        answer = self.api.send(NAME, fields, **headers)
        self.answers[f"HTTP: {what}"] = f"{answer.headers} {answer.raw.decode()}"
        return answer

    def by_form(self, what: str, login_name: str, password: str = "") -> int:
        fields = {"field-login_name": login_name, "field-password": password or self.password}
        answer = submit(self.operator, FORM, fields)
        self.answers[f"form: {what}"] = f"{answer.headers} {answer.content.decode()}"
        return answer.status_code

    def by_process(self, what: str, fields: dict[str, str]) -> int:
        who = ("--tenant", "acme", "--user", "olive", "--data", "-")
        ended = run_manage("send_command", NAME, *who, typed=json.dumps(fields))
        self.answers[f"process: {what}"] = ended.stdout + ended.stderr
        return ended.returncode


@pytest.fixture
def doors(tenant: Tenant, application: object) -> Doors:
    operator = staff("olive", tenant, "operator", is_superuser=True)
    api = api_for(tenant, Role.OPERATOR, "olive")
    return Doors(secrets.token_hex(12) + "Zq", api, operator)


@pytest.fixture
def logged() -> Generator[Callable[[], str]]:
    with everything_logged() as written:
        yield written.getvalue


def test_a_password_is_in_its_credential_alone(
    doors: Doors, logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    send_over_http(doors)
    send_by_form(doors)
    send_by_process(doors)
    send_into_a_fault(doors, monkeypatch)
    look_at_everything(doors)

    tables = whole_database()
    places = {
        **{f"table {name}": text for name, text in tables.items()},
        **doors.answers,
        "sessions": opened_sessions(),
        "log": logged(),
    }
    assert traces(doors.password, places) == []
    check_hashes(doors.password, places)
    check_that_all_was_searched(doors, places)


def send_over_http(doors: Doors) -> None:
    key, user_id = new_id(), new_id()
    started = doors.fields("Alice", aggregate_id=user_id)
    assert doors.over_http("done", started, Idempotency_Key=key).status == 201
    again = doors.over_http("again", started, Idempotency_Key=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = doors.fields("Bob", aggregate_id=user_id)
    doors.over_http("reused", other, Idempotency_Key=key).refused(422, "command_id_reused")
    refused = new_id()
    for what in ("refused", "refused again"):
        answer = doors.over_http(what, other, Idempotency_Key=refused)
        answer.refused(409, "already_exists")
    assert doors.over_http("login taken", doors.fields("ALICE")).status == 201
    wrong = doors.fields("", nickname=doors.password)
    doors.over_http("wrong", wrong).refused(400, "validation_failed")
    long = {"login_name": "Bob", "password": doors.password * 9}
    doors.over_http("too long", long).refused(400, "validation_failed")
    doors.over_http("a list", [doors.password]).refused(400, "malformed_json")


def send_by_form(doors: Doors) -> None:
    assert doors.by_form("wrong", "") == 400
    assert doors.by_form("too long", "Carl", doors.password * 9) == 400
    assert doors.by_form("done", "Carl") == 200
    assert doors.by_form("login taken", "carl") == 200


def send_by_process(doors: Doors) -> None:
    assert doors.by_process("done", doors.fields("Dora")) == 0
    assert doors.by_process("wrong", doors.fields("")) == 2


def send_into_a_fault(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody has foreseen is logged with where it happened."""

    def fail(password: str) -> str:
        raise RuntimeError("no entropy")

    monkeypatch.setattr("ledger.users.handlers.make_password", fail)
    assert doors.over_http("a fault", doors.fields("Emma")).status == 500


def look_at_everything(doors: Doors) -> None:
    """What an operator sees of it afterwards."""
    for command in StoredCommand.objects.all():
        addresses = (f"/admin/eventstore/storedcommand/{command.number}/", "/admin/")
        for address in addresses:
            doors.answers[address] = text_of(doors.operator, address)
        path = f"/api/commands/{command.id}"
        doors.answers[path] = doors.api.get(path).raw.decode()
    for user in UserSummary.objects.all():
        for path in (
            f"/api/streams/user/{user.user_id}",
            f"/api/streams/user/{user.user_id}/state",
        ):
            doors.answers[path] = doors.api.get(path).raw.decode()
    for path in ("/api/feed", "/api/users", "/api/commands"):
        answer = doors.api.get(path)
        assert answer.status == 200
        doors.answers[path] = answer.raw.decode()


def check_hashes(password: str, places: dict[str, str]) -> None:
    """Each verifies; neither it nor its last part, the digest itself, stands anywhere else."""
    hashes = list(Credential.objects.values_list("password_hash", flat=True))
    assert len(hashes) == 3
    for password_hash in hashes:
        assert check_password(password, password_hash)
        for part in (password_hash, password_hash.rpartition("$")[2]):
            assert [place for place, text in places.items() if part in text] == [
                "table ledger_credential"
            ]


def check_that_all_was_searched(doors: Doors, places: dict[str, str]) -> None:
    """What is beside the password was found: the search can find something."""
    for place in ("event", "command", "reservation"):
        assert "carl" in places[f"table eventstore_{place}"].lower()
    assert "Dora" in places["table user_summary"]
    assert '"message": "command"' in places["log"]
    assert "no entropy" in places["log"]
    assert sorted(UserSummary.objects.values_list("login_name", "status")) == [
        ("ALICE", "failed"),
        ("Alice", "succeeded"),
        ("Carl", "succeeded"),
        ("Dora", "succeeded"),
        ("carl", "failed"),
    ]
    assert "_auth_user_id" in places["sessions"]
    assert Membership.objects.exists()


@pytest.mark.parametrize("form", list(forms_of("x" * 8)))
def test_every_form_of_a_password_would_be_found(form: str) -> None:
    password = "Correct8Horse"
    text = f"before {forms_of(password)[form].upper()} after"

    assert f"{form} in somewhere" in traces(password, {"somewhere": text})


def test_the_forms_are_what_they_are_called() -> None:
    forms, password = forms_of("Correct8Horse"), b"Correct8Horse"
    assert forms["plain"] == "correct8horse"
    assert forms["sha256 in hex"] == hashlib.sha256(password).hexdigest()
    assert forms["md5 in base64"] == (
        b64encode(hashlib.md5(password).digest()).decode().rstrip("=").lower()
    )
