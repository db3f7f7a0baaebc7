"""`manage.py remove_tenant`: what it asks for, says, refuses, and finishes."""

import io
import json
import sys
from pathlib import Path
from threading import Thread

import pytest
from django.contrib.auth.models import User
from django.db import connections

from eventstore import fault_points
from eventstore.application import get_application
from eventstore.models import Membership, StoredEvent, Tenant
from eventstore.rebuild_log import RebuildLog
from eventstore.tenancy import Role
from tests.eventstore.boxes.support import below, cold_root, nothing_changes
from tests.eventstore.management.rebuild_command import OWN_NAME, Said
from tests.eventstore.management.rebuild_command import said as said_by
from tests.eventstore.removal_world import tables_with
from tests.eventstore.support import World

WHY = ("--reason", "the contract has ended")
ALL = ("acme", *WHY, "--yes", "--discard-events")


def said(*arguments: str) -> Said:
    return said_by(*arguments, command="remove_tenant")


@pytest.fixture
def boxed(world: World) -> World:
    """All streams are in cold storage."""
    world.person()
    assert said_by("--tenant", "acme", "--reason", "it has ended", command="box").code == 0
    return world


def files_of(world: World) -> list[str]:
    folder = cold_root() / str(world.actor.tenant_id)
    return [path for path in below(folder) if path.endswith(".jsonl")]


# What it does --------------------------------------------------------------------------------


def test_a_tenant_whose_streams_are_boxed_is_removed_and_the_files_stay(boxed: World) -> None:
    finished = said("acme", *WHY, "--yes")

    assert finished.code == 0, finished.error
    first, second = finished.lines
    tenant_id = boxed.actor.tenant_id
    assert first.startswith(f"Tenant acme, {tenant_id}, is removed: ")
    assert first.endswith(f"Certificate: {cold_root()}/removed/{tenant_id}.json")
    assert second.startswith("1 files of boxes stay in ")
    assert not Tenant.objects.exists()
    assert len(files_of(boxed)) == 1
    content = json.loads((cold_root() / "removed" / f"{tenant_id}.json").read_text())
    assert (content["removed_by"], content["reason"]) == (OWN_NAME, "the contract has ended")


def test_the_same_again_with_boxes_removes_their_files(boxed: World) -> None:
    said("acme", *WHY, "--yes")

    finished = said("acme", *WHY, "--with-boxes")

    assert finished.code == 0
    assert "1 files of boxes are removed." in finished.out
    assert files_of(boxed) == []
    assert said("acme", *WHY).code == 0


def test_with_boxes_their_files_go_at_once(boxed: World) -> None:
    finished = said("acme", *WHY, "--yes", "--with-boxes")
    assert finished.lines[1] == "1 files of boxes are removed."
    assert [path for path in below(cold_root()) if "removed" not in path] == []


def test_users_stay_and_those_without_a_tenant_now_are_named(
    world: World, elsewhere: World
) -> None:
    umbrella = Tenant.objects.get(slug="umbrella")
    acme = Tenant.objects.get(slug="acme")
    for name, tenants in (("ada", [acme]), ("bob", [acme, umbrella]), ("cyd", [umbrella])):
        user = User.objects.create_user(name)
        for tenant in tenants:
            Membership.objects.create(tenant=tenant, user=user, role=Role.MEMBER)

    finished = said(*ALL)

    assert finished.lines[-1] == "Users who belong to no tenant now: ada."
    assert User.objects.count() == 3
    assert Membership.objects.count() == 2


def test_programs_get_the_certificate_and_a_copy_of_it_is_written_where_they_say(
    boxed: World, tmp_path: Path
) -> None:
    target = tmp_path / "certificate.json"
    finished = said("acme", *WHY, "--yes", "--json", "--certificate", str(target))
    assert finished.code == 0
    assert json.loads(finished.out) == json.loads(target.read_text())
    assert target.stat().st_mode & 0o777 == 0o600


def test_the_slug_can_be_used_again_and_that_tenant_be_removed_as_well(world: World) -> None:
    said(*ALL)
    again = Tenant.objects.create(slug="acme", name="Acme the second")

    assert said(*ALL).code == 0

    certificates = sorted(path for path in below(cold_root()) if path.endswith(".json"))
    ids = sorted((again.pk, world.actor.tenant_id), key=str)
    assert certificates == [f"removed/{each}.json" for each in ids]


def test_the_files_of_an_earlier_tenant_of_that_slug_are_not_the_last_ones(boxed: World) -> None:
    said("acme", *WHY, "--yes")
    kept = files_of(boxed)
    Tenant.objects.create(slug="acme", name="Acme the second")
    said("acme", *WHY, "--yes", "--with-boxes")

    assert said("acme", *WHY, "--yes", "--with-boxes").code == 0

    assert files_of(boxed) == kept != []


def test_a_tenant_restored_from_a_backup_gets_another_certificate(world: World) -> None:
    said(*ALL)
    Tenant.objects.create(pk=world.actor.tenant_id, slug="acme", name="Acme")

    said(*ALL)

    tenant = world.actor.tenant_id
    assert below(cold_root() / "removed") == [f"{tenant}-2.json", f"{tenant}.json"]


def test_verify_finds_nothing_wrong_afterwards(boxed: World, elsewhere: World) -> None:
    elsewhere.person()
    said("acme", *WHY, "--yes", "--with-boxes")
    assert said_by("--without-rows", command="verify").code == 0


# What it refuses -----------------------------------------------------------------------------


def test_streams_that_are_online_are_not_thrown_away_unasked(world: World) -> None:
    world.person()
    with nothing_changes():
        finished = said("acme", *WHY, "--yes")
    assert finished.code == 1
    assert "1 streams of tenant acme are online" in finished.error
    assert Tenant.objects.get().active


def test_while_rows_are_rebuilt_it_ends_with_3(world: World) -> None:
    log = RebuildLog(get_application().database)
    with log.alone("account_summary"), nothing_changes():
        finished = said(*ALL)
    assert finished.code == 3
    assert "A rebuild, check or copy of rows is already running" in finished.error


def test_of_two_at_once_one_ends_with_3(world: World) -> None:
    world.person()
    second: list[Said] = []

    def try_it_too() -> None:
        second.append(said(*ALL))
        connections.close_all()

    def strike(point: str) -> None:
        if point == "removal.deleted":
            fault_points.arm(None)
            thread = Thread(target=try_it_too)
            thread.start()
            thread.join()

    fault_points.arm(strike)
    first = said(*ALL)

    assert first.code == 0
    assert [each.code for each in second] == [3], second
    assert tables_with(str(world.actor.tenant_id)) == set()


def test_where_no_certificate_can_be_written_nothing_changes(world: World) -> None:
    world.person()
    cold_root().parent.mkdir(parents=True, exist_ok=True)
    cold_root().touch()
    try:
        before = StoredEvent.objects.count()
        finished = said(*ALL)
    finally:
        cold_root().unlink()
    assert finished.code == 1
    assert "Cold storage: cannot write" in finished.error
    assert StoredEvent.objects.count() == before
    assert Tenant.objects.get().active


def test_a_link_in_the_place_of_the_folder_is_not_followed(world: World, tmp_path: Path) -> None:
    cold_root().mkdir(parents=True)
    (cold_root() / "removed").symlink_to(tmp_path)
    finished = said(*ALL)
    assert finished.code == 1
    assert list(tmp_path.iterdir()) == []
    assert Tenant.objects.get().active


WRONG = {
    "an unknown tenant": (("other", *WHY, "--yes"), "There is no tenant 'other'. Known: acme"),
    "an empty reason": (("acme", "--reason", " ", "--yes"), "--reason "),
    "nobody to ask": (("acme", *WHY), "Nobody can be asked here: give --yes."),
    "a file that is there": ((*ALL, "--certificate", __file__), "must be a new file"),
    "no folder": ((*ALL, "--certificate", "/nowhere/at/all"), "must be a new file"),
}


@pytest.mark.parametrize(("arguments", "told"), WRONG.values(), ids=WRONG.keys())
def test_wrong_arguments_end_with_2(
    world: World, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with nothing_changes():
        finished = said(*arguments)
    assert finished.code == 2
    assert told in finished.error


class Typed(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "code"), [("acme\n", 0), ("Acme\n", 2), ("\n", 2)])
def test_on_a_terminal_the_slug_has_to_be_typed(
    boxed: World, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(typed))
    assert said("acme", *WHY).code == code
    assert Tenant.objects.exists() is (code != 0)
