"""An aggregate's state on disk, so that loading need not begin with the first event.

A snapshot is never the truth: it is written after the commit, a command does not fail for want
of one, and one that this code cannot read, or of another shape of state, is passed over.
"""

import logging
from typing import Any
from uuid import UUID

import django.db

from eventstore.aggregates import Aggregate, State
from eventstore.database import Database
from eventstore.serialization import StateSerializer, UnreadableState
from eventstore.store import StreamHead

logger = logging.getLogger("daybook.snapshots")

# Keep a state of an active stream of the same incarnation. A stream that is just being boxed is
# locked: it needs no snapshot any more. At one version there is one state, so the last writer,
# who could not use what stood there, is right. The snapshot before it stays, in case this one
# cannot be read; older ones go.
TAKE = """
WITH taken AS (
    INSERT INTO eventstore_snapshot (stream_id, version, state_schema, state, taken_at)
    SELECT id, %s, %s, %s::json, clock_timestamp()
    FROM eventstore_stream
    WHERE tenant_id = %s AND aggregate_id = %s AND status = 'active' AND incarnation = %s
      AND version >= %s
    FOR KEY SHARE SKIP LOCKED
    ON CONFLICT (stream_id, version) DO UPDATE
    SET state_schema = excluded.state_schema, state = excluded.state, taken_at = excluded.taken_at
    RETURNING stream_id, version
), outdated AS (
    DELETE FROM eventstore_snapshot AS old USING taken
    WHERE old.stream_id = taken.stream_id AND old.version < (
        SELECT max(version) FROM eventstore_snapshot
        WHERE stream_id = taken.stream_id AND version < taken.version)
)
SELECT version FROM taken
"""


class Snapshots:
    """One for every `every` events of a stream; 0: none are taken."""

    def __init__(self, database: Database, *, every: int) -> None:
        self._database = database
        self.every = every
        self._serializers: dict[type[Aggregate[Any]], StateSerializer] = {}

    def schema_of(self, aggregate_class: type[Aggregate[Any]]) -> str:
        """What a snapshot must say for this code to read it."""
        return self._serializer(aggregate_class).schema

    def read(self, aggregate_class: type[Aggregate[Any]], text: str) -> State | None:
        """The state in a snapshot of this code's schema, or None where it cannot be read."""
        try:
            return self._serializer(aggregate_class).decode(text)
        except UnreadableState:
            logger.warning("snapshot_unreadable", extra={"category": aggregate_class.category})
            return None

    def is_due(self, version: int, snapshot_version: int) -> bool:
        """Whether a stream at `version` whose last snapshot is older should have a new one."""
        return 0 < self.every <= version - snapshot_version

    def take(
        self,
        aggregate_class: type[Aggregate[Any]],
        tenant_id: UUID,
        aggregate_id: UUID,
        head: StreamHead,
        state: State,
    ) -> bool:
        """Store a committed state, in a transaction of its own; False where it did not work."""
        serializer = self._serializer(aggregate_class)
        whose = (tenant_id, aggregate_id, head.incarnation, head.version)
        try:
            what = (head.version, serializer.schema, serializer.encode(state))
            return self._database.row(TAKE, what + whose) is not None
        except (django.db.Error, TypeError, ValueError, OverflowError) as error:
            # The command is done; the next one on this stream will try again.
            place = {"tenant_id": tenant_id, "aggregate_id": aggregate_id, "error": str(error)}
            logger.warning("snapshot_failed", extra=place)
            self._database.close_if_broken()
            return False

    def _serializer(self, aggregate_class: type[Aggregate[Any]]) -> StateSerializer:
        serializer = self._serializers.get(aggregate_class)
        if serializer is None:
            serializer = StateSerializer(aggregate_class.state_type, aggregate_class.state_version)
            self._serializers[aggregate_class] = serializer
        return serializer
