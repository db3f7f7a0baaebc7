"""`manage.py verify` and cold storage: every file as it was written, and none that no box is."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection

from eventstore.cold_storage import OWNER
from eventstore.models import Box, StoredStream
from tests.eventstore.boxes.stowing import bring_back, stow
from tests.eventstore.forgery import forge, verify
from tests.eventstore.lock_waits import waiters
from tests.eventstore.management.rebuild_command import said
from tests.eventstore.rebuilding.meanwhile import Meanwhile, paused_at
from tests.eventstore.support import PATIENCE, World
from tests.processes import run_manage

REMOVED = "--reconcile removes it."


def verified(*arguments: str) -> tuple[int, list[tuple[str, str]]]:
    """The exit code, and where something is wrong, with what."""
    found = verify(*arguments)
    return found.exit_code, [(f["stream"], f["problem"]) for f in found.answer["findings"]]


def orphan_of(file: Path) -> Path:
    """A copy of a box under a name that the registry does not know."""
    return Path(shutil.copy(file, file.with_name(f"{uuid4()}.jsonl")))


# Boxes -------------------------------------------------------------------------------------------


def test_boxes_that_are_as_they_were_written_are_counted(world: World, elsewhere: World) -> None:
    ada, account = world.person("Ada"), world.account("5.00")
    otto = elsewhere.person("Otto")
    stow(world.application, ada, account, otto)
    bring_back(world.application, ada)

    found = verify()

    assert found.exit_code == 0, found.problems
    # The snapshot came back with its stream.
    assert found.answer["looked_at"] == {
        "streams": 2, "events": 2, "snapshots": 1, "boxes": 2, "boxed events": 3,
    }  # fmt: skip
    assert found.answer["passed_over"] == {}
    assert (found.answer["orphans"], found.answer["removed"]) == (0, [])
    of_tenant = verify("--tenant", "umbrella").answer["looked_at"]
    assert (of_tenant["boxes"], of_tenant["boxed events"]) == (1, 1)


def test_how_a_boxed_stream_ends_is_told_like_that_of_any_other(world: World) -> None:
    account = world.account("5.00")
    name = f"account-{account}"
    online = verify("--stream", name).answer["head"]
    stow(world.application, world.person(), account)
    assert verify("--stream", name).answer["head"] == online
    assert verify("--stream", name).answer["looked_at"]["boxes"] == 1


def test_a_file_that_is_gone_changed_or_another_is_named_and_ends_with_4(world: World) -> None:
    people = [world.person(f"P{number}") for number in range(5)]
    gone, longer, changed, swapped, sound = stow(world.application, *people)
    gone.unlink()
    longer.write_bytes(longer.read_bytes() + b"{}\n")
    changed.write_bytes(changed.read_bytes().replace(b"P2", b"P9"))
    shutil.copy(sound, swapped)

    code, found = verified()

    assert code == 4
    assert [stream for stream, _ in found] == [f"person-{person}" for person in people[:4]]
    for file, words, (_, problem) in zip(
        (gone, longer, changed, swapped),
        ("is not there", "has ", "its digest differs", "its digest differs"),
        found,
        strict=True,
    ):
        assert file.name in problem
        assert words in problem


def test_a_link_in_place_of_a_file_is_named(world: World, tmp_path: Path) -> None:
    (file,) = stow(world.application, world.person())
    file.rename(tmp_path / "elsewhere.jsonl")
    file.symlink_to(tmp_path / "elsewhere.jsonl")
    code, ((_, problem),) = verified()
    assert code == 4
    assert "is a symbolic link" in problem


@pytest.mark.parametrize(
    ("forgery", "words"),
    [
        (
            "UPDATE eventstore_box SET event_count = 9, last_version = 9",
            "no box of all its events",
        ),
        (
            "UPDATE eventstore_box SET first_position = 0",
            "has other events than the registry says",
        ),
        ("DELETE FROM eventstore_box", "no box of all its events is registered"),
        ("UPDATE eventstore_stream SET head_hash = sha256('')", "does not end where its stream"),
        ("UPDATE eventstore_stream SET status = 'active'", "is open, and its stream is active"),
    ],
)
def test_a_registry_that_was_changed_is_found(world: World, forgery: str, words: str) -> None:
    stow(world.application, world.person())
    assert verify().exit_code == 0
    forge(forgery)
    code, found = verified()
    assert code == 4
    assert any(words in problem for _, problem in found), found


def test_a_box_excuses_no_event_that_is_not_in_it(world: World) -> None:
    """A neat tail cut off, while another stream is boxed that is long enough to hold it."""
    account, other = world.account("5.00"), world.account("5.00")
    world.deposit(other)
    world.deposit(other)
    stow(world.application, other)
    assert verify().exit_code == 0

    forge(
        "DELETE FROM eventstore_event WHERE stream_id = %(stream)s AND version = 2",
        "UPDATE eventstore_stream AS s SET version = 1, head_hash = e.hash"
        " FROM eventstore_event AS e WHERE e.stream_id = s.id AND s.id = %(stream)s",
        stream=StoredStream.objects.get(aggregate_id=account).id,
    )

    assert verify().places == {(f"account-{account}", 2)}
    assert verify("--stream", f"account-{account}").answer["finding_count"] in (0, 1)


def test_of_a_box_that_cannot_be_read_its_events_are_not_lost_besides(world: World) -> None:
    account = world.account("5.00")
    (file,) = stow(world.application, account)
    file.unlink()
    assert verify().places == {(f"account-{account}", None)}


# Orphans -----------------------------------------------------------------------------------------


def test_files_that_no_box_is_are_named_with_what_to_do_and_end_with_4(world: World) -> None:
    person, boxed = world.person(), world.person()
    (file,), (only_copy,) = stow(world.application, person), stow(world.application, boxed)
    bring_back(world.application, person)
    needless, needed = orphan_of(file), orphan_of(only_copy)
    unfinished = file.with_name(f"{uuid4()}.jsonl.part")
    unfinished.write_bytes(b"half")
    stray = world.application.cold_storage.root / "notes.txt"
    stray.write_text("mine")
    root = world.application.cold_storage.root

    code, found = verified()

    assert code == 4
    told = {root / path: problem for path, problem in found}
    assert told.keys() == {needless, needed, unfinished, stray}
    assert REMOVED in told[needless]
    assert REMOVED in told[unfinished]
    assert "holds 1 events that the database does not have. It stays" in told[needed]
    assert "does not begin as a box does" in told[stray] or "no JSON object" in told[stray]
    assert said("--without-rows", command="verify").error == (
        "4 files of cold storage without a box; --all shows them."
    )
    assert all(each.exists() for each in (*told, file, only_copy))


def test_reconcile_removes_what_is_needless_and_says_what_it_left_and_why(world: World) -> None:
    person, boxed = world.person(), world.person()
    (file,), (only_copy,) = stow(world.application, person), stow(world.application, boxed)
    bring_back(world.application, person)
    needless, needed = orphan_of(file), orphan_of(only_copy)
    unfinished = file.with_name(f"{uuid4()}.jsonl.part")
    unfinished.write_bytes(b"half")
    root = world.application.cold_storage.root

    finished = said("--without-rows", "--reconcile", command="verify")

    assert finished.code == 4
    removed = {line for line in finished.lines if line.startswith("Removed: ")}
    assert removed == {
        f"Removed: {each.relative_to(root)}, of which all events are online."
        for each in (needless, unfinished)
    }
    assert str(needed.relative_to(root)) in finished.out
    assert finished.error == "1 file of cold storage without a box."
    left = {each for each in root.rglob("*") if each.is_file()} - {root / OWNER}
    assert left == {file, only_copy, needed}

    needed.unlink()
    again = verify("--reconcile")
    assert (again.exit_code, again.answer["removed"]) == (0, [])


def test_of_a_tenant_or_a_stream_only_its_files_are_looked_at(
    world: World, elsewhere: World
) -> None:
    mine, also_mine, others = world.person(), world.person(), elsewhere.person()
    files = stow(world.application, mine, also_mine, others)
    bring_back(world.application, mine, also_mine, others)
    orphans = [orphan_of(file) for file in files]

    of_stream = verify("--stream", f"person-{mine}", "--reconcile")
    assert [Path(path).name for path in of_stream.answer["removed"]] == [orphans[0].name]
    of_tenant = verify("--tenant", "acme", "--reconcile")
    assert [Path(path).name for path in of_tenant.answer["removed"]] == [orphans[1].name]
    assert [each.exists() for each in orphans] == [False, False, True]


def test_a_file_of_a_box_that_was_opened_again_is_known(world: World) -> None:
    (file,) = stow(world.application, person := world.person())
    bring_back(world.application, person)
    assert verify("--reconcile").exit_code == 0
    assert file.exists()
    assert Box.objects.get().unboxed_at is not None
    file.unlink()
    assert verify().exit_code == 0, "nobody needs it any more"


def wait_until(has_come: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not has_come():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_file_that_somebody_is_just_writing_is_no_finding_and_stays(world: World) -> None:
    """Before his commit it looks like an orphan whose events are all online."""
    person = world.person()
    with paused_at("box.deleted", lambda: stow(world.application, person)) as boxing:
        (path,) = world.application.orphans.unknown()
        verifying = Meanwhile(lambda: verify("--reconcile"))
        wait_until(lambda: not verifying.is_alive() or waiters())
        assert verifying.is_alive(), verifying.outcome
        boxing.end()
        assert not isinstance(boxing.outcome, Exception), boxing.outcome
        found = verifying.end()
    assert (found.exit_code, found.answer["removed"]) == (0, [])
    assert Box.objects.get().path == path
    assert verify().exit_code == 0


def test_what_somebody_writes_for_longer_than_a_lock_is_waited_for_is_passed_over(
    world: World,
) -> None:
    person = world.person()
    with paused_at("box.deleted", lambda: stow(world.application, person)) as boxing:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        found = verify("--reconcile")
        boxing.end()
    assert found.exit_code == 0, found.problems
    assert found.answer["passed_over"] == {"files that somebody may just be writing": 1}
    assert verify().exit_code == 0


def test_a_process_ends_with_4_and_names_the_file(world: World) -> None:
    (file,) = stow(world.application, world.person())
    os.truncate(file, 10)
    finished = run_manage("verify", "--without-rows")
    assert finished.returncode == 4
    assert file.name in finished.stdout
    assert "1 place is not as appended." in finished.stderr
