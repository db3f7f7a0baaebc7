"""`manage.py verify`: what it says, to whom, and with which exit code."""

import io
import json
import re
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from eventstore.models import StoredEvent, StoredStream, Tenant
from tests.eventstore.forgery import forge, verify
from tests.eventstore.support import World, append
from tests.processes import run_manage

CHANGE = "UPDATE eventstore_event SET data = '{}' WHERE stream_id = %(stream)s"


def said(*arguments: str) -> tuple[int, str, str]:
    """Exit code, what was printed, and the error's text."""
    out = io.StringIO()
    try:
        call_command("verify", *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue(), str(error)
    return 0, out.getvalue(), ""


def stream_of(world: World, deposits: int = 2) -> StoredStream:
    account = world.account()
    for _ in range(deposits):
        world.deposit(account)
    return StoredStream.objects.get(tenant=world.actor.tenant_id, aggregate_id=account)


def test_a_clean_store_ends_with_0_and_says_what_was_looked_at(world: World) -> None:
    stream_of(world)

    code, out, _ = said()

    assert code == 0
    assert re.match(r"Verified 2 streams, 4 events, 0 snapshots, 7 projections in \d+\.\d", out)


def test_an_empty_store_is_clean(database: None) -> None:
    assert said()[0] == 0


def test_the_first_bad_place_is_shown_and_the_others_are_counted(world: World) -> None:
    account = stream_of(world)
    forge(CHANGE, stream=account.id)

    code, out, error = said("--without-rows")

    event = StoredEvent.objects.get(stream=account, version=1)
    first, summary = out.splitlines()
    assert code == 4
    assert first.startswith(f"acme {account}, version 1, position {event.position}: Its hash is ")
    assert summary.startswith("Verified 2 streams, 4 events")
    assert error == "3 places are not as appended; --all shows them."


def test_all_shows_each_bad_place(world: World) -> None:
    account = stream_of(world)
    forge(CHANGE, stream=account.id)

    code, out, error = said("--all", "--without-rows")

    assert code == 4
    assert [line.partition(", pos")[0] for line in out.splitlines()[:-1]] == [
        f"acme {account}, version {version}" for version in (1, 2, 3)
    ]
    assert error == "3 places are not as appended."


def test_no_more_than_a_hundred_are_shown_and_all_are_counted(world: World) -> None:
    account = stream_of(world, deposits=120)
    forge(CHANGE, stream=account.id)

    verified = verify()

    assert verified.exit_code == 4
    assert (len(verified.answer["findings"]), verified.answer["finding_count"]) == (100, 121)


def test_programs_get_json(world: World) -> None:
    account = stream_of(world)
    forge(f"{CHANGE} AND version = 2", stream=account.id)

    finished = run_manage("verify", "--json", "--without-rows")

    answer = json.loads(finished.stdout)
    (found,) = answer.pop("findings")
    assert finished.returncode == 4
    assert finished.stderr.strip().endswith("1 place is not as appended.")
    assert (found["tenant"], found["stream"], found["version"]) == ("acme", str(account), 2)
    assert answer.pop("seconds") < 60
    assert answer == {
        "finding_count": 1,
        "differing_rows": 0,
        "orphans": 0,
        "removed": [],
        "looked_at": {"streams": 2, "events": 4, "snapshots": 0},
        "passed_over": {},
        "head": None,
    }


def test_one_tenant_and_one_stream_can_be_verified_alone(world: World, elsewhere: World) -> None:
    account, other, of_otto = stream_of(world), stream_of(world), stream_of(elsewhere)
    forge(CHANGE, stream=account.id)

    assert verify("--tenant", "umbrella").exit_code == 0
    assert verify("--tenant", "acme").places == {(str(account), n) for n in (1, 2, 3)}
    assert verify("--stream", str(account)).places == {(str(account), n) for n in (1, 2, 3)}
    for stream in (other, of_otto):
        alone = verify("--stream", str(stream))
        assert alone.exit_code == 0
        assert alone.answer["looked_at"] == {"streams": 1, "events": 3, "snapshots": 0}


@pytest.mark.parametrize(
    "forgery",
    [
        "DELETE FROM eventstore_event WHERE stream_id = %(stream)s AND version = 3;"
        "UPDATE eventstore_stream AS s SET version = e.version, head_hash = e.hash"
        " FROM eventstore_event AS e WHERE e.stream_id = s.id AND e.version = 2"
        " AND s.id = %(stream)s",
        "UPDATE eventstore_event SET tenant_id = %(tenant)s WHERE stream_id = %(stream)s",
        "INSERT INTO eventstore_snapshot"
        " (stream_id, version, state_schema, state, digest, taken_at)"
        " VALUES (%(stream)s, 9, '', '{}', '', now())",
    ],
    ids=["a neat tail", "another tenant", "a snapshot too far"],
)
def test_what_a_stream_alone_does_not_show_is_seen_in_its_scope_and_not_in_another(
    world: World, elsewhere: World, forgery: str
) -> None:
    account, other = stream_of(world), stream_of(world)
    stray = stream_of(elsewhere)
    forge(*forgery.split(";"), stream=account.id, tenant=elsewhere.actor.tenant_id)

    assert verify("--stream", str(account)).exit_code == 4
    assert verify("--tenant", "acme").exit_code == 4
    assert verify("--stream", str(other)).exit_code == 0
    assert verify("--stream", str(stray)).exit_code == 0


def test_one_streams_end_is_printed_to_be_noted_elsewhere(world: World) -> None:
    account = stream_of(world)
    head = bytes(account.head_hash).hex()

    assert said("--stream", str(account))[1].endswith(f"ends at version 3 with {head}.\n")
    assert verify("--stream", str(account)).answer["head"] == {"version": 3, "hash": head}


def test_a_tenant_that_is_not_active_is_verified(world: World) -> None:
    account = stream_of(world)
    Tenant.objects.update(active=False)

    assert said("--tenant", "acme")[0] == 0
    assert said("--tenant", "acme", "--stream", str(account))[0] == 0


def test_what_is_unknown_ends_with_2(world: World, elsewhere: World) -> None:
    account, opened = stream_of(world), uuid4()
    event = world.application.store.load(world.actor.tenant_id, account.aggregate_id).events[0]
    for each in (world, elsewhere):
        append(each.application.store, each.actor.tenant_id, opened, event)

    assert said("--tenant", "acne")[0] == 2
    assert said("--stream", f"account-{uuid4()}")[0] == 2
    assert said("--stream", "account-1")[0] == 2
    assert said("--stream", str(account), "--tenant", "umbrella")[0] == 2
    code, _, error = said("--stream", f"account-{opened}")
    assert (code, "acme, umbrella" in error) == (2, True)
    assert said("--stream", f"account-{opened}", "--tenant", "acme")[0] == 0
