"""Brings an aggregate back from cold storage: positions, versions, times, hashes as they were.

All of it is one transaction, that of an `unbox-aggregate` command. The registry in the database is
what the file is verified against; of what the file says of itself nothing is believed.
"""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DataError, IntegrityError

from eventstore.box_commands import UnboxAggregate
from eventstore.box_files import BoxedCommand, BoxedEvent, BoxedSnapshot, BoxReader, Part
from eventstore.box_writing import BoxedStream
from eventstore.boxed_events import refuse_a_change, refuse_another_stream
from eventstore.boxing import counted_events, lock_stream
from eventstore.cold_storage import ColdStorage, StoredFile
from eventstore.database import Database
from eventstore.errors import BoxDamaged, PendingWork
from eventstore.fault_points import reach
from eventstore.pending_work import PendingWorkOf
from eventstore.projections import Projections
from eventstore.repository import Repository

#: Commands written at once.
PAGE_SIZE = 500

REGISTERED = """
SELECT id, path, size, digest, event_count, last_position FROM eventstore_box
WHERE tenant_id = %s AND stream_id = %s AND unboxed_at IS NULL
"""

# The transaction's id is what the guard of the event table knows the box by.
MARK_BOX = """
UPDATE eventstore_box
SET unboxed_at = clock_timestamp(), unboxed_in = pg_current_xact_id()::text::bigint
WHERE id = %s
"""

# All at once: the guard compares them with the box.
COPY = """
COPY eventstore_event (stream_id, tenant_id, version, position, type, schema_version, data,
                       metadata, recorded_at, hash) FROM STDIN
"""

# By id alone: where the table was never analyzed, more conditions would mislead the planner.
RESTORE_COMMANDS = """
UPDATE eventstore_command AS c
SET data = CASE WHEN c.aggregate_id = %s AND c.type = b.type THEN b.data::json ELSE c.data END
FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS b(id, type, data)
WHERE c.tenant_id = %s AND c.id = b.id
"""

RESTORE_SNAPSHOT = """
INSERT INTO eventstore_snapshot (stream_id, version, state_schema, state, digest, taken_at)
VALUES (%s, %s, %s, %s::json, %s, clock_timestamp())
"""

MARK_STREAM = """
UPDATE eventstore_stream SET status = 'active', incarnation = incarnation + 1 WHERE id = %s
"""


class _Registered(NamedTuple):
    id: UUID
    path: str
    size: int
    digest: bytes
    event_count: int
    last_position: int


class Unboxing:
    """The handler of `unbox-aggregate`."""

    def __init__(
        self, database: Database, storage: ColdStorage, *, projections: Projections
    ) -> None:
        self._database = database
        self._storage = storage
        self._projections = projections

    def unbox(self, command: UnboxAggregate, repository: Repository) -> None:
        """Unbox one aggregate; one that is online stays so, and the answer's detail says it.

        The file stays where it is. Raises AggregateNotFound, StaleVersion, BoxDamaged, and
        PendingWork while rows are rebuilt, or a projection has not read the events in the box.
        """
        stream = lock_stream(self._database, command, repository)
        name = f"The {command.category} {command.aggregate_id}"
        if stream.status != "boxed":
            repository.detail = f"{name} is not in cold storage."
            return
        row = self._database.row(REGISTERED, (stream.tenant_id, stream.id))
        if row is None:
            raise BoxDamaged(f"of {command.category}-{command.aggregate_id}", "is not registered")
        box = _Registered(*row)
        self._refuse_pending(stream, box)
        self._restore(stream, box)
        repository.detail = f"{name} is back from cold storage: {counted_events(box.event_count)}."

    def _refuse_pending(self, stream: BoxedStream, box: _Registered) -> None:
        pending = PendingWorkOf(self._database, stream.tenant_id, stream.aggregate_id, stream.id)
        found = pending.replays()
        if not found:
            pending.take_turn()
            found = pending.projections(box.last_position)
        if found:
            raise PendingWork(stream.category, stream.aggregate_id, found)

    def _restore(self, stream: BoxedStream, box: _Registered) -> None:
        stored = StoredFile(box.path, box.size, box.digest)
        with self._storage.opened(stored) as file:
            reader = BoxReader(file, box.path)
            refuse_another_stream(reader, box.path, stream)
            self._database.execute(MARK_BOX, (box.id,))
            reach("unbox.begun")
            try:
                self._restore_parts(stream, reader.parts())
            except (DataError, IntegrityError) as error:
                raise BoxDamaged(box.path, "holds what the tables do not take") from error
            refuse_a_change(reader, stored)
        self._database.execute(MARK_STREAM, (stream.id,))
        reach("unbox.restored")

    def _restore_parts(self, stream: BoxedStream, parts: Iterator[Part]) -> None:
        rest = self._copy_events(stream, parts)
        reach("unbox.copied")
        self._restore_rest(stream, rest)

    def _copy_events(self, stream: BoxedStream, parts: Iterator[Part]) -> Iterator[Part]:
        """The parts behind the events."""
        connection = self._database.connection
        with (
            connection.wrap_database_errors,
            connection.cursor() as cursor,
            cursor.copy(COPY) as copy,
        ):
            for part in parts:
                if not isinstance(part, BoxedEvent):
                    return chain((part,), parts)
                copy.write_row((stream.id, stream.tenant_id, *part))
        return iter(())

    def _restore_rest(self, stream: BoxedStream, parts: Iterator[Part]) -> None:
        while page := list(islice(parts, PAGE_SIZE)):
            commands = [part for part in page if isinstance(part, BoxedCommand)]
            columns: tuple[list[Any], ...] = tuple(map(list, zip(*commands, strict=True)))
            if columns:
                parameters = (stream.aggregate_id, *columns, stream.tenant_id)
                self._database.execute(RESTORE_COMMANDS, parameters)
            for part in page:
                if isinstance(part, BoxedSnapshot):
                    self._database.execute(RESTORE_SNAPSHOT, (stream.id, *part))
