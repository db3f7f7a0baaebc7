"""Certificates of removed tenants: files that outlive every row that they tell of.

`<root of cold storage>/removed/<tenant uuid>.json`. A certificate is complete and on the disk, as
a `.part`, before the removal is committed, and gets its name afterwards. So a tenant that is gone
has one, whoever died when; and a `.part` of a tenant that is there is of an attempt that failed.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, BinaryIO
from uuid import UUID

from eventstore.cold_folders import Folders, told
from eventstore.cold_storage import CERTIFICATES, UNFINISHED, ColdStorage

SUFFIX = ".json"

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Certificates:
    def __init__(self, storage: ColdStorage) -> None:
        self._folders = Folders(storage.root)

    def all(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Names and contents of all that are complete, finished or not, newest last."""
        try:
            with self._folders.opened((CERTIFICATES,)) as folder:
                found = [(name, _read(name, folder)) for name in sorted(os.listdir(folder))]
        except FileNotFoundError:
            return
        complete = [(name, content) for name, content in found if content is not None]
        yield from sorted(complete, key=lambda each: str(each[1]["removed_at"]))

    def new(self, tenant_id: UUID) -> "NewCertificate":
        """One to write, under a name that no earlier one has; whoever calls is alone at it.

        What a failed attempt has left goes. Raises ColdStorageFailed.
        """
        with told("write a certificate"), self._folders.made((CERTIFICATES,)) as folder:
            names = set(os.listdir(folder))
            number, name = 1, f"{tenant_id}{SUFFIX}"
            while name in names:  # Of this tenant before it was restored from a backup.
                number += 1
                name = f"{tenant_id}-{number}{SUFFIX}"
            with suppress(FileNotFoundError):
                os.unlink(name + UNFINISHED, dir_fd=folder)
            descriptor = os.open(name + UNFINISHED, _NEW_FILE, 0o600, dir_fd=folder)
            return NewCertificate(self, name, open(descriptor, "wb"))

    def keep(self, name: str) -> str:
        """Give a written one its name; its path below the root. It may have it already."""
        name = name.removesuffix(UNFINISHED)
        with told(f"keep {name}"), self._folders.opened((CERTIFICATES,)) as folder:
            with suppress(FileExistsError, FileNotFoundError):
                os.link(
                    name + UNFINISHED,
                    name,
                    src_dir_fd=folder,
                    dst_dir_fd=folder,
                    follow_symlinks=False,
                )
            with suppress(FileNotFoundError):
                os.unlink(name + UNFINISHED, dir_fd=folder)
            os.fsync(folder)
        return f"{CERTIFICATES}/{name}"

    def discard(self, name: str) -> None:
        with suppress(OSError), self._folders.opened((CERTIFICATES,)) as folder:
            os.unlink(name + UNFINISHED, dir_fd=folder)
        self._folders.remove_empty(CERTIFICATES)


class NewCertificate:
    """One JSON object, written key by key, and its list of streams one by one."""

    def __init__(self, certificates: Certificates, name: str, file: BinaryIO) -> None:
        self._certificates = certificates
        self.name = name
        self._file = file

    def write(
        self,
        head: dict[str, Any],
        streams: Iterator[dict[str, Any]],
        tail: Callable[[], dict[str, Any]],
    ) -> None:
        """And see to it that it is on the disk. `tail` is asked when the streams are written."""
        with told(f"write {self.name}"), self._file as file:
            file.write(f"{_lines(head)[:-2]},\n".encode())
            file.write(b'  "streams": [')
            separator = b"\n    "
            for stream in streams:
                file.write(separator + json.dumps(stream).encode())
                separator = b",\n    "
            file.write(f"\n  ],\n{_lines(tail())[2:]}\n".encode())
            file.flush()
            os.fsync(file.fileno())

    def keep(self) -> str:
        return self._certificates.keep(self.name)

    def discard(self) -> None:
        """Nothing of it remains."""
        self._file.close()
        self._certificates.discard(self.name)


def _lines(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False)


def _read(name: str, folder: int) -> dict[str, Any] | None:
    """None for what is none, or not complete."""
    try:
        with open(os.open(name, _FILE, dir_fd=folder), "rb") as file:
            content = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    is_one = isinstance(content, dict) and {"tenant", "removed_at", "tables"} <= set(content)
    return content if is_one else None
