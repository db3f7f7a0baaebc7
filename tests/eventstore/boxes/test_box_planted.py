"""Somebody has put something into cold storage: nothing of his is touched, nothing outside."""

import os
from pathlib import Path
from uuid import uuid4

import pytest

from eventstore import boxing
from eventstore.application import get_application
from eventstore.models import Tenant
from tests.eventstore.boxes.failing_storage import BOX_ID, doing_at, fails, guessed
from tests.eventstore.boxes.support import (
    below,
    box,
    cold_root,
    file_of,
    let_all_read,
    renamed_person,
)
from tests.http import Api


@pytest.fixture
def person(operator: Api) -> str:
    person = renamed_person(operator, 3)
    let_all_read()
    return person


@pytest.fixture
def outside(tmp_path: Path, person: str) -> Path:
    """A folder beside cold storage, with what a careless cleaner would remove from it."""
    (tmp_path / person).mkdir()
    (tmp_path / "old.jsonl.part").write_text("keep this")
    (tmp_path / person / "old.jsonl.part").write_text("keep this")
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_a_link_in_the_place_of_the_tenants_folder(
    operator: Api, person: str, tenant: Tenant, outside: Path
) -> None:
    before = below(outside)
    cold_root().mkdir()
    (cold_root() / str(tenant.id)).symlink_to(outside)

    fails(operator, person, "symbolic link")
    (outside / person / "old.jsonl.part").unlink()
    fails(operator, person, "symbolic link")

    assert below(outside) == [path for path in before if path != f"{person}/old.jsonl.part"]


def test_a_link_in_the_place_of_the_aggregates_folder(
    operator: Api, person: str, tenant: Tenant, outside: Path
) -> None:
    before = below(outside)
    (cold_root() / str(tenant.id)).mkdir(parents=True)
    (cold_root() / str(tenant.id) / person).symlink_to(outside)

    fails(operator, person, "symbolic link")

    assert below(outside) == before


def plant_link(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "old.jsonl.part")


def plant_link_to_nowhere(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "new")


def plant_file(path: Path, outside: Path) -> None:
    path.write_text("keep this")


def plant_folder(path: Path, outside: Path) -> None:
    path.mkdir()


def plant_pipe(path: Path, outside: Path) -> None:
    os.mkfifo(path)


PLANTED = [plant_link, plant_link_to_nowhere, plant_file, plant_folder, plant_pipe]


def folder_of(tenant: Tenant, person: str) -> Path:
    folder = cold_root() / str(tenant.id) / person
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("plant", PLANTED)
def test_what_stands_in_the_files_place_stays_there(
    operator: Api,
    person: str,
    tenant: Tenant,
    outside: Path,
    monkeypatch: pytest.MonkeyPatch,
    plant,
) -> None:
    before = below(outside)
    guessed(monkeypatch)
    plant(folder_of(tenant, person) / f"{BOX_ID}.jsonl", outside)

    fails(operator, person, "File exists")

    assert below(outside) == before
    monkeypatch.setattr(boxing, "uuid4", uuid4)
    assert box(operator, person).status == 200


@pytest.mark.parametrize("plant", PLANTED)
def test_what_is_put_in_the_files_place_meanwhile_stays_there(
    operator: Api,
    person: str,
    tenant: Tenant,
    outside: Path,
    monkeypatch: pytest.MonkeyPatch,
    plant,
) -> None:
    """Whoever cleans up after his failure takes his own away, and nothing else."""
    guessed(monkeypatch)
    target = folder_of(tenant, person) / f"{BOX_ID}.jsonl"

    with doing_at("box.written", lambda: plant(target, outside)):
        box(operator, person).refused(503, "busy")

    assert os.listdir(target.parent) == [target.name]
    assert target.is_symlink() or not target.is_file() or target.read_text() == "keep this"
    assert not (outside / "new").exists()
    assert (outside / "old.jsonl.part").read_text() == "keep this"


@pytest.mark.parametrize("plant", PLANTED)
def test_what_is_put_in_the_unfinished_files_place_is_not_written_to(
    operator: Api,
    person: str,
    tenant: Tenant,
    outside: Path,
    monkeypatch: pytest.MonkeyPatch,
    plant,
) -> None:
    unfinished = folder_of(tenant, person) / f"{BOX_ID}.jsonl.part"
    guessed(monkeypatch, lambda: plant(unfinished, outside))

    answer = box(operator, person).refused(503, "busy")

    assert "File exists" in answer.body["detail"]
    assert os.listdir(unfinished.parent) == [unfinished.name]
    assert not (outside / "new").exists()
    assert (outside / "old.jsonl.part").read_text() == "keep this"


@pytest.mark.parametrize("plant", [plant_link, plant_link_to_nowhere, plant_file, plant_pipe])
def test_an_unfinished_file_of_somebody_who_died_is_in_nobodys_way(
    operator: Api, person: str, tenant: Tenant, outside: Path, plant
) -> None:
    before = below(outside)
    unfinished = folder_of(tenant, person) / f"{uuid4()}.jsonl.part"
    plant(unfinished, outside)

    assert box(operator, person).status == 200
    orphan = get_application().orphans.remove(str(unfinished.relative_to(cold_root())))

    assert orphan is not None
    assert os.listdir(folder_of(tenant, person)) == [file_of(person).name]
    assert below(outside) == before
