"""Files of cold storage that the registry does not know: of somebody who died while he boxed.

Such a file is removed only where the database holds all its events: after a restore from an older
backup it may be the only place where some of them are.
"""

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from eventstore.box_files import BoxedEvent, BoxReader
from eventstore.box_writing import BoxedStream
from eventstore.cold_storage import UNFINISHED, ColdStorage
from eventstore.database import Database
from eventstore.errors import BoxDamaged

#: Events compared by one statement.
PAGE_SIZE = 500

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

    def all(self) -> Iterator[Orphan]:
        """Each file below the root that no box in the registry is, nor was."""
        for path in self._storage.paths():
            if not self._is_known(path):
                yield self.judge(path)

    def remove_of(self, stream: BoxedStream) -> None:
        """Remove what dead attempts at this stream have left; whoever calls holds its row."""
        for path in self._storage.left_behind(stream.tenant_id, stream.aggregate_id):
            if not self._is_known(path) and self.judge(path).is_needless:
                self._storage.remove(path)

    def judge(self, path: str) -> Orphan:
        if path.endswith(UNFINISHED):
            return Orphan(path, is_needless=True, problem="")
        try:
            problem = self._what_is_missing(path)
        except BoxDamaged as error:
            problem = error.problem
        return Orphan(path, not problem, problem)

    def _is_known(self, path: str) -> bool:
        return self._database.row(KNOWN, ([path],)) is not None

    def _what_is_missing(self, path: str) -> str:
        with self._storage.unverified(path) as file:
            reader = BoxReader(file, path)
            header = reader.header
            whose = (header.tenant_id, header.category, header.aggregate_id)
            page: list[BoxedEvent] = []
            missing = 0
            for part in reader.parts():
                if isinstance(part, BoxedEvent):
                    page.append(part)
                if len(page) == PAGE_SIZE:
                    missing += self._missing(page, whose)
                    page = []
            missing += self._missing(page, whose)
        return f"holds {missing} events that the database does not have" if missing else ""

    def _missing(self, page: list[BoxedEvent], whose: tuple[UUID, str, UUID]) -> int:
        columns = ([event.version for event in page], [event.hash for event in page])
        ((held,),) = self._database.rows(HELD, (*columns, *whose))
        return len(page) - int(held)
