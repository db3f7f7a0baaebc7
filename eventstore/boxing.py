"""Takes an aggregate offline: its events into a file of cold storage, and out of the database.

All of it is one transaction, that of a `box-aggregate` command. The file is complete, on the disk
and read back before anything is deleted; so whoever dies anywhere leaves the stream online, with a
file that nobody knows (see `eventstore.orphans`), or boxed.
"""

from functools import partial
from uuid import UUID, uuid4

from eventstore.box_commands import BoxAggregate, UnboxAggregate
from eventstore.box_files import BoxReader
from eventstore.box_writing import BoxedStream, BoxWriter, Extent
from eventstore.boxed_events import refuse_a_change, refuse_another_stream
from eventstore.cache import AggregateCache
from eventstore.cold_ownership import Ownership
from eventstore.cold_storage import ColdStorage, StoredFile
from eventstore.database import STILL_HERE_EVERY, Database
from eventstore.errors import (
    AggregateNotFound,
    BoxDamaged,
    ColdStorageFailed,
    NotBoxable,
    NotCaughtUp,
    PendingWork,
    ProjectionModeDiffers,
)
from eventstore.fault_points import reach
from eventstore.pending_work import UNREAD_BY, PendingWorkOf
from eventstore.projections import Projection, Projections
from eventstore.repository import Repository
from eventstore.subscriptions import Subscriptions

# Nobody appends to the stream, or takes a snapshot of it, until the transaction ends.
LOCK_STREAM = """
SELECT s.id, s.tenant_id, t.slug, s.category, s.aggregate_id, s.status, s.version, s.head_hash
FROM eventstore_stream AS s JOIN eventstore_tenant AS t ON t.id = s.tenant_id
WHERE s.tenant_id = %s AND s.category = %s AND s.aggregate_id = %s
FOR UPDATE OF s
"""

# Of a stream, whether it is online or in a box.
LAST_POSITION = """
SELECT coalesce(
    (SELECT e.position FROM eventstore_event AS e
     WHERE e.stream_id = s.id AND e.version = s.version),
    (SELECT b.last_position FROM eventstore_box AS b
     WHERE b.tenant_id = s.tenant_id AND b.stream_id = s.id AND b.unboxed_at IS NULL))
FROM eventstore_stream AS s WHERE s.tenant_id = %s AND s.aggregate_id = %s
"""

# The transaction's id is what the guard of the event table knows the box by.
REGISTER = """
INSERT INTO eventstore_box
    (id, tenant_id, stream_id, path, size, digest, event_count, command_count, last_version,
     first_position, last_position, boxed_at, boxed_by, reason, boxed_in)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
        pg_current_xact_id()::text::bigint)
"""
DELETE_EVENTS = "DELETE FROM eventstore_event WHERE stream_id = %s"
DELETE_SNAPSHOTS = "DELETE FROM eventstore_snapshot WHERE stream_id = %s"
MARK = "UPDATE eventstore_stream SET status = 'boxed' WHERE id = %s"


class Boxing:
    """The handler of `box-aggregate`."""

    def __init__(
        self,
        database: Database,
        storage: ColdStorage,
        *,
        writer: BoxWriter,
        projections: Projections,
        subscriptions: Subscriptions,
        cache: AggregateCache,
    ) -> None:
        self._database = database
        self._storage = storage
        self._writer = writer
        self._projections = projections
        self._subscriptions = subscriptions
        self._cache = cache
        self._ownership = Ownership(database, storage)

    def let_projections_read(
        self, command: BoxAggregate | UnboxAggregate, tenant_id: UUID
    ) -> None:
        """Before the transaction: bring those level that have not read the stream's last event.

        A worker does that anyway, but not at once for what is read on demand or at an interval.
        Those that cannot go on are named in the refusal.
        """
        row = self._database.row(LAST_POSITION, (tenant_id, command.aggregate_id))
        if row is None or row[0] is None:
            return
        for projection in self._behind(row[0]):
            try:
                self._subscriptions.catch_up(projection)
            except (NotCaughtUp, ProjectionModeDiffers):
                continue

    def _behind(self, position: int) -> list[Projection]:
        found = [
            self._projections.named(name)
            for name, *_ in self._database.rows(UNREAD_BY, (position,))
        ]
        return [projection for projection in found if projection]

    def box(self, command: BoxAggregate, repository: Repository) -> None:
        """Box one aggregate; one that is boxed stays so, and the answer's detail says it.

        Raises AggregateNotFound, StaleVersion, PendingWork, CorruptStream and NotBoxable where the
        events are not those of the stream's row, or not as they were hashed, and
        ColdStorageFailed. Whatever it raises, no file remains.
        """
        stream = lock_stream(self._database, command, repository)
        name = f"The {command.category} {command.aggregate_id}"
        if stream.status == "boxed":
            repository.detail = f"{name} is in cold storage already."
            return
        extent = self._writer.extent(stream)
        self._refuse_pending(stream, extent)
        stored = self._box(stream, extent, repository.user, command.reason)
        repository.detail = (
            f"{name} is in cold storage: {counted_events(extent.events)} in {stored.path}."
        )
        self._database.after_commit(
            partial(self._cache.drop, stream.tenant_id, stream.category, stream.aggregate_id)
        )

    def _refuse_pending(self, stream: BoxedStream, extent: Extent) -> None:
        pending = PendingWorkOf(self._database, stream.tenant_id, stream.aggregate_id, stream.id)
        found = pending.of_the_stream() + pending.replays()
        if not found:
            pending.take_turn()
            found = pending.projections(extent.last_position)
        if found:
            raise PendingWork(stream.category, stream.aggregate_id, found)

    def _box(self, stream: BoxedStream, extent: Extent, by: str, why: str) -> StoredFile:
        box_id = uuid4()
        self._ownership.claim()
        # Whatever happens before the end of this block, no file remains.
        with self._storage.new_file(stream.tenant_id, stream.aggregate_id, box_id) as file:
            reach("box.begun")
            commands = self._writer.write(file, box_id, stream, extent, by, why)
            reach("box.written")
            stored = file.keep()
            reach("box.kept")
            self._verify(stored, stream)
            reach("box.verified")
            self._register(box_id, stream, stored, extent, commands, by, why)
            for statement in (DELETE_EVENTS, DELETE_SNAPSHOTS, MARK):
                self._database.execute(statement, (stream.id,))
            reach("box.deleted")
        return stored

    def _register(
        self,
        box_id: UUID,
        stream: BoxedStream,
        stored: StoredFile,
        extent: Extent,
        commands: int,
        by: str,
        why: str,
    ) -> None:
        what = (box_id, stream.tenant_id, stream.id, *stored, extent.events, commands)
        until = (stream.version, extent.first_position, extent.last_position)
        self._database.execute(REGISTER, (*what, *until, extent.now, by, why))

    def _verify(self, stored: StoredFile, stream: BoxedStream) -> None:
        """Read it as whoever unboxes it will; raises NotBoxable, and ColdStorageFailed."""
        try:
            with self._storage.opened(stored) as file:
                reader = BoxReader(file, stored.path)
                try:
                    self._read(reader, stored, stream)
                except BoxDamaged as error:
                    # It stands there as it was written: not the storage is to blame.
                    raise NotBoxable(stream.name, error.problem) from error
                refuse_a_change(reader, stored)
        except BoxDamaged as error:
            # No damage: the stream is online, and the next try may go well.
            raise ColdStorageFailed("read back what was written", error.problem) from error

    def _read(self, reader: BoxReader, stored: StoredFile, stream: BoxedStream) -> None:
        refuse_another_stream(reader, stored.path, stream)
        for number, _ in enumerate(reader.parts()):
            if not number % STILL_HERE_EVERY:
                self._database.still_here()


def lock_stream(
    database: Database, command: BoxAggregate | UnboxAggregate, repository: Repository
) -> BoxedStream:
    """The stream, until the transaction ends; raises AggregateNotFound and StaleVersion."""
    whose = (repository.tenant_id, command.category, command.aggregate_id)
    row = database.row(LOCK_STREAM, whose)
    if row is None:
        raise AggregateNotFound(command.category, command.aggregate_id)
    stream = BoxedStream(*row)
    repository.check_expected(stream.category, stream.aggregate_id, stream.version)
    return stream


def counted_events(events: int) -> str:
    return f"{events} event{'s' if events != 1 else ''}"
