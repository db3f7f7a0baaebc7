"""File systems that fail: full, read-only, or with something planted in them."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from eventstore import boxing, fault_points
from tests.eventstore.boxes.support import box, nothing_changes
from tests.http import Api

#: Of a box whose id somebody knows before it is made.
BOX_ID = UUID("5ca1ab1e-0000-4000-8000-000000000000")


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[bool]:
    """A file system of its own in a folder; False where this user may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing can be made in a folder; what stands in it is hidden where it is mounted."""
    with mounted(folder, "ro,size=1m") as is_mounted:
        mode = folder.stat().st_mode
        if not is_mounted:
            folder.chmod(0o500)
        try:
            yield
        finally:
            if not is_mounted:
                folder.chmod(mode)


def fill(folder: Path) -> None:
    """Leave less than a page free on a small file system."""
    with open(folder / "ballast", "wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4096))
        except OSError:
            return


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """The system call that would make a file of this process larger fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def doing_at(point: str, do) -> Iterator[None]:
    """Something happens at a place in the code, once."""
    done: list[str] = []

    def strike(reached: str) -> None:
        if reached == point and not done:
            done.append(reached)
            do()

    fault_points.arm(strike)
    try:
        yield
    finally:
        fault_points.arm(None)
    assert done, f"{point} was not reached"


def fails(operator: Api, person: str, *reasons: str) -> None:
    """Boxing says why it cannot be done, and leaves all as it was."""
    with nothing_changes():
        answer = box(operator, person).refused(503, "busy")
    told = answer.body["detail"]
    assert told.startswith("Cold storage: cannot ")
    assert "Nothing was changed. Make room or mend the folder" in told
    assert any(reason in told for reason in reasons), told
    assert "Retry-After" in answer.headers


def guessed(monkeypatch: pytest.MonkeyPatch, then: Callable[[], None] = lambda: None) -> None:
    """The next box has an id that somebody knows, and does something about when it is drawn."""

    def draw() -> UUID:
        then()
        return BOX_ID

    monkeypatch.setattr(boxing, "uuid4", draw)
