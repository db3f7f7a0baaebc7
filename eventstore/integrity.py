"""Proves that a stream is what was appended to it: versions, positions, hashes, head.

Everything is computed anew from the stored text. `management/verification.py` goes through all
streams with this, and hears the other witnesses.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from eventstore.database import Database
from eventstore.hash_chain import GENESIS, HashChain

#: Rows in memory at once; an event has at most 64 KiB.
PAGE_SIZE = 500

# Every stream's events in order, each with the snapshot at its version; nulls where it has none.
# A time that Python does not know becomes null, since it would end the whole pass.
STREAMS = """
SELECT s.id, coalesce(t.slug, s.tenant_id::text), s.tenant_id, s.category,
       s.category || '-' || s.aggregate_id, s.status, s.version, s.head_hash,
       e.version, e.position, e.type, e.schema_version, e.data::text, e.metadata::text,
       CASE WHEN e.recorded_at BETWEEN '0001-01-02Z' AND '9999-12-30Z' THEN e.recorded_at END,
       e.hash, p.state_schema, p.state::text, p.digest
FROM eventstore_stream AS s
LEFT JOIN eventstore_tenant AS t ON t.id = s.tenant_id
LEFT JOIN eventstore_event AS e ON e.stream_id = s.id
LEFT JOIN eventstore_snapshot AS p ON p.stream_id = e.stream_id AND p.version = e.version
WHERE (%(tenant_id)s::uuid IS NULL OR s.tenant_id = %(tenant_id)s)
  AND (%(aggregate_id)s::uuid IS NULL OR s.aggregate_id = %(aggregate_id)s)
ORDER BY s.id, e.version
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything, one tenant, or one stream of it."""

    tenant_id: UUID | None = None
    aggregate_id: UUID | None = None


class Finding(NamedTuple):
    """A place where what is stored contradicts itself; `problem` is a sentence, no payload."""

    tenant: str
    stream: str
    version: int | None
    position: int | None
    problem: str


class Head(NamedTuple):
    """Where a chain has come to."""

    version: int = 0
    position: int = 0
    hash: bytes = GENESIS


class EventRow(NamedTuple):
    """An event with its stream's row before it and its snapshot, if there is one, behind it."""

    stream_id: int
    tenant: str
    tenant_id: UUID
    category: str
    stream: str
    status: str
    last_version: int
    head_hash: bytes
    version: int | None
    position: int
    type: str
    schema_version: int
    data: str
    metadata: str
    recorded_at: datetime | None
    hash: bytes
    snapshot_schema: str | None
    snapshot: str
    snapshot_digest: bytes


@contextmanager
def one_moment(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own that sees the database as of one moment, and only reads."""
    own = database.connection.copy()
    own.ensure_connection()
    connection: psycopg.Connection[Any] = own.connection
    try:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            yield connection
    finally:
        own.close()


def read(connection: psycopg.Connection[Any], sql: str, scope: Scope) -> Iterator[Any]:
    """A statement's rows, a page at a time, however many there are."""
    with connection.cursor(name="verify") as cursor:
        cursor.itersize = PAGE_SIZE
        yield from cursor.execute(sql, asdict(scope))


def broken_link(before: Head, row: EventRow) -> str | None:
    """Why this event does not continue the chain, in a sentence; None where it does."""
    if row.version != before.version + 1:
        return f"Version {before.version + 1} is missing: version {row.version} follows."
    if row.position <= before.position:
        return f"Its position is not above {before.position}, that of the version before it."
    if row.recorded_at is None:
        return "The time at which it was recorded is none that exists."
    hash_chain = HashChain(
        tenant_id=row.tenant_id,
        stream=row.stream,
        recorded_at=row.recorded_at,
        metadata=row.metadata.encode(),
    )
    expected = hash_chain.link(
        before.hash,
        version=row.version,
        type_name=row.type,
        schema_version=row.schema_version,
        data=row.data.encode(),
    )
    if row.hash == expected:
        return None
    return f"Its hash is {_short(row.hash)}, and what is stored here gives {_short(expected)}."


def wrong_head(row: EventRow, head: Head) -> Finding | None:
    """Where the stream's own row contradicts the end of its chain."""
    if row.last_version != head.version or not head.version:
        problem = f"The stream says version {row.last_version}, its events end at {head.version}."
        return finding(row, problem, min(row.last_version, head.version) + 1)
    if row.head_hash != head.hash:
        hashes = f"{_short(row.head_hash)}, its last event {_short(head.hash)}"
        return finding(row, f"The stream says hash {hashes}.", head.version)
    return None


def finding(row: EventRow, problem: str, version: int | None = None) -> Finding:
    """At the event, or at another version of its stream."""
    if version is None:
        return Finding(row.tenant, row.stream, row.version, row.position, problem)
    return Finding(row.tenant, row.stream, version, None, problem)


def _short(hash_: bytes) -> str:
    return hash_.hex()[:12]
