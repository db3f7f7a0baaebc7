"""`manage.py send_command --at` and `run_due_commands`: commands for later, without HTTP."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from eventstore.models import StoredCommand, StoredEvent, Tenant
from tests.http import Api, new_id
from tests.processes import run_manage

ADA = '{"first_name": "Ada", "last_name": "King"}'
LATER, MUCH_LATER, PAST = "2999-01-01T00:00Z", "2999-12-31T00:00Z", "1999-01-01T00:00+01:00"


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def sent(*options: str, name: str = "register-person", data: str = ADA) -> str:
    who = ("--tenant", "acme", "--user", "mary", "--data", data)
    return said("send_command", name, *who, *options)


def wrong(*arguments: str) -> str:
    with pytest.raises(CommandError) as failed:
        said(*arguments)
    assert failed.value.returncode == 2
    return str(failed.value)


def test_a_command_for_later_is_told_with_its_time(api: Api, tenant: Tenant) -> None:
    command_id = new_id()
    options = ("--at", "2999-01-01T01:30+01:30", "--command-id", command_id)
    first, again = sent(*options), sent(*options)

    line = f"register-person scheduled, command {command_id}"
    assert first == f"{line}\nIt is due at 2999-01-01T00:00:00.000000Z.\n"
    assert again == f"{line}: it was sent before\nIt is due at 2999-01-01T00:00:00.000000Z.\n"
    assert StoredCommand.objects.get().status == "scheduled"
    assert StoredEvent.objects.count() == 0


@pytest.mark.long
def test_its_json_is_what_the_api_answers(api: Api, tenant: Tenant) -> None:
    command_id = new_id()
    fields = {**json.loads(ADA)}
    over_http = api.send(f"register-person?at={LATER}", fields, idempotency_key=command_id)
    told = sent("--at", LATER, "--command-id", command_id, "--json")
    assert told.encode() == over_http.raw + b"\n"
    assert "due_at" not in json.loads(sent("--json"))


def test_a_time_that_is_none_is_told_with_all_other_errors(api: Api, tenant: Tenant) -> None:
    arguments = ("--tenant", "acme", "--user", "mary", "--data", ADA)
    told = wrong(
        "send_command", "register-person", *arguments, "--at", "2999-01-01", "--command-id", "1"
    )
    assert "--at: must be an ISO 8601 time with its offset" in told
    assert "--command-id: must be a UUID" in told


def test_a_command_with_a_secret_is_refused_for_later(api: Api, tenant: Tenant) -> None:
    data = '{"login_name": "ada", "password": "correct horse"}'
    with pytest.raises(CommandError, match="not_schedulable") as failed:
        sent("--at", LATER, name="start-user-registration", data=data)
    assert failed.value.returncode == 1
    assert StoredCommand.objects.count() == 0


def test_what_is_due_is_done_and_what_is_left_is_told(api: Api, tenant: Tenant) -> None:
    sent("--at", PAST)
    sent("--at", LATER)
    stale = {"first_name": "Ada", "last_name": "King", "aggregate_id": api.registered_person()}
    api.send(f"rename-person?at={LATER}", stale, if_match='"7"')

    first = run_manage("run_due_commands")

    assert (first.returncode, first.stdout) == (0, "Tried: 1\nFor later: 2\n"), first.stderr
    assert said("run_due_commands") == "Tried: 0\nFor later: 2\n"
    assert said("run_due_commands", "--now", LATER) == "Tried: 2\n"
    by_status = StoredCommand.objects.exclude(due_at=None).order_by("due_at", "number")
    statuses = list(by_status.values_list("status", flat=True))
    assert statuses == ["completed", "completed", "refused"]


def test_another_now_is_no_other_clock(api: Api, tenant: Tenant) -> None:
    """What is done early says when it really was done."""
    sent("--at", LATER)
    sent("--at", MUCH_LATER)
    told = said("run_due_commands", "--now", LATER, "--json")
    assert json.loads(told) == {"tried": 1, "due": 0, "later": 1, "set_aside": 0}
    event = StoredEvent.objects.get()
    assert event.recorded_at.year < 2999


def test_a_command_that_waits_for_its_next_attempt_is_told_as_due(
    api: Api, tenant: Tenant
) -> None:
    sent("--at", PAST)
    StoredCommand.objects.update(lease_until=LATER, attempts=1)
    told = said("run_due_commands")
    assert told == "Tried: 0\nDue, and waiting for a lease or the next attempt: 1\n"


@pytest.mark.parametrize("text", ["now", "2999-01-01", "2999-01-01T00:00", "", "\udcff"])
def test_a_now_that_is_no_time_ends_with_2(database: None, text: str) -> None:
    assert "must be an ISO 8601 time with its offset" in wrong("run_due_commands", "--now", text)


def test_a_now_that_is_no_time_ends_the_process_with_2(database: None) -> None:
    ended = run_manage("run_due_commands", "--now", "tomorrow")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--now 'tomorrow' must be an ISO 8601 time" in ended.stderr
    assert "Traceback" not in ended.stderr
