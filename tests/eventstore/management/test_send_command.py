"""`manage.py send_command`: the API's command without HTTP, with the same parser and answers."""

import io
import json
from uuid import UUID, uuid5

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from eventstore.application import get_application
from eventstore.models import StoredCommand, StoredEvent, Tenant
from eventstore.tenancy import Role
from projections.models import PersonSummary
from tests.eventstore.input.doors import everything_stored, given_a_person_with_an_account
from tests.eventstore.input.hostile import ACCOUNT, GROUPS, HARMLESS
from tests.eventstore.own import own_application
from tests.http import Api, new_id
from tests.processes import run_manage

ADA = '{"first_name": "Ada", "last_name": "King"}'


def said(name: str, data: str, *options: str, user: str = "mary") -> str:
    out = io.StringIO()
    arguments = ("--tenant", "acme", "--user", user, "--data", data, *options)
    call_command("send_command", name, *arguments, stdout=out)
    return out.getvalue()


def failure(name: str, data: str, *options: str, user: str = "mary") -> CommandError:
    with pytest.raises(CommandError) as failed:
        said(name, data, *options, user=user)
    return failed.value


def refused(code: int, *arguments: str, user: str = "mary") -> str:
    error = failure(*arguments, user=user)
    assert error.returncode == code, error
    return str(error)


def amount(text: str) -> str:
    return json.dumps({"aggregate_id": str(ACCOUNT), "amount": text})


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> object:
    def say(body: bytes) -> str:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body)))
        return "-"

    return say


# Done --------------------------------------------------------------------------------------------


def test_a_command_is_done_and_told_in_words(api: Api, tenant: Tenant) -> None:
    command_id = new_id()
    text = said("register-person", ADA, "--command-id", command_id)

    person_id = uuid5(tenant.id, command_id)
    assert text.splitlines() == [
        f"register-person completed, command {command_id}",
        "  person.registered, version 1, position 1",
        f"person {person_id} is at version 1.",
    ]
    assert PersonSummary.objects.get().person_id == person_id
    assert StoredCommand.objects.get().user == "mary"


def test_a_repeated_command_is_told_apart_and_happens_once(api: Api) -> None:
    options = ("--command-id", new_id())
    first = said("register-person", ADA, *options)
    again = said("register-person", ADA, *options)
    assert "done before" in again
    assert "done before" not in first
    assert again.splitlines()[1:] == first.splitlines()[1:]
    assert StoredEvent.objects.count() == 1


@pytest.mark.parametrize("name", ["Žofie 女", "Ada", '"\\ \u2028'])
def test_json_is_the_answer_of_the_api_to_the_byte(api: Api, name: str) -> None:
    given_a_person_with_an_account(api)
    for command, fields in (
        ("register-person", {"first_name": name, "last_name": "King"}),
        ("deposit-money", {"aggregate_id": str(ACCOUNT), "amount": "12.34", "reference": name}),
    ):
        command_id = new_id()
        data = json.dumps(fields)
        text = said(command, data, "--json", "--command-id", command_id)
        answer = api.send(command, fields, idempotency_key=command_id)
        assert answer.headers["Idempotent-Replayed"] == "true"
        assert text.rstrip("\n").encode() == answer.raw


def test_the_correlation_and_the_version_reach_the_log(api: Api) -> None:
    given_a_person_with_an_account(api)
    correlation_id = new_id()
    options = ("--expected-version", "1", "--correlation-id", correlation_id)
    said("deposit-money", amount("5"), *options)
    entry = StoredCommand.objects.get(type="deposit-money")
    assert (entry.expected_version, entry.correlation_id) == (1, UUID(correlation_id))


def test_the_command_id_is_the_correlation_and_made_where_absent(api: Api) -> None:
    said("register-person", ADA)
    entry = StoredCommand.objects.get()
    assert entry.id == entry.correlation_id


def test_what_changes_nothing_is_done_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    given_a_person_with_an_account(api)
    own = own_application()
    monkeypatch.setattr("eventstore.management.commands.send_command.get_application", lambda: own)
    text = said("look-at-account", json.dumps({"aggregate_id": str(ACCOUNT)}))
    assert "Nothing was to be changed." in text


def test_the_data_may_come_from_stdin(api: Api, stdin) -> None:
    assert "completed" in said("register-person", stdin(ADA.encode()))


def test_a_command_without_fields_needs_no_data(api: Api) -> None:
    out = io.StringIO()
    with pytest.raises(CommandError) as failed:
        call_command("send_command", "close-account", tenant="acme", user="mary", stdout=out)
    assert str(failed.value) == "aggregate_id: is required"


# Refused: 1 --------------------------------------------------------------------------------------


def test_a_refusal_is_told_with_its_code_and_told_again(api: Api) -> None:
    given_a_person_with_an_account(api)
    arguments = ("withdraw-money", amount("5.00"), "--command-id", new_id())
    assert "(insufficient_funds)" in (first := refused(1, *arguments))
    said("deposit-money", amount("50.00"))
    again = refused(1, *arguments)
    assert again == f"{first} It was refused before, and this is its first answer."


def test_what_stores_nothing_is_refused_with_its_code(api: Api) -> None:
    given_a_person_with_an_account(api)
    command_id = new_id()
    said("deposit-money", amount("1"), "--command-id", command_id)
    before = everything_stored()
    stale = ("deposit-money", amount("1"), "--expected-version", "7")
    assert "(stale_version)" in refused(1, *stale)
    assert "(command_id_reused)" in refused(
        1, "deposit-money", amount("2"), "--command-id", command_id
    )
    assert everything_stored() == before


def test_the_user_acts_with_the_role_that_they_have(api: Api, tenant: Tenant) -> None:
    audrey = User.objects.create_user("audrey")
    get_application().access.add_member(tenant, audrey, Role.AUDITOR, by="root")
    before = everything_stored()
    assert "(forbidden)" in refused(1, "register-person", ADA, user="audrey")
    assert everything_stored() == before
    get_application().access.add_member(tenant, audrey, Role.MEMBER, by="root")
    assert "completed" in said("register-person", ADA, user="audrey")


# Wrong arguments and data: 2 ---------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("group", GROUPS)
def test_hostile_data_is_refused_and_stores_nothing(api: Api, stdin, group: str) -> None:
    given_a_person_with_an_account(api)
    before = everything_stored()
    command_id = new_id()

    for case in GROUPS[group]:
        text = refused(2, case.command, stdin(case.body), "--command-id", command_id)
        if case.fields:
            named = tuple(sorted(line.partition(": ")[0] for line in text.splitlines()))
            assert named == case.fields, (case.name, text[:500])
        else:
            assert f"({case.code})" in text, case.name
        assert everything_stored() == before, case.name

    for command, sound in {case.command: case.sound for case in GROUPS[group]}.items():
        assert "completed" in said(command, stdin(sound), "--command-id", command_id)
        command_id = new_id()


def test_what_only_looks_hostile_is_taken(api: Api, stdin) -> None:
    given_a_person_with_an_account(api)
    for case in HARMLESS:
        assert "completed" in said(case.command, stdin(case.body)), case.text


def test_a_name_from_outside_cannot_write_to_the_terminal(api: Api) -> None:
    data = json.dumps({"\x1b[2J\nfirst_name: is fine": 1, "first_name": "A", "last_name": "B"})
    text = refused(2, "register-person", data)
    assert text == "'\\x1b[2J\\nfirst_name: is fine': is not a field of this command"


def test_an_unknown_command_is_answered_with_the_known_ones(api: Api) -> None:
    known = ", ".join(sorted(command.name for command in get_application().commands.offered()))
    expected = f"There is no command 'become-rich'. Known: {known}."
    assert refused(2, "become-rich", ADA) == expected


def test_an_unknown_tenant_is_answered_with_the_known_ones(api: Api) -> None:
    assert "Known: acme" in refused(2, "register-person", ADA, "--tenant", "acne")


@pytest.mark.parametrize("user", ["nobody", "otto", "gone", ""])
def test_who_is_no_member_is_told_what_makes_them_one(api: Api, tenant: Tenant, user: str) -> None:
    User.objects.create_user("otto")
    gone = User.objects.create_user("gone", is_active=False)
    get_application().access.add_member(tenant, gone, Role.MEMBER, by="root")
    before = everything_stored()
    text = refused(2, "register-person", ADA, user=user)
    assert f"{user!r} is no active member of tenant acme." in text
    assert "manage.py create_api_key --tenant acme --user" in text
    assert everything_stored() == before


def test_all_wrong_options_are_named_at_once(api: Api) -> None:
    options = ("--command-id", "1", "--expected-version", "-1", "--correlation-id", "{}")
    lines = refused(2, "register-person", ADA, *options).splitlines()
    flags = [line.partition(": ")[0] for line in lines]
    assert flags == ["--command-id", "--expected-version", "--correlation-id"]


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments",
    [
        ("register-person", "--tenant", "acme", "--user", "mary", "--data", '{"a": "\udcff"}'),
        ("register-person", "--tenant", "ac\udcff", "--user", "mary"),
        ("register-person", "--tenant", "acme", "--user", "ma\udcffry"),
        ("\udcff", "--tenant", "acme", "--user", "mary"),
        ("register-person", "--tenant", "acme"),
        ("register-person", "--tenant", "acme", "--user", "mary", "--expected-version", "x"),
    ],
    ids=["data", "tenant", "user", "name", "no user", "version"],
)
def test_wrong_arguments_end_a_process_with_2_and_a_sentence(
    api: Api, arguments: tuple[str, ...]
) -> None:
    ended = run_manage("send_command", *arguments)
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stderr.strip()


def test_a_process_ends_with_0_when_done_and_1_when_refused(api: Api) -> None:
    given_a_person_with_an_account(api)
    who = ("--tenant", "acme", "--user", "mary")
    done = run_manage("send_command", "deposit-money", *who, "--data", amount("5"), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["version"] == 2
    refusal = run_manage("send_command", "withdraw-money", *who, "--data", amount("5.01"))
    assert (refusal.returncode, refusal.stdout) == (1, "")
    assert "(insufficient_funds)" in refusal.stderr
    assert "Traceback" not in refusal.stderr
