"""A folder of cold storage belongs to one database, and says to which."""

import shutil
from pathlib import Path
from uuid import uuid4

import pytest

from eventstore.application import get_application
from eventstore.cold_ownership import Ownership
from eventstore.cold_storage import OWNER
from eventstore.errors import ColdStorageFailed
from eventstore.models import Tenant
from eventstore.removal import Removal, Wish
from tests.eventstore.boxes.support import below, box, cold_root, file_of, renamed_person, unbox
from tests.http import Api

ELSEWHERE = "7000000000000000001/16384\n"


def test_another_databases_folder_is_written_to_only_when_somebody_says_so(operator: Api) -> None:
    person, other = renamed_person(operator, 1), renamed_person(operator, 1)
    box(operator, person)
    ours = (cold_root() / OWNER).read_text()
    (cold_root() / OWNER).write_text(ELSEWHERE)
    before = below(cold_root())

    told = box(operator, other).refused(503, "busy").body["detail"]

    assert f"write {ours.strip()} into the file `{OWNER}` there" in told
    assert below(cold_root()) == before
    # Reading is no harm, and verified.
    assert unbox(operator, person).status == 200
    (cold_root() / OWNER).write_text(ours)
    assert box(operator, other).status == 200


def test_from_another_databases_folder_nothing_is_removed(operator: Api) -> None:
    """As where a copy of the database, restored elsewhere, finds files that it does not know."""
    person = renamed_person(operator, 1)
    box(operator, person)
    unknown = file_of(person).with_name("0a1b2c3d-0000-4000-8000-000000000000.jsonl")
    unknown.write_bytes(file_of(person).read_bytes())
    unbox(operator, person)
    ours = (cold_root() / OWNER).read_text()
    orphans = get_application().orphans
    path = str(unknown.relative_to(cold_root()))

    (cold_root() / OWNER).write_text(ELSEWHERE)
    left = orphans.remove(path)
    (cold_root() / OWNER).write_text(ours)
    removed = orphans.remove(path)

    assert left is not None
    assert removed is not None
    assert (left.is_needless, removed.is_needless) == (False, True)
    assert "not this database's" in left.problem
    assert not unknown.exists()


def test_where_boxes_should_lie_and_nothing_does_no_other_is_begun(operator: Api) -> None:
    """A volume that is not mounted: what is written there would be hidden once it is."""
    person, other = renamed_person(operator, 1), renamed_person(operator, 1)
    box(operator, person)
    (cold_root() / OWNER).unlink()

    told = box(operator, other).refused(503, "busy").body["detail"]

    assert "does not: mount it" in told


def test_no_tenant_is_removed_with_another_databases_folder(operator: Api, tenant: Tenant) -> None:
    """There its certificate would be lost, and files of boxes may be the other's only ones."""
    box(operator, renamed_person(operator, 1))
    (cold_root() / OWNER).write_text(ELSEWHERE)
    before = below(cold_root())
    wish = Wish(user="olga", reason="it has ended", discard_events=True, with_boxes=True)

    application = get_application()
    removal = Removal(application.database, application.cold_storage)

    with pytest.raises(ColdStorageFailed, match="not this database's"):
        removal.remove(tenant, wish)

    assert below(cold_root()) == before
    assert Tenant.objects.get().active


def test_a_volume_that_is_not_mounted_is_no_damage_and_the_same_unbox_goes_well_later(
    operator: Api, tmp_path: Path
) -> None:
    """The mount point is there, and empty."""
    person = renamed_person(operator, 1)
    box(operator, person)
    command = {"Idempotency_Key": str(uuid4())}
    shutil.move(cold_root(), tmp_path / "volume")
    cold_root().mkdir()

    unbox(operator, person, **command).refused(503, "busy")

    cold_root().rmdir()
    shutil.move(tmp_path / "volume", cold_root())
    assert unbox(operator, person, **command).status == 200


def test_of_two_databases_that_begin_a_folder_at_once_one_is_refused(
    operator: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have found no owner; the other one's name was there first."""
    looks, look = iter([None]), Ownership._owner
    monkeypatch.setattr(Ownership, "_owner", lambda self: next(looks, look(self)))
    cold_root().mkdir(parents=True, exist_ok=True)
    (cold_root() / OWNER).write_text(ELSEWHERE)
    person = renamed_person(operator, 1)

    box(operator, person).refused(503, "busy")

    assert below(cold_root()) == []


def test_a_name_that_was_not_finished_is_no_orphan(operator: Api) -> None:
    box(operator, renamed_person(operator, 1))
    (cold_root() / f"{OWNER}.{uuid4()}.part").touch()
    assert list(get_application().orphans.all()) == []
