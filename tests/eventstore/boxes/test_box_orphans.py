"""Files that the registry does not know: removed only where all in them is in the database."""

import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connections

from eventstore.application import Application
from eventstore.models import Box, StoredEvent
from eventstore.orphans import Orphan
from tests.eventstore.boxes.failing_storage import doing_at
from tests.eventstore.boxes.support import (
    below,
    box,
    boxed_person,
    cold_root,
    file_of,
    renamed_person,
    unbox,
)
from tests.eventstore.forgery import forge
from tests.eventstore.lock_waits import until_waiting
from tests.eventstore.support import PATIENCE
from tests.http import Api


def left_behind(path: Path) -> Path:
    """A file that somebody who died would have left: written, not registered."""
    copy = path.with_name(f"{uuid4()}.jsonl")
    shutil.copy(path, copy)
    return copy


def found(application: Application) -> dict[str, tuple[bool, str]]:
    """What is needless, and what else is wrong, by the file's name."""
    orphans = application.orphans.all()
    return {Path(o.path).name: (o.is_needless, o.problem) for o in orphans}


def test_a_file_of_a_registered_box_is_no_orphan_nor_is_one_that_was_unboxed(
    operator: Api, application: Application
) -> None:
    boxed_person(operator)
    unbox(operator, boxed_person(operator))

    assert Box.objects.count() == 2
    assert found(application) == {}


def test_what_the_dead_have_left_is_needless_and_can_go(
    operator: Api, application: Application
) -> None:
    person = boxed_person(operator)
    path = file_of(person)
    unbox(operator, person)
    orphan = left_behind(path)
    unfinished = path.with_name(f"{uuid4()}.jsonl.part")
    unfinished.write_bytes(b"half")

    assert found(application) == {orphan.name: (True, ""), unfinished.name: (True, "")}
    for left in (orphan, unfinished):
        assert application.orphans.remove(str(left.relative_to(cold_root()))) is not None

    assert not orphan.exists()
    assert not unfinished.exists()
    assert path.exists(), "of the box before"


def test_the_only_copy_of_an_event_is_kept(operator: Api, application: Application) -> None:
    """After a restore from a backup of before the last event; or of before the unbox."""
    person = boxed_person(operator)
    orphan = left_behind(file_of(person))
    assert found(application) == {
        orphan.name: (False, "holds 3 events that the database does not have")
    }
    unbox(operator, person)
    forge(
        "DELETE FROM eventstore_event WHERE version = 3",
        "UPDATE eventstore_stream SET version = 2, head_hash = (SELECT hash FROM eventstore_event"
        " WHERE version = 2)",
    )
    problem = "holds 1 events that the database does not have"
    assert found(application) == {orphan.name: (False, problem)}

    kept = application.orphans.remove(str(orphan.relative_to(cold_root())))
    assert kept is not None
    assert (kept.is_needless, kept.problem) == (False, problem)
    assert box(operator, person).status == 200

    assert orphan.exists()


def test_a_name_does_not_make_the_only_copy_needless(
    operator: Api, application: Application
) -> None:
    """Somebody has renamed a box, or half of one, as if it had never been finished."""
    person = boxed_person(operator)
    path = file_of(person)
    whole, half = (path.with_name(f"{uuid4()}.jsonl.part") for _ in range(2))
    half.write_bytes(path.read_bytes()[:-700])
    path.rename(whole)

    for left in (whole, half):
        kept = application.orphans.remove(str(left.relative_to(cold_root())))
        assert kept is not None
        assert "events that the database does not have" in kept.problem
        assert left.exists()


def test_an_event_that_was_forged_since_is_another(
    operator: Api, application: Application
) -> None:
    """By its hash: the same version of the same stream is not enough."""
    person = boxed_person(operator)
    orphan = left_behind(file_of(person))
    unbox(operator, person)
    forge("UPDATE eventstore_event SET hash = '\\x00' WHERE version = 2")

    assert found(application)[orphan.name][0] is False


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "has a line that is no JSON object (line 1)"),
        (b"daybook", "has a line that is no JSON object (line 1)"),
        (b"{}\n", "has a line that is none of a box (line 1)"),
    ],
)
def test_what_is_no_box_is_named_and_kept(
    operator: Api, application: Application, content: bytes, problem: str
) -> None:
    path = file_of(boxed_person(operator)).with_name("note.jsonl")
    path.write_bytes(content)

    assert found(application) == {"note.jsonl": (False, problem)}
    application.orphans.remove(str(path.relative_to(cold_root())))
    assert path.read_bytes() == content


def test_a_box_cut_off_is_kept(operator: Api, application: Application) -> None:
    person = boxed_person(operator)
    orphan = left_behind(file_of(person))
    unbox(operator, person)
    orphan.write_bytes(orphan.read_bytes()[:-80])

    assert found(application)[orphan.name][0] is False


def test_links_are_named_and_not_followed(
    operator: Api, application: Application, tmp_path: Path
) -> None:
    (tmp_path / "old.jsonl.part").write_text("keep this")
    path = file_of(boxed_person(operator))
    (cold_root() / "elsewhere").symlink_to(tmp_path)
    (path.parent / "link.jsonl").symlink_to(path)

    assert found(application) == {
        "elsewhere": (False, "is a symbolic link, which is not followed"),
        "link.jsonl": (False, "is a symbolic link, which is not followed"),
    }
    kept = application.orphans.remove("elsewhere/old.jsonl.part")
    assert kept is not None
    assert not kept.is_needless
    assert below(tmp_path) == ["old.jsonl.part"]


@pytest.mark.parametrize("point", ["box.begun", "box.kept", "box.deleted"])
def test_the_file_of_somebody_who_is_just_boxing_is_not_removed(
    operator: Api, application: Application, point: str
) -> None:
    """It looks like an orphan whose events are all there, until he commits."""
    person = renamed_person(operator, 2)
    events = StoredEvent.objects.filter(stream__aggregate_id=person)
    seen: list[Orphan] = []

    def remove() -> None:
        try:
            seen.extend(application.orphans.all())
            application.orphans.remove(seen[0].path)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        removing: list[Future[None]] = []

        def begin() -> None:
            removing.append(thread.submit(remove))
            until_waiting()

        with doing_at(point, begin):
            assert box(operator, person).status == 200
        removing[0].result(PATIENCE)

    assert [orphan.is_needless for orphan in seen] == [True]
    assert not events.exists()
    assert unbox(operator, person).status == 200
    assert events.count() == 3
