"""The file system fails or is hostile: a clear error, and the stream is untouched."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eventstore.models import Tenant
from tests.eventstore.boxes.failing_storage import (
    BOX_ID,
    doing_at,
    fails,
    fill,
    guessed,
    mounted,
    no_file_above,
    read_only,
)
from tests.eventstore.boxes.support import (
    below,
    box,
    boxed_person,
    cold_root,
    exported,
    file_of,
    let_all_read,
    nothing_changes,
    rename,
    renamed_person,
)
from tests.http import Api


@pytest.fixture
def person(operator: Api) -> str:
    person = renamed_person(operator, 3)
    let_all_read()
    return person


def test_a_full_disk(operator: Api, person: str) -> None:
    with mounted(cold_root(), "size=1m") as is_mounted:
        if is_mounted:
            fill(cold_root())
            fails(operator, person, "No space left on device")
            (cold_root() / "ballast").unlink()
        else:
            with no_file_above(2048):
                fails(operator, person, "File too large")

        assert box(operator, person).status == 200


def test_a_write_that_fails_at_the_end(operator: Api, person: str) -> None:
    with no_file_above(2048):
        fails(operator, person, "File too large")

    assert box(operator, person).status == 200


def test_a_write_that_fails_in_the_middle(operator: Api) -> None:
    person = renamed_person(operator, 120)
    let_all_read()
    with no_file_above(2048):
        fails(operator, person, "File too large")

    assert box(operator, person).status == 200
    assert file_of(person).stat().st_size > 64 * 1024, "it takes more than one write"


def test_no_room_for_a_folder_a_file_or_its_name(operator: Api, person: str) -> None:
    """The file system's own root is the first; its owner's name, two folders, a file follow."""
    for entries in (1, 2, 3, 4, 5):
        with mounted(cold_root(), f"size=1m,nr_inodes={entries}") as is_mounted:
            if not is_mounted:
                return  # Whoever may not mount tries it in `test_a_full_disk`.
            fails(operator, person, "No space left on device")
    with mounted(cold_root(), "size=1m,nr_inodes=6"):
        assert box(operator, person).status == 200


def test_a_disk_that_may_only_be_read(operator: Api, person: str) -> None:
    with read_only(cold_root()):
        fails(operator, person, "Read-only file system", "Permission denied")

    assert box(operator, person).status == 200


def test_a_root_that_is_missing_is_made(operator: Api, person: str) -> None:
    assert not cold_root().exists()

    assert box(operator, person).status == 200


def test_a_root_that_is_missing_and_cannot_be_made(operator: Api, person: str) -> None:
    with read_only(cold_root().parent):
        fails(operator, person, "Read-only file system", "Permission denied")


def test_a_root_that_is_a_file(operator: Api, person: str) -> None:
    cold_root().write_text("no folder")
    try:
        fails(operator, person, "is no folder")
    finally:
        cold_root().unlink()


def test_a_root_that_is_a_link_to_nowhere(operator: Api, person: str, tmp_path: Path) -> None:
    cold_root().symlink_to(tmp_path / "nowhere")
    try:
        fails(operator, person, "No such file or directory")
    finally:
        cold_root().unlink()
    assert below(tmp_path) == []


def test_the_root_may_be_a_link(operator: Api, person: str, tmp_path: Path) -> None:
    cold_root().symlink_to(tmp_path)
    try:
        assert box(operator, person).status == 200
        assert len(below(tmp_path)) == 3
    finally:
        cold_root().unlink()


# Verified before anything is deleted -------------------------------------------------------------


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [
        flip,
        Path.unlink,
        lambda path: os.truncate(path, 100),
        lambda path: path.write_bytes(path.read_bytes() + b"\n"),
        lambda path: path.write_bytes(b""),
    ],
    ids=["a bit is flipped", "gone", "cut off", "longer", "empty"],
)
def test_nothing_is_deleted_before_the_file_was_read_back(
    operator: Api,
    person: str,
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], None],
) -> None:
    before = exported(person)
    guessed(monkeypatch)
    path = cold_root() / str(tenant.id) / person / f"{BOX_ID}.jsonl"

    with nothing_changes(), doing_at("box.kept", lambda: spoil(path)):
        told = box(operator, person).refused(503, "busy").body["detail"]

    assert "cannot read back what was written" in told

    assert exported(person) == before
    assert rename(operator, person).body["version"] == 5


def test_a_failure_after_the_file_is_kept_takes_it_away_again(operator: Api, person: str) -> None:
    def fail() -> None:
        raise RuntimeError("as a fault of ours would")

    with nothing_changes(), doing_at("box.deleted", fail):
        assert box(operator, person).status == 500


def test_other_boxes_of_the_tenant_stay_when_one_fails(operator: Api, person: str) -> None:
    other = boxed_person(operator)
    let_all_read()

    with no_file_above(2048):
        fails(operator, person, "File too large")

    assert file_of(other).is_file()
