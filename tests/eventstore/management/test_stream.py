"""`manage.py stream show / state`: what an operator of the machine sees of one stream."""

import json
from uuid import UUID, uuid4

import pytest

from eventstore.application import Application
from eventstore.management.event_lines import as_json, as_line
from eventstore.models import StoredStream, Tenant
from ledger.accounts.events import AccountOpened
from tests.eventstore.forgery import forge
from tests.eventstore.management.stream_command import (
    event_of,
    lines,
    refused,
    said,
    told,
    versions,
)
from tests.eventstore.support import World, append
from tests.processes import run_manage, start_manage

# show --------------------------------------------------------------------------------------------


def test_show_tells_each_event_in_a_line(account: str) -> None:
    shown = lines("show", account)

    assert len(shown) == 5
    event = event_of(account, 2)
    assert shown[1] == (
        f"version 2  position {event.position}  {event.recorded_at:%Y-%m-%dT%H:%M:%S.%fZ}  "
        f"account.money_deposited v2  mary  {event.data}"
    )
    assert '"amount":"1.00"' in event.data


def test_show_as_json_has_the_stored_data_itself(account: str, tenant: Tenant) -> None:
    event = event_of(account, 2)
    (line,) = lines("show", account, "--json", "--from-version", "2", "--to-version", "2")

    assert line.endswith(f',"data":{event.data}}}')
    shown = json.loads(line)
    assert shown.pop("data")["reference"] == "Žofie"
    assert shown.pop("correlation_id") == shown.pop("causation_id")
    assert shown == {
        "tenant": "acme",
        "category": "account",
        "aggregate_id": account[-36:],
        "version": 2,
        "position": event.position,
        "type": "account.money_deposited",
        "schema_version": 2,
        "recorded_at": f"{event.recorded_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "user": "mary",
        "hash": bytes(event.hash).hex(),
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [1, 2, 3, 4, 5]),
        (["--backward"], [5, 4, 3, 2, 1]),
        (["--from-version", "3"], [3, 4, 5]),
        (["--from-version", "2", "--to-version", "4", "--backward"], [4, 3, 2]),
        (["--limit", "2"], [1, 2]),
        (["--backward", "--limit", "2"], [5, 4]),
        (["--from-version", "6"], []),
        (["--to-version", "99"], [1, 2, 3, 4, 5]),
        (["--at", "1999-12-31T23:59Z"], []),
        (["--at", "2999-12-31T23:59+01:00"], [1, 2, 3, 4, 5]),
    ],
)
def test_show_takes_a_part_of_the_stream(
    account: str, options: list[str], expected: list[int]
) -> None:
    assert versions("show", account, *options) == expected


def test_show_as_of_a_time_ends_before_what_came_later(account: str) -> None:
    at = event_of(account, 3).recorded_at.isoformat()

    assert versions("show", account, "--at", at) == [1, 2, 3]
    assert versions("show", account, "--at", at, "--to-version", "2") == [1, 2]


def test_show_goes_through_pages(account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventstore.management.streams.PAGE_SIZE", 2)

    assert versions("show", account) == [1, 2, 3, 4, 5]
    assert versions("show", account, "--backward") == [5, 4, 3, 2, 1]


def test_a_line_keeps_what_is_stored_and_steers_no_terminal(account: str) -> None:
    """Unknown types and other people's metadata too."""
    event = event_of(account, 1)
    event.type, event.metadata = "ghost.\x1b[2J\x9b", "[]"
    event.data = '{"b": 1.10,\n "huge": 123456789012345678901234567890.0100, "b": "\\u0000"}'

    assert "ghost.\\u001b[2J\\u009b v1  (unreadable metadata)  {" in as_line(event)
    assert as_line(event).endswith(event.data.replace("\n", " "))
    assert as_line(event).isprintable()
    assert as_json(event).endswith(f',"data":{event.data.replace(chr(10), " ")}}}')
    assert json.loads(as_json(event))["user"] is None


@pytest.mark.long
def test_a_reader_that_goes_away_ends_it_quietly(application: Application, tenant: Tenant) -> None:
    """More than a pipe holds, so that it is written to after the reader has gone."""
    account_id = uuid4()
    opened = [AccountOpened(owner_id=uuid4(), code="x" * 50)] * 3_000
    append(application.store, tenant.id, account_id, *opened)
    process = start_manage("stream", "show", f"account-{account_id}")
    assert process.stdout is not None
    assert process.stderr is not None
    first = process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()

    assert first.startswith("version 1  ")
    assert (err, process.wait(30)) == ("", 0)


# state -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "balance"), [(None, "10.00"), ("5", "10.00"), ("2", "1.00"), ("0", "0.00")]
)
def test_state_tells_what_an_aggregate_was(
    account: str, version: str | None, balance: str
) -> None:
    options = ("--version", version) if version else ()
    head, _, body = said("state", account, *options).partition("\n")

    assert head == f"{account} at version {version or 5} of 5"
    assert json.loads(body)["balance"] == balance
    assert '\n  "balance"' in body
    assert told("state", account, *options) == [
        {
            "tenant": "acme",
            "stream": account,
            "version": int(version or 5),
            "state": {"balance": balance, "is_closed": False},
        }
    ]


def test_state_as_of_a_time_before_the_first_event_is_version_0(account: str) -> None:
    assert said("state", account, "--at", "1999-12-31T23:59Z").startswith(
        f"{account} at version 0 of 5\n"
    )
    at = event_of(account, 4).recorded_at.isoformat()
    assert told("state", account, "--at", at)[0]["version"] == 4


def test_state_at_a_version_that_is_not_there_says_which_are(account: str) -> None:
    assert "has no version 6. Choose one from 0" in refused(2, "state", account, "--version", "6")


def test_state_where_an_event_is_unknown_says_from_where_on(account: str) -> None:
    forge("UPDATE eventstore_event SET type = 'ghost.vanished' WHERE version = 3")

    said_so = refused(1, "state", account)
    assert said_so.startswith(f"From version 3 on, {account} has no state.")
    assert "ghost.vanished" in said_so
    assert told("state", account, "--version", "2")[0]["state"]["balance"] == "1.00"
    assert "ghost.vanished v2  mary  {" in said("show", account)


# Finding the stream ------------------------------------------------------------------------------


def test_a_stream_that_several_tenants_have_needs_the_tenant(
    world: World, application: Application, other_tenant: Tenant
) -> None:
    account_id = world.account("1.00")
    opened = AccountOpened(owner_id=uuid4(), code="theirs")
    append(application.store, other_tenant.id, account_id, opened)
    stream = f"account-{account_id}"

    for action in ("show", "state", "tail"):
        text = refused(2, action, stream)
        assert "acme, umbrella. Say which with --tenant SLUG" in text
    assert '"code":"theirs"' in said("show", stream, "--tenant", "umbrella")
    assert len(lines("show", stream, "--tenant", "acme")) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "account"], "'account' is no stream's name. Write category and id, such as"),
        (["show", str(UUID(int=1))], "is no stream's name"),
        (["show", f"account_{UUID(int=1)}"], "is no stream's name"),
        (["tail", f"account-{UUID(int=1)}x"], "is no stream's name"),
        (["show", f"account-{UUID(int=1)}"], "No tenant has a stream account-"),
        (["show", f"account-{UUID(int=1)}", "--tenant", "acme"], "Tenant acme has no stream acc"),
        (["show", f"account-{UUID(int=1)}", "--tenant", "acm"], "no tenant 'acm'. Known: acme"),
        (["tail", "--tenant", "acm"], "There is no tenant 'acm'. Known: acme"),
        (["tail", "--tenant", "\udcff"], "is not UTF-8"),
        (["show", "account-\udcff"], "is not UTF-8"),
        (["show", "x", "--limit", "0", "--at", "noon"], "--limit must be a number from 1 to"),
        (["show", "x", "--limit", "0", "--at", "noon"], "--at must be an ISO 8601 time with"),
        (["show", "x", "--from-version", "one"], "--from-version must be a number from 1 to"),
        (["state", "x", "--version", "-"], "--version must be a number from 0 to"),
        (["tail", "--lines", "9" * 30], "--lines must be a number from 0 to"),
    ],
)
def test_wrong_input_ends_with_2_and_says_what_to_do(
    tenant: Tenant, arguments: list[str], sentence: str
) -> None:
    assert sentence in refused(2, *arguments)


def test_a_stream_in_cold_storage_says_so(account: str) -> None:
    StoredStream.objects.filter(category="account").update(status="boxed")
    for action in ("show", "state", "tail"):
        text = refused(1, action, account)
        assert f"{account} is in cold storage: its 5 events lie in a box." in text
        assert f"`manage.py unbox {account} --tenant acme --reason TEXT`" in text


@pytest.mark.long
def test_wrong_arguments_end_with_2_as_a_process(tenant: Tenant) -> None:
    for arguments in ((), ("look",), ("show",), ("state", "x", "--version", "1", "--at", "x")):
        ended = run_manage("stream", *arguments)
        assert ended.returncode == 2, ended
        assert "usage: manage.py stream" in ended.stderr
