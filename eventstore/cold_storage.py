"""The folder of cold storage: files that are written once, completely, and never over another.

`<root>/<tenant uuid>/<aggregate uuid>/<box uuid>.jsonl`, for the eyes of this user alone. Nothing
is followed out of the root: each folder and file is opened in the one before it, and a symbolic
link is an error. A file has its name only once it is written and on the disk, so that whoever
dies before leaves nothing but a `.part`.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import UUID

from eventstore.cold_folders import Folders, parts_of, told, why_not
from eventstore.errors import BoxDamaged, ColdStorageFailed

SUFFIX = ".jsonl"
#: Of a file that is being written, or that somebody has not finished.
UNFINISHED = ".part"
#: The folder of what `eventstore.certificates` keeps.
CERTIFICATES = "removed"
#: The file that `eventstore.cold_ownership` keeps.
OWNER = "database"

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
        self._folders = Folders(root)

    # Writing -------------------------------------------------------------------------------------

    @contextmanager
    def new_file(self, tenant_id: UUID, aggregate_id: UUID, box_id: UUID) -> Iterator["NewFile"]:
        """A file to write; whatever the block raises, nothing of it remains.

        Raises ColdStorageFailed where the folder or the file cannot be made, written or kept.
        """
        names = (str(tenant_id), str(aggregate_id))
        try:
            with ExitStack() as folders:
                with told(f"write below {self.root}"):
                    folder = folders.enter_context(self._folders.made(names))
                    file = NewFile(folder, f"{tenant_id}/{aggregate_id}/{box_id}{SUFFIX}")
                try:
                    yield file
                except BaseException:
                    file.discard()
                    raise
                finally:
                    file.close()
        except BaseException:
            self._folders.remove_empty(*names)
            raise

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
        *folders, name = parts_of(path)
        try:
            with self._folders.opened(folders) as folder:
                descriptor = os.open(name, _FILE, dir_fd=folder)
        except OSError as error:
            raise self._cannot_open(path, error) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BoxDamaged(path, "is no file")
        with open(descriptor, "rb", buffering=CHUNK) as file, told(f"read {path}"):
            yield file

    def _cannot_open(self, path: str, error: OSError) -> BoxDamaged | ColdStorageFailed:
        """Damaged is what lacks the file, or has something else in its place.

        A folder that is away as a whole, or may not be read, is no damage, and may come back.
        Where its owner is not named, a volume is not mounted.
        """
        if error.errno == errno.ENOENT and (self.root / OWNER).exists():
            return BoxDamaged(path, "is not there")
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO):
            return BoxDamaged(path, why_not(error))
        return ColdStorageFailed(f"read {path}", why_not(error))

    # Housekeeping --------------------------------------------------------------------------------

    def paths(self, within: str = "") -> Iterator[str]:
        """Every file below the root, or within a folder there, in order; links are not followed.

        Whatever it is, but for certificates of removed tenants, and the owner's name, also one
        that somebody who died had not finished. Raises ColdStorageFailed for a folder that cannot
        be read.
        """
        apart = {self.root / CERTIFICATES, self.root / OWNER}
        apart |= set(self.root.glob(f"{OWNER}.*{UNFINISHED}"))
        with told("look through the folder"):
            for folder, folders, names in os.walk(self.root / within, onerror=_raise):
                folders.sort()
                links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
                for path in (Path(folder) / name for name in sorted(names + links)):
                    if not apart & {path, path.parent}:
                        yield str(path.relative_to(self.root))

    def is_none_of_ours(self, path: str) -> bool:
        """Whether it is a link, a pipe or the like, which holds nothing itself."""
        *folders, name = parts_of(path)
        try:
            with self._folders.opened(folders) as folder:
                mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        except OSError:
            return False
        return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)

    def remove(self, path: str) -> bool:
        """Remove a file and the folders that are empty without it; whether it was there."""
        *folders, name = parts_of(path)
        with told(f"remove {path}"):
            try:
                with self._folders.opened(folders) as folder:
                    os.unlink(name, dir_fd=folder)
                    os.fsync(folder)
            except FileNotFoundError:
                return False
        self._folders.remove_empty(*folders)
        return True


class NewFile:
    """A file without its name, until it is kept."""

    def __init__(self, folder: int, path: str) -> None:
        self.path = path
        self._folder = folder
        self._name = path.rpartition("/")[2]
        self._unfinished = self._name + UNFINISHED
        self._is_named = False
        self._digest = sha256()
        self._size = 0
        self._file = open(  # noqa: SIM115 - closed by `close`, which always comes
            os.open(self._unfinished, _NEW_FILE, 0o600, dir_fd=folder), "r+b", buffering=CHUNK
        )

    def write(self, line: bytes) -> None:
        with told(f"write {self.path}"):
            self._file.write(line)
        self._digest.update(line)
        self._size += len(line)

    @property
    def digest(self) -> bytes:
        """SHA-256 of what was written so far."""
        return self._digest.digest()

    def keep(self) -> StoredFile:
        """Give it its name, once it is on the disk; and read from there that it is complete."""
        with told(f"write {self.path}"):
            self._file.flush()
            os.fsync(self._file.fileno())
            os.link(
                self._unfinished,
                self._name,
                src_dir_fd=self._folder,
                dst_dir_fd=self._folder,
                follow_symlinks=False,
            )
            self._is_named = True
            os.unlink(self._unfinished, dir_fd=self._folder)
            os.fsync(self._folder)
            self._file.seek(0)
            stored = StoredFile(self.path, self._size, self._digest.digest())
            if digest_of(self._file) != stored.digest:
                raise ColdStorageFailed(f"read {self.path} back", "it is not what was written")
        return stored

    def discard(self) -> None:
        with suppress(OSError):
            os.unlink(self._unfinished, dir_fd=self._folder)
        if self._is_named:  # Else that name is somebody else's.
            with suppress(OSError):
                os.unlink(self._name, dir_fd=self._folder)

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


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # A folder that went meanwhile, or never was.
        raise error


def digest_of(file: BinaryIO) -> bytes:
    """SHA-256 of the rest of a file."""
    digest = sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.digest()
