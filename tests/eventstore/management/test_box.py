"""`manage.py box`: one aggregate or many, what it says, and what it refuses."""

import io
import json
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from eventstore import fault_points
from eventstore.management import box_choice
from eventstore.models import Box, StoredCommand, StoredStream, Tenant
from ledger.persons.commands import RegisterPerson, RenamePerson
from tests.eventstore.boxes.support import below, cold_root, nothing_changes
from tests.eventstore.management.rebuild_command import OWN_NAME, Said
from tests.eventstore.management.rebuild_command import said as said_by
from tests.eventstore.support import World
from tests.processes import start_manage

WHY = ("--reason", "it has ended")


def said(*arguments: str) -> Said:
    return said_by(*arguments, command="box")


def boxed() -> set[str]:
    streams = StoredStream.objects.filter(status=StoredStream.Status.BOXED)
    return {str(stream) for stream in streams}


# One -----------------------------------------------------------------------------------------


def test_an_aggregate_is_boxed_by_a_logged_command_of_the_machines_user(world: World) -> None:
    person = world.person()

    finished = said(f"person-{person}", *WHY)

    box = Box.objects.get()
    assert finished == (
        0,
        f"The person {person} is in cold storage: 1 event in {box.path}.\n",
        "",
    )
    command = StoredCommand.objects.get(type="box-aggregate")
    assert (command.user, command.status) == (OWN_NAME, "completed")
    assert (box.boxed_by, box.reason) == (OWN_NAME, "it has ended")
    assert below(cold_root())[-1] == box.path


def test_one_that_is_boxed_stays_so_and_the_answer_says_it(world: World) -> None:
    person = world.person()
    said(f"person-{person}", *WHY)

    finished = said(f"person-{person}", *WHY)

    assert finished == (0, f"The person {person} is in cold storage already.\n", "")
    assert Box.objects.count() == 1


def test_one_with_pending_work_is_refused_with_what_it_is(world: World) -> None:
    person = later(world)

    finished = said(f"person-{person}", *WHY)

    assert (finished.code, finished.out) == (1, "")
    assert "command rename-person is scheduled" in finished.error
    assert finished.error.endswith("(pending_work)")
    assert boxed() == set()


def test_of_two_tenants_with_one_id_only_the_named_one_is_boxed(
    world: World, elsewhere: World
) -> None:
    person = world.person()
    elsewhere.send(RegisterPerson(aggregate_id=person, first_name="Otto", last_name="U"))

    both = said(f"person-{person}", *WHY)
    assert both.code == 2
    assert "acme, umbrella. Say which with --tenant" in both.error

    assert said(f"person-{person}", "--tenant", "umbrella", *WHY).code == 0
    assert Box.objects.get().tenant.slug == "umbrella"


def later(world: World) -> object:
    """A person whose name is to be changed one day."""
    person = world.person()
    world.application.scheduling.schedule(
        RenamePerson(aggregate_id=person, first_name="Ada", last_name="Later"),
        actor=world.actor,
        command_id=uuid4(),
        at=datetime.now(UTC) + timedelta(days=300),
    )
    return person


# Many ----------------------------------------------------------------------------------------


def test_all_of_a_tenant_and_a_category_are_boxed_page_by_page(
    world: World, elsewhere: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(box_choice, "PAGE_SIZE", 2)
    persons, account = {f"person-{world.person()}" for _ in range(5)}, world.account()
    elsewhere.person()

    finished = said("--tenant", "acme", "--category", "person", *WHY)

    assert finished.code == 0
    assert finished.out.startswith("6 boxed, 0 refused in ")
    assert persons < boxed()
    assert f"account-{account}" not in boxed()
    assert {box.tenant.slug for box in Box.objects.all()} == {"acme"}


def test_those_that_are_refused_are_named_and_the_others_done_and_again_only_the_rest(
    world: World,
) -> None:
    waiting, idle = later(world), world.person()

    first, second = (said("--category", "person", *WHY) for _ in range(2))

    assert boxed() == {f"person-{idle}"}
    assert first.code == 1
    assert first.lines[0].startswith(f"acme person-{waiting}: The person {waiting} still has")
    assert first.lines[1].startswith("1 boxed, 1 refused in ")
    assert first.error == "1 were refused. Run it again for them later."
    assert second.lines[1].startswith("0 boxed, 1 refused in ")


def test_idle_since_a_time_takes_those_whose_last_event_is_older(world: World) -> None:
    idle, renamed = world.account(), world.account()
    time.sleep(0.002)  # So that a time lies between, to the microsecond.
    moment = datetime.now(UTC).isoformat()
    world.deposit(renamed)

    finished = said("--category", "account", "--idle-since", moment, *WHY)

    assert finished.code == 0
    assert boxed() == {f"account-{idle}"}


def test_nothing_to_do_is_no_error_and_is_said(world: World) -> None:
    assert said("--tenant", "acme", *WHY) == (0, "Nothing to be boxed.\n", "")
    assert said("--tenant", "acme", "--dry-run") == (0, "Nothing to be boxed.\n", "")


def test_programs_get_json_of_what_was_done_and_refused(world: World) -> None:
    waiting = later(world)
    world.person()

    answer = json.loads(said("--tenant", "acme", *WHY, "--json").out)

    assert answer.pop("seconds") > 0
    (refusal,) = answer.pop("refusals")
    assert (refusal["stream"], refusal["code"]) == (f"person-{waiting}", "pending_work")
    assert answer == {
        "boxed": 1,
        "refused": 1,
        "damaged": 0,
        "stopped": None,
        "interrupted": False,
        "exit_code": 1,
    }


def test_where_no_file_can_be_written_it_stops_at_the_first(world: World) -> None:
    world.person()
    world.person()
    cold_root().parent.mkdir(parents=True, exist_ok=True)
    cold_root().touch()
    try:
        finished = said("--tenant", "acme", *WHY)
    finally:
        cold_root().unlink()

    assert finished.code == 1
    assert "Cold storage: cannot write" in finished.error
    assert finished.out.startswith("0 boxed, 0 refused")


# A dry run -----------------------------------------------------------------------------------


def test_a_dry_run_lists_exactly_what_would_be_done_and_changes_nothing(world: World) -> None:
    waiting = later(world)
    account = world.account("5.00")

    with nothing_changes():
        finished = said("--tenant", "acme", "--dry-run")
        plans = json.loads(said("--tenant", "acme", "--dry-run", "--json").out)

    owner = next(each["stream"] for each in plans if each["stream"] != f"person-{waiting}")
    assert [each["stream"] for each in plans] == [
        f"person-{waiting}",
        owner,
        f"account-{account}",
    ]
    assert "; refused now: command rename-person is scheduled" in finished.lines[0]
    assert f"acme account-{account}: 2 events would go into cold storage" in finished.lines[2]
    assert finished.lines[3] == "2 would be boxed, 1 refused. Nothing was changed."

    assert said("--tenant", "acme", *WHY).code == 1
    assert boxed() == {each["stream"] for each in plans if not each["forbidden_by"]}


# Arguments -----------------------------------------------------------------------------------

WRONG = {
    "neither a stream nor which": ((*WHY,), "Name a stream, or say which with --tenant"),
    "a stream and a category": (
        ("person-1", "--category", "person", *WHY),
        "STREAM and --category do not go together",
    ),
    "a stream and a time": (
        ("person-1", "--idle-since", "2020-01-01T00:00Z", *WHY),
        "STREAM and --idle-since do not go together",
    ),
    "no stream's name": (("person", *WHY), "is no stream's name"),
    "no reason": (("--tenant", "acme"), "--reason TEXT says why"),
    "an empty reason": (("--tenant", "acme", "--reason", " "), "--reason "),
    "an unknown tenant": (("--tenant", "other", *WHY), "There is no tenant 'other'. Known: acme"),
    "an unknown category": (
        ("--category", "persons", *WHY),
        "There is no category 'persons'. Known: account, person, transfer, user.",
    ),
    "a category with a NUL": (("--category", "person\0", *WHY), "There is no category"),
    "a time without a zone": (
        ("--idle-since", "2020-01-01T00:00", *WHY),
        "--idle-since must be an ISO 8601 time with its offset",
    ),
    "a time that is to come": (
        ("--idle-since", "2999-01-01T00:00Z", *WHY),
        "lies in the future",
    ),
}


@pytest.mark.parametrize(("arguments", "told"), WRONG.values(), ids=WRONG.keys())
def test_wrong_arguments_end_with_2_and_change_nothing(
    world: World, arguments: tuple[str, ...], told: str
) -> None:
    world.person()
    finished = said(*arguments)
    assert (finished.code, finished.out) == (2, "")
    assert told in finished.error
    assert boxed() == set()


def test_an_unknown_stream_ends_with_2(tenant: Tenant, world: World) -> None:
    assert said(f"person-{uuid4()}", *WHY).code == 2


# The terminal --------------------------------------------------------------------------------


def test_ctrl_c_ends_between_two(world: World) -> None:
    before = signal.getsignal(signal.SIGINT)
    for _ in range(3):
        world.person()
    fault_points.arm(lambda point: point == "box.kept" and signal.raise_signal(signal.SIGINT))
    try:
        finished = said("--tenant", "acme", *WHY)
    finally:
        fault_points.arm(None)

    assert finished.code == 130
    assert finished.error == "Interrupted between two aggregates. Run it again for the rest."
    assert len(boxed()) == 1
    assert said("--tenant", "acme", *WHY).out.startswith("2 boxed")
    assert signal.getsignal(signal.SIGINT) is before


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "pipe"])
def test_a_bar_is_drawn_on_a_terminal_only(
    world: World, monkeypatch: pytest.MonkeyPatch, stream: io.StringIO
) -> None:
    world.person()
    monkeypatch.setattr(sys, "stderr", stream)
    said("--tenant", "acme", *WHY)
    assert ("1/1 aggregates" in stream.getvalue()) is stream.isatty()


def test_as_a_process_it_says_what_it_did_and_ends_with_0(world: World) -> None:
    world.person()
    process = start_manage(
        "box", "--tenant", "acme", *WHY, environment={"COLD_STORAGE_ROOT": str(cold_root())}
    )
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("1 boxed, 0 refused in ")
