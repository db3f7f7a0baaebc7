"""Whose folder of cold storage this is: a file in it names the database that it belongs to.

Two databases must not share a folder. One restored from a copy of the other finds files there that
it takes for somebody's leftovers, and that are the other's only ones. And a folder without that
file, where boxes should lie, is the place where a volume is not mounted.
"""

import os
from contextlib import suppress
from uuid import uuid4

from eventstore.cold_folders import Folders, told
from eventstore.cold_storage import OWNER, UNFINISHED, ColdStorage
from eventstore.database import Database
from eventstore.errors import ColdStorageFailed

# No two databases that are in use have the same.
IDENTITY = """
SELECT format('%%s/%%s', (SELECT system_identifier FROM pg_control_system()),
              (SELECT oid FROM pg_database WHERE datname = current_database())),
       EXISTS (SELECT FROM eventstore_box WHERE unboxed_at IS NULL)
"""

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Ownership:
    def __init__(self, database: Database, storage: ColdStorage) -> None:
        self._database = database
        self._root = storage.root
        self._folders = Folders(storage.root)

    def claim(self) -> None:
        """See that the folder is this database's, and make it so where it is nobody's yet.

        Raises ColdStorageFailed where it is another's, or has none though boxes should be there.
        """
        identity, has_boxes = self._identity()
        owner = self._owner()
        if owner is None and has_boxes:
            raise ColdStorageFailed(
                f"use {self._root}",
                f"boxes should lie there, and the file `{OWNER}` does not: mount it",
            )
        if owner is None:
            self._write(identity)
            owner = self._owner()  # Another database's, if that has just done the same.
        if owner != identity:
            raise ColdStorageFailed(f"use {self._root}", self.problem(identity))

    def foreign(self) -> str:
        """Why nothing may be removed from the folder; "" where it is this database's."""
        identity, _ = self._identity()
        return "" if self._owner() == identity else self.problem(identity)

    def problem(self, identity: str) -> str:
        return (
            f"it is not this database's. If this one has taken the place of the one before, write "
            f"{identity} into the file `{OWNER}` there"
        )

    def _identity(self) -> tuple[str, bool]:
        ((identity, has_boxes),) = self._database.rows(IDENTITY)
        return identity, has_boxes

    def _owner(self) -> str | None:
        with told(f"write below {self._root}"):
            try:
                return (self._root / OWNER).read_bytes().decode("utf-8", "replace").strip()
            except FileNotFoundError:
                return None

    def _write(self, identity: str) -> None:
        with told(f"write below {self._root}"), self._folders.made(()) as folder:
            # A name of its own: one that was left by the dead must not be in anybody's way.
            unfinished = f"{OWNER}.{uuid4()}{UNFINISHED}"
            descriptor = os.open(unfinished, _NEW_FILE, 0o600, dir_fd=folder)
            try:
                with os.fdopen(descriptor, "w") as file:
                    file.write(f"{identity}\n")
                    file.flush()
                    os.fsync(descriptor)
                with suppress(FileExistsError):  # Somebody else was first.
                    os.link(unfinished, OWNER, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            finally:
                os.unlink(unfinished, dir_fd=folder)
