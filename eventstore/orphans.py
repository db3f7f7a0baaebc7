"""Files of cold storage that the registry does not know: of somebody who died while he boxed.

Such a file is removed only where the database holds all its events: after a restore from an older
backup it may be the only place where some of them are.
"""

import os
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, NamedTuple
from uuid import UUID

from eventstore.box_files import LONGEST_LINE, BoxedEvent, BoxReader
from eventstore.cold_ownership import Ownership
from eventstore.cold_storage import UNFINISHED, ColdStorage
from eventstore.database import Database
from eventstore.errors import BoxDamaged

#: Events compared by one statement.
PAGE_SIZE = 500

# Nobody boxes the stream, or is about to commit a box of it, until the transaction ends.
LOCK = "SELECT FROM eventstore_stream WHERE tenant_id = %s AND aggregate_id = %s FOR UPDATE"

KNOWN = "SELECT path FROM eventstore_box WHERE path = ANY(%s)"

# How many of these events the database holds, each by its version and hash.
HELD = """
SELECT count(*) FROM eventstore_stream AS s
JOIN eventstore_event AS e ON e.stream_id = s.id
JOIN unnest(%s::bigint[], %s::bytea[]) AS f(version, hash)
    ON f.version = e.version AND f.hash = e.hash
WHERE s.tenant_id = %s AND s.category = %s AND s.aggregate_id = %s
"""


class Orphan(NamedTuple):
    """`is_needless`: all that is in it is in the database; if not, `problem` says why."""

    path: str
    is_needless: bool
    problem: str


class Orphans:
    def __init__(self, database: Database, storage: ColdStorage) -> None:
        self._database = database
        self._storage = storage
        self._ownership = Ownership(database, storage)

    def all(self) -> Iterator[Orphan]:
        """Each file below the root that no box in the registry is, nor was."""
        for path in self.unknown():
            yield self.judge(path)

    def unknown(self, below: str = "") -> Iterator[str]:
        """The paths of such files; `below`: how they begin. Some may just be written: `look`."""
        paths = (path for path in self._storage.paths() if path.startswith(below))
        while page := list(islice(paths, PAGE_SIZE)):
            asked = [path for path in page if _is_text(path)]
            known = {path for (path,) in self._database.rows(KNOWN, (asked,))}
            yield from (path for path in page if path not in known)

    def look(self, path: str) -> Orphan | None:
        """Judge a file if it still is an orphan; None where it is none, or is gone.

        In a transaction of its own that holds the row of the stream in whose folder the file lies:
        a file that somebody is just writing, or that he has not committed, looks like an orphan.
        """
        with self._database.transaction():
            return self._looked(path)

    def remove(self, path: str) -> Orphan | None:
        """The same, and remove it where it is needless; never from another database's folder."""
        with self._database.transaction():
            orphan = self._looked(path)
            if orphan is None or not orphan.is_needless:
                return orphan
            if foreign := self._ownership.foreign():
                return Orphan(path, is_needless=False, problem=f"lies where {foreign}")
            self._storage.remove(path)
        return orphan

    def _looked(self, path: str) -> Orphan | None:
        if (whose := _stream_of(path)) is not None:
            self._database.execute(LOCK, whose)
        if self._is_known(path) or not os.path.lexists(self._storage.root / path):
            return None
        return self.judge(path)

    def judge(self, path: str) -> Orphan:
        if not _is_text(path):
            told = path.encode("utf-8", "replace").decode()
            return Orphan(told, is_needless=False, problem="has a name that no box has")
        try:
            problem = self._what_is_missing(path)
        except BoxDamaged as error:
            problem = error.problem
        return Orphan(path, not problem, problem)

    def _is_known(self, path: str) -> bool:
        return _is_text(path) and self._database.row(KNOWN, ([path],)) is not None

    def _what_is_missing(self, path: str) -> str:
        is_unfinished = path.endswith(UNFINISHED)
        if is_unfinished and self._storage.is_none_of_ours(path):
            return ""
        with self._storage.unverified(path) as file:
            if is_unfinished and not _has_a_line(file):
                return ""
            reader = BoxReader(file, path)
            header = reader.header
            whose = (header.tenant_id, header.category, header.aggregate_id)
            missing = 0
            events = _events(reader, is_unfinished=is_unfinished)
            while page := list(islice(events, PAGE_SIZE)):
                missing += self._missing(page, whose)
        return f"holds {missing} events that the database does not have" if missing else ""

    def _missing(self, page: list[BoxedEvent], whose: tuple[UUID, str, UUID]) -> int:
        columns = ([event.version for event in page], [event.hash for event in page])
        ((held,),) = self._database.rows(HELD, (*columns, *whose))
        return len(page) - int(held)


def _has_a_line(file: BinaryIO) -> bool:
    """Whether anything can be read of a file that somebody has not finished."""
    has_one = file.readline(LONGEST_LINE).endswith(b"\n")
    file.seek(0)
    return has_one


def _events(reader: BoxReader, *, is_unfinished: bool) -> Iterator[BoxedEvent]:
    """Of an unfinished file as far as it goes: its name does not prove that it was never a box."""
    try:
        for part in reader.parts():
            if isinstance(part, BoxedEvent):
                yield part
    except BoxDamaged:
        if not is_unfinished:
            raise


def _is_text(path: str) -> bool:
    """Whether the name is text, as those that we give are, and not just any bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stream_of(path: str) -> tuple[UUID, UUID] | None:
    """The tenant and the aggregate in whose folder a file lies; None: in no folder of ours."""
    folders = path.split("/")[:-1]
    try:
        tenant_id, aggregate_id = map(UUID, folders)
    except ValueError:
        return None
    return tenant_id, aggregate_id
