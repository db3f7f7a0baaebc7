"""Folders below the root of cold storage, none of which leads out of it.

Each is opened in the one before it, and a symbolic link is an error: between a look at a path and
its use somebody else may have put a link there.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from eventstore.errors import BoxDamaged, ColdStorageFailed

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Folders:
    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def made(self, names: Sequence[str]) -> Iterator[int]:
        """A folder below the root, made where it is not there, and on the disk."""
        _make_root(self._root)
        try:
            folder = self._open_made(names)
        except FileNotFoundError:
            # Somebody has just removed an empty one that we had come through.
            folder = self._open_made(names)
        try:
            yield folder
        finally:
            os.close(folder)

    def _open_made(self, names: Sequence[str]) -> int:
        folder = self._open_root()
        for name in names:
            try:
                inner = _made(name, folder)
            finally:
                os.close(folder)
            folder = inner
        return folder

    @contextmanager
    def opened(self, names: Sequence[str]) -> Iterator[int]:
        """A folder below the root. Each is opened in the one before it: none leads elsewhere."""
        folder = self._open_root()
        try:
            for name in names:
                inner = os.open(name, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)

    def remove_empty(self, *folders: str) -> None:
        for depth in range(len(folders), 0, -1):
            *outer, name = folders[:depth]
            with suppress(OSError), self.opened(outer) as folder:
                os.rmdir(name, dir_fd=folder)  # Unless it is not empty, not there, or a link.

    def _open_root(self) -> int:
        # The root itself may be a link: whoever runs this has chosen it.
        return os.open(self._root, _FOLDER & ~os.O_NOFOLLOW)


def _make_root(root: Path) -> None:
    """Each folder that is missing, and on the disk: nothing below lasts longer than it does."""
    if not root.exists():
        _make_root(root.parent)
        with suppress(FileExistsError):
            root.mkdir(mode=0o700)
        _flush(root.parent)


def _made(name: str, folder: int) -> int:
    """A folder in another one, made where it is not there, and on the disk."""
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=folder)
    # Also where it is there: whoever made it may not have come as far.
    os.fsync(folder)
    return os.open(name, _FOLDER, dir_fd=folder)


def _flush(path: Path) -> None:
    folder = os.open(path, _FOLDER & ~os.O_NOFOLLOW)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def parts_of(path: str) -> Sequence[str]:
    """The names in a path of the registry, none of which leads elsewhere."""
    parts = path.split("/")
    if "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise BoxDamaged(path, "is no path below the root")
    return parts


@contextmanager
def told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ColdStorageFailed(what, why_not(error)) from error


def why_not(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "is a symbolic link, which is not followed"
    if error.errno == errno.ENOTDIR:
        return "leads through what is no folder, or through a symbolic link"
    return os.strerror(error.errno) if error.errno else str(error)
