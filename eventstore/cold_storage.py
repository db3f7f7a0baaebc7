"""The folder of cold storage: files that are written once, completely, and never over another.

`<root>/<tenant uuid>/<aggregate uuid>/<box uuid>.jsonl`, for the eyes of this user alone. Nothing
is followed out of the root: each folder and file is opened in the one before it, and a symbolic
link is an error. A file has its name only once it is written and on the disk, so that whoever
dies before leaves nothing but a `.part`.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import UUID

from eventstore.errors import BoxDamaged, ColdStorageFailed

SUFFIX = ".jsonl"
#: Of a file that is being written, or that somebody has not finished.
UNFINISHED = ".part"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

#: Bytes read at once.
CHUNK = 64 * 1024


class StoredFile(NamedTuple):
    """What the registry keeps of a file: its path below the root, its bytes, their SHA-256."""

    path: str
    size: int
    digest: bytes


class ColdStorage:
    def __init__(self, root: Path) -> None:
        self.root = root

    # Writing -------------------------------------------------------------------------------------

    @contextmanager
    def new_file(self, tenant_id: UUID, aggregate_id: UUID, box_id: UUID) -> Iterator["NewFile"]:
        """A file to write; whatever the block raises, nothing of it remains.

        Raises ColdStorageFailed where the folder or the file cannot be made, written or kept.
        """
        folders: list[int] = []
        try:
            with _told(f"write below {self.root}"):
                self._open_root(folders)
                for name in (str(tenant_id), str(aggregate_id)):
                    folders.append(_made(name, folders[-1]))
                file = NewFile(folders[-1], f"{tenant_id}/{aggregate_id}/{box_id}{SUFFIX}")
            try:
                yield file
            except BaseException:
                file.discard()
                raise
            finally:
                file.close()
        except BaseException:
            self._remove_empty(str(tenant_id), str(aggregate_id))
            raise
        finally:
            for folder in folders:
                os.close(folder)

    def _open_root(self, folders: list[int]) -> None:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The root itself may be a link: whoever runs this has chosen it.
        folders.append(os.open(self.root, _FOLDER & ~os.O_NOFOLLOW))

    # Reading -------------------------------------------------------------------------------------

    @contextmanager
    def opened(self, stored: StoredFile) -> Iterator[BinaryIO]:
        """A file that is, byte for byte, what the registry says; raises BoxDamaged otherwise.

        Whoever can write there may change it after that: `Digesting` finds out.
        """
        with self._open(stored.path) as file:
            size = os.fstat(file.fileno()).st_size
            if size != stored.size:
                problem = f"has {size} bytes, and had {stored.size} when it was written"
                raise BoxDamaged(stored.path, problem)
            if digest_of(file) != stored.digest:
                raise BoxDamaged(stored.path, "is not what was written: its digest differs")
            file.seek(0)
            yield file

    @contextmanager
    def unverified(self, path: str) -> Iterator[BinaryIO]:
        """A file that the registry does not know. Raises BoxDamaged where it cannot be opened."""
        with self._open(path) as file:
            yield file

    @contextmanager
    def _open(self, path: str) -> Iterator[BinaryIO]:
        try:
            descriptor = self._descriptor(_parts(path))
        except OSError as error:
            raise BoxDamaged(path, _why_not(error)) from error
        with open(descriptor, "rb", buffering=CHUNK) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BoxDamaged(path, "is no file")
            try:
                yield file
            except OSError as error:
                raise BoxDamaged(path, _why_not(error)) from error

    def _descriptor(self, parts: Sequence[str]) -> int:
        folder = os.open(self.root, _FOLDER & ~os.O_NOFOLLOW)
        try:
            for name in parts[:-1]:
                inner = os.open(name, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
            return os.open(parts[-1], _FILE, dir_fd=folder)
        finally:
            os.close(folder)

    # Housekeeping --------------------------------------------------------------------------------

    def paths(self) -> Iterator[str]:
        """Every file below the root, whatever it is, in order; links are not followed."""
        for folder, _, names in sorted(os.walk(self.root)):
            for name in sorted(names):
                yield str((Path(folder) / name).relative_to(self.root))

    def remove(self, path: str) -> bool:
        """Remove a file and the folders that are empty without it; whether it was there."""
        *folders, name = _parts(path)
        with _told(f"remove {path}"):
            try:
                folder = os.open(self.root.joinpath(*folders), _FOLDER)
            except FileNotFoundError:
                return False
            try:
                os.unlink(name, dir_fd=folder)
                os.fsync(folder)
            except FileNotFoundError:
                return False
            finally:
                os.close(folder)
        self._remove_empty(*folders)
        return True

    def _remove_empty(self, *folders: str) -> None:
        for depth in range(len(folders), 0, -1):
            with suppress(OSError):  # It is not empty, or not there.
                os.rmdir(self.root.joinpath(*folders[:depth]))

    def left_behind(self, tenant_id: UUID, aggregate_id: UUID) -> list[str]:
        """The paths in an aggregate's folder."""
        folder = self.root / str(tenant_id) / str(aggregate_id)
        try:
            return [f"{tenant_id}/{aggregate_id}/{name}" for name in sorted(os.listdir(folder))]
        except (FileNotFoundError, NotADirectoryError):
            return []


class NewFile:
    """A file without its name, until it is kept."""

    def __init__(self, folder: int, path: str) -> None:
        self.path = path
        self._folder = folder
        self._name = path.rpartition("/")[2]
        self._unfinished = self._name + UNFINISHED
        self._digest = sha256()
        self._size = 0
        self._file = open(  # noqa: SIM115 - closed by `close`, which always comes
            os.open(self._unfinished, _NEW_FILE, 0o600, dir_fd=folder), "r+b", buffering=CHUNK
        )

    def write(self, line: bytes) -> None:
        with _told(f"write {self.path}"):
            self._file.write(line)
        self._digest.update(line)
        self._size += len(line)

    @property
    def digest(self) -> bytes:
        """SHA-256 of what was written so far."""
        return self._digest.digest()

    def keep(self) -> StoredFile:
        """Give it its name, once it is on the disk; and read from there that it is complete."""
        with _told(f"write {self.path}"):
            self._file.flush()
            os.fsync(self._file.fileno())
            os.link(
                self._unfinished,
                self._name,
                src_dir_fd=self._folder,
                dst_dir_fd=self._folder,
                follow_symlinks=False,
            )
            os.unlink(self._unfinished, dir_fd=self._folder)
            os.fsync(self._folder)
            self._file.seek(0)
        stored = StoredFile(self.path, self._size, self._digest.digest())
        if digest_of(self._file) != stored.digest:
            raise ColdStorageFailed(f"read {self.path} back", "it is not what was written")
        return stored

    def discard(self) -> None:
        for name in (self._unfinished, self._name):
            with suppress(OSError):
                os.unlink(name, dir_fd=self._folder)

    def close(self) -> None:
        with suppress(OSError):  # What was to be kept is on the disk; the rest is discarded.
            self._file.close()


class Digesting:
    """A file's lines, with the digest of what was given out so far."""

    def __init__(self, file: BinaryIO, path: str, *, longest: int) -> None:
        """`longest`: bytes that a line may have. Longer ones raise BoxDamaged."""
        self._file = file
        self._path = path
        self._longest = longest
        self._digest = sha256()

    def __iter__(self) -> Iterator[bytes]:
        while line := self._file.readline(self._longest + 1):
            if len(line) > self._longest:
                problem = f"has a line of more than {self._longest} bytes"
                raise BoxDamaged(self._path, problem)
            self._digest.update(line)
            yield line

    @property
    def digest(self) -> bytes:
        return self._digest.digest()


def digest_of(file: BinaryIO) -> bytes:
    """SHA-256 of the rest of a file."""
    digest = sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.digest()


def _made(name: str, folder: int) -> int:
    """A folder in another one, made where it is not there, and on the disk."""
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=folder)
        os.fsync(folder)
    return os.open(name, _FOLDER, dir_fd=folder)


def _parts(path: str) -> Sequence[str]:
    """The names in a path of the registry, none of which leads elsewhere."""
    parts = path.split("/")
    if "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise BoxDamaged(path, "is no path below the root")
    return parts


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ColdStorageFailed(what, _why_not(error)) from error


def _why_not(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "is a symbolic link, which is not followed"
    if error.errno == errno.ENOTDIR:
        return "leads through what is no folder, or through a symbolic link"
    return os.strerror(error.errno) if error.errno else str(error)
