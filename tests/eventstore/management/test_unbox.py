"""`manage.py unbox`: one aggregate or many, what it says, and what it refuses."""

import json

import pytest

from eventstore.models import Box, StoredStream
from tests.eventstore.boxes.support import exported, file_of, nothing_changes
from tests.eventstore.management.rebuild_command import Said
from tests.eventstore.management.rebuild_command import said as said_by
from tests.eventstore.support import World

WHY = ("--reason", "it goes on")


def said(*arguments: str) -> Said:
    return said_by(*arguments, command="unbox")


@pytest.fixture
def boxed(world: World) -> str:
    """The id of a person in cold storage."""
    person = str(world.person())
    assert said_by(f"person-{person}", "--reason", "it has ended", command="box").code == 0
    return person


def online() -> set[str]:
    return {str(each) for each in StoredStream.objects.filter(status=StoredStream.Status.ACTIVE)}


def test_an_aggregate_comes_back_as_it_was(world: World) -> None:
    person = world.person()
    before = exported(str(person))
    said_by(f"person-{person}", "--reason", "it has ended", command="box")

    finished = said(f"person-{person}", *WHY)

    assert finished == (0, f"The person {person} is back from cold storage: 1 event.\n", "")
    assert exported(str(person)) == before


def test_one_that_is_online_stays_so_and_the_answer_says_it(world: World) -> None:
    person = world.person()
    assert said(f"person-{person}", *WHY).out == f"The person {person} is not in cold storage.\n"


def test_all_of_a_tenant_come_back_and_the_next_time_there_is_nothing(
    world: World, boxed: str
) -> None:
    account = world.account("5.00")
    said_by("--category", "account", "--reason", "it has ended", command="box")

    first, second = (said("--tenant", "acme", *WHY) for _ in range(2))

    assert first.out.startswith("2 unboxed, 0 refused in ")
    assert {f"account-{account}", f"person-{boxed}"} < online()
    assert second == (0, "Nothing to be unboxed.\n", "")


def test_a_damaged_box_ends_with_4_and_the_others_come_back(world: World, boxed: str) -> None:
    account = world.account()
    said_by(f"account-{account}", "--reason", "it has ended", command="box")
    path = file_of(boxed)
    path.write_bytes(path.read_bytes().replace(b"Alice", b"Malice"))

    finished = said("--tenant", "acme", *WHY)

    assert finished.code == 4
    assert f"acme person-{boxed}: The box {Box.objects.earliest('boxed_at').path}" in finished.out
    assert "1 unboxed, 0 refused, 1 damaged in " in finished.out
    assert "1 boxes cannot be used" in finished.error
    assert f"person-{boxed}" not in online()
    assert f"account-{account}" in online()

    alone = said(f"person-{boxed}", *WHY)
    assert alone.code == 4
    assert alone.error.endswith("(box_damaged)")


def test_a_dry_run_names_what_would_come_back_and_a_file_that_could_not(
    world: World, boxed: str
) -> None:
    account = world.account()
    said_by(f"account-{account}", "--reason", "it has ended", command="box")
    file_of(boxed).unlink()

    with nothing_changes():
        finished = said("--tenant", "acme", "--dry-run")
        plans = json.loads(said("--tenant", "acme", "--dry-run", "--json").out)

    assert finished.code == 0
    assert f"person-{boxed}: 1 events would come back from cold storage; refused" in finished.out
    assert "is not there" in finished.out
    assert finished.lines[-1] == "1 would be unboxed, 1 refused. Nothing was changed."
    assert [each["stream"] for each in plans if not each["forbidden_by"]] == [f"account-{account}"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (WHY, "Name a stream, or say which with --tenant, --category."),
        (("--tenant", "acme"), "--reason TEXT"),
        (("person-1", "--category", "person", *WHY), "do not go together"),
    ],
)
def test_wrong_arguments_end_with_2(world: World, arguments: tuple[str, ...], told: str) -> None:
    finished = said(*arguments)
    assert finished.code == 2
    assert told in finished.error
