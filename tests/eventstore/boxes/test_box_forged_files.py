"""A file that is not what was written brings nothing back, whoever has changed it and how."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eventstore.models import Box
from tests.eventstore.boxes.forged import Scene, boxed_among_others, scene
from tests.eventstore.boxes.support import box, cold_root, file_of, renamed_person, unbox


@pytest.fixture(scope="module")
def boxed(lasting_database: None) -> Scene:
    return boxed_among_others()


@settings(max_examples=40, deadline=None, database=None)
@given(place=st.integers(min_value=0), bits=st.integers(1, 255))
@example(place=0, bits=1)
@example(place=-1, bits=1)
def test_one_byte_that_is_another_anywhere_is_refused(boxed: Scene, place: int, bits: int) -> None:
    content = bytearray(boxed.content)
    content[place % len(content)] ^= bits
    with boxed.restored():
        boxed.path.write_bytes(content)

        assert "is not what was written: its digest differs" in boxed.refused()


@settings(max_examples=10, deadline=None, database=None)
@given(size=st.integers(min_value=0))
@example(size=0)
@example(size=-1)
def test_a_file_that_was_cut_off_anywhere_is_refused(boxed: Scene, size: int) -> None:
    with boxed.restored():
        boxed.path.write_bytes(boxed.content[: size % len(boxed.content)])

        assert "bytes, and had" in boxed.refused()


def stranger(boxed: Scene, of: str) -> Path:
    """The file of another aggregate of the same tenant, or of another tenant."""
    tenant = boxed.registered["path"].split("/")[0]
    is_mine = of == "the same tenant"
    others = Box.objects.exclude(id=boxed.registered["id"])
    (found,) = [other for other in others if other.path.startswith(tenant) == is_mine]
    return cold_root() / found.path


def append(boxed: Scene, more: bytes) -> None:
    boxed.path.write_bytes(boxed.content + more)


def link_to(boxed: Scene, target: Path) -> None:
    shutil.copy(boxed.path, target)
    boxed.path.unlink()
    boxed.path.symlink_to(target)


def folder(boxed: Scene) -> None:
    boxed.path.unlink()
    boxed.path.mkdir()


def pipe(boxed: Scene) -> None:
    boxed.path.unlink()
    os.mkfifo(boxed.path)


def unwritten(boxed: Scene) -> None:
    boxed.path.write_bytes(bytes(len(boxed.content)))


FILES: dict[str, tuple[Callable[[Scene], Any], str]] = {
    "missing": (lambda boxed: boxed.path.unlink(), "it is not there"),
    "longer": (lambda boxed: append(boxed, b"\n"), "bytes, and had"),
    "50 MB of brackets": (lambda boxed: append(boxed, b"[" * 50_000_000), "bytes, and had"),
    "only zeros": (unwritten, "its digest differs"),
    "a link to the same content": (
        lambda boxed: link_to(boxed, cold_root() / "copy"),
        "is a symbolic link",
    ),
    "a link to nowhere": (
        lambda boxed: (boxed.path.unlink(), boxed.path.symlink_to("nowhere")),
        "is a symbolic link",
    ),
    "a folder": (folder, "is no file"),
    "a pipe that nobody writes to": (pipe, "is no file"),
}


@pytest.mark.parametrize(("change", "problem"), FILES.values(), ids=FILES.keys())
def test_a_file_that_is_none_of_ours_is_refused(
    boxed: Scene, change: Callable[[Scene], Any], problem: str
) -> None:
    with boxed.restored():
        change(boxed)

        assert problem in boxed.refused()


@pytest.mark.parametrize("of", ["the same tenant", "another tenant"])
def test_the_file_of_another_aggregate_is_refused(boxed: Scene, of: str) -> None:
    other = stranger(boxed, of).read_bytes()
    with boxed.restored():
        boxed.path.write_bytes(other)
        assert "differs" in (told := boxed.refused()) or "bytes, and had" in told

        boxed.register(other)
        assert "is another stream's" in boxed.refused()


def test_an_earlier_file_of_the_same_aggregate_is_refused(boxed: Scene) -> None:
    person = renamed_person(boxed.operator, 1)
    box(boxed.operator, person)
    earlier = file_of(person)
    unbox(boxed.operator, person)
    renaming = {"aggregate_id": person, "first_name": "Ada", "last_name": "Late"}
    boxed.operator.send("rename-person", renaming)
    box(boxed.operator, person)
    again = scene(boxed.operator, person)

    with again.restored():
        again.register(earlier.read_bytes())
        assert "does not end where its stream does" in again.refused()
    assert unbox(boxed.operator, person).status == 200


@pytest.mark.parametrize("depth", [0, 1])
def test_a_folder_that_is_a_link_is_not_gone_through(
    boxed: Scene, tmp_path: Path, depth: int
) -> None:
    place = cold_root().joinpath(*boxed.registered["path"].split("/")[: depth + 1])
    moved = tmp_path / "moved"
    shutil.move(place, moved)
    place.symlink_to(moved)
    try:
        assert "symbolic link" in boxed.refused()
    finally:
        place.unlink()
        shutil.move(moved, place)


@pytest.mark.parametrize(
    "path", ["../outside.jsonl", "/etc/passwd", "a//b", "./a", "a/../../b", "", "a\x00b"[:1] + "/"]
)
def test_a_path_that_leads_out_of_the_root_is_not_gone(boxed: Scene, path: str) -> None:
    with boxed.restored():
        Box.objects.filter(id=boxed.registered["id"]).update(path=path)

        assert "is no path below the root" in boxed.refused()


def test_a_root_that_is_gone_is_no_damage_and_may_come_back(boxed: Scene, tmp_path: Path) -> None:
    same = {"Idempotency_Key": str(uuid4())}
    shutil.move(cold_root(), tmp_path / "moved")
    try:
        unbox(boxed.operator, boxed.person, **same).refused(503, "busy")
    finally:
        shutil.move(tmp_path / "moved", cold_root())

    assert unbox(boxed.operator, boxed.person, **same).status == 200
