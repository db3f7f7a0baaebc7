"""An aggregate's state on disk, so that loading need not begin with the first event.

A snapshot is never the truth: it is written after the commit, a command does not fail for want
of one, and one that this code cannot read, or of another shape of state, is passed over.
"""

import logging
from hashlib import sha256
from typing import Any
from uuid import UUID

import django.db

from eventstore.aggregates import Aggregate, State
from eventstore.database import Database
from eventstore.serialization import StateSerializer, UnreadableState
from eventstore.store import StoredState, StreamHead

logger = logging.getLogger("daybook.snapshots")

# Keep a state of an active stream of the same incarnation. A stream that is just being boxed is
# locked: it needs no snapshot any more. At one version there is one state, so the last writer,
# who could not use what stood there, is right. The snapshot before it stays, in case this one
# cannot be read; older ones go.
TAKE = """
WITH taken AS (
    INSERT INTO eventstore_snapshot (stream_id, version, state_schema, state, digest, taken_at)
    SELECT id, %s, %s, %s::json, %s, clock_timestamp()
    FROM eventstore_stream
    WHERE tenant_id = %s AND aggregate_id = %s AND status = 'active' AND incarnation = %s
      AND version >= %s
    FOR KEY SHARE SKIP LOCKED
    ON CONFLICT (stream_id, version) DO UPDATE
    SET state_schema = excluded.state_schema, state = excluded.state,
        digest = excluded.digest, taken_at = excluded.taken_at
    RETURNING stream_id, version
), outdated AS (
    DELETE FROM eventstore_snapshot AS old USING taken
    WHERE old.stream_id = taken.stream_id AND old.version < (
        SELECT max(version) FROM eventstore_snapshot
        WHERE stream_id = taken.stream_id AND version < taken.version)
)
SELECT version FROM taken
"""


def digest_of(event_hash: bytes, state_schema: str, state: str) -> bytes:
    """SHA-256 over the hash of the event at the snapshot's version, its schema and its state.

    So a state that was changed by hand, and one of another past than the stream's, are noticed.
    """
    return sha256(event_hash + state_schema.encode() + b":" + state.encode()).digest()


class Snapshots:
    """One for every `every` events of a stream; 0: none are taken."""

    def __init__(self, database: Database, *, every: int) -> None:
        self._database = database
        self.every = every
        self._serializers: dict[type[Aggregate[Any]], StateSerializer] = {}

    def schema_of(self, aggregate_class: type[Aggregate[Any]]) -> str:
        """What a snapshot must say for this code to read it."""
        return self._serializer(aggregate_class).schema

    def read(self, aggregate_class: type[Aggregate[Any]], stored: StoredState) -> State | None:
        """The state in a snapshot of this code's schema; None where it cannot be used."""
        serializer = self._serializer(aggregate_class)
        try:
            if digest_of(stored.event_hash, serializer.schema, stored.state) == stored.digest:
                return serializer.decode(stored.state)
        except UnreadableState:
            pass
        logger.warning("snapshot_unusable", extra={"category": aggregate_class.category})
        return None

    def is_due(self, version: int, snapshot_version: int) -> bool:
        """Whether a stream at `version` whose last snapshot is older should have a new one."""
        return 0 < self.every <= version - snapshot_version

    def written(
        self, aggregate_class: type[Aggregate[Any]], head_hash: bytes, state: State
    ) -> tuple[str, str, bytes]:
        """State schema, state and digest, as they are stored; raises what the state cannot do."""
        serializer = self._serializer(aggregate_class)
        text = serializer.encode(state)
        return serializer.schema, text, digest_of(head_hash, serializer.schema, text)

    def take(
        self,
        aggregate_class: type[Aggregate[Any]],
        tenant_id: UUID,
        aggregate_id: UUID,
        head: StreamHead,
        state: State,
    ) -> bool:
        """Store a committed state, in a transaction of its own; False where it did not work."""
        whose = (tenant_id, aggregate_id, head.incarnation, head.version)
        try:
            what = (head.version, *self.written(aggregate_class, head.head_hash, state))
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
