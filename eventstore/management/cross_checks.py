"""What a stream alone cannot show: rows that belong to none, and what the command log remembers.

The log keeps the type, version and position of each event that a command recorded. So a tail or
a whole stream that somebody cut off neatly, and an event that they added, contradict the log.
"""

from collections.abc import Iterator
from itertools import starmap
from typing import Any

import psycopg

from eventstore.integrity import Finding, Scope, read
from eventstore.management.box_verification import BoxVerification

# Events without a stream, or of another tenant than their stream's.
STRAY_EVENTS = """
SELECT coalesce(t.slug, e.tenant_id::text),
       coalesce(s.category || '-' || s.aggregate_id, 'stream ' || e.stream_id),
       min(e.version), min(e.position),
       format('%%s events, this the first, belong to a stream %%s.', count(*),
              coalesce('of tenant ' || s.tenant_id, 'that does not exist'))
FROM eventstore_event AS e
LEFT JOIN eventstore_stream AS s ON s.id = e.stream_id
LEFT JOIN eventstore_tenant AS t ON t.id = e.tenant_id
WHERE s.tenant_id IS DISTINCT FROM e.tenant_id
  AND (%(tenant_id)s::uuid IS NULL OR %(tenant_id)s IN (e.tenant_id, s.tenant_id))
  AND (%(aggregate_id)s::uuid IS NULL OR s.aggregate_id = %(aggregate_id)s)
GROUP BY t.slug, e.tenant_id, e.stream_id, s.id
ORDER BY min(e.position)
"""

# Snapshots of a version that their stream does not have.
STRAY_SNAPSHOTS = """
SELECT coalesce(t.slug, s.tenant_id::text, ''),
       coalesce(s.category || '-' || s.aggregate_id, 'stream ' || p.stream_id),
       p.version, NULL, 'A snapshot is of this version, which the stream does not have.'
FROM eventstore_snapshot AS p
LEFT JOIN eventstore_stream AS s ON s.id = p.stream_id
LEFT JOIN eventstore_tenant AS t ON t.id = s.tenant_id
WHERE NOT EXISTS (
        SELECT FROM eventstore_event AS e
        WHERE e.stream_id = p.stream_id AND e.version = p.version)
  AND (%(tenant_id)s::uuid IS NULL OR s.tenant_id = %(tenant_id)s)
  AND (%(aggregate_id)s::uuid IS NULL OR s.aggregate_id = %(aggregate_id)s)
ORDER BY p.stream_id, p.version
"""

# Boxed streams whose box is not registered, or is not of all their events.
UNREGISTERED_BOXES = """
SELECT coalesce(t.slug, s.tenant_id::text), s.category || '-' || s.aggregate_id, s.version, NULL,
       'The stream is boxed, and no box of all its events is registered.'
FROM eventstore_stream AS s
LEFT JOIN eventstore_tenant AS t ON t.id = s.tenant_id
WHERE s.status = 'boxed'
  AND NOT EXISTS (
        SELECT FROM eventstore_box AS b
        WHERE b.stream_id = s.id AND b.tenant_id = s.tenant_id AND b.unboxed_at IS NULL
          AND b.last_version = s.version AND b.event_count = s.version)
  AND (%(tenant_id)s::uuid IS NULL OR s.tenant_id = %(tenant_id)s)
  AND (%(aggregate_id)s::uuid IS NULL OR s.aggregate_id = %(aggregate_id)s)
ORDER BY s.id
"""

# The events that commands answered with, against those that name a command as their cause. One
# that is lost may lie in a box: who has read the boxes is asked.
COMMAND_LOG = """
WITH answered AS (
    SELECT c.tenant_id, c.id::text AS command_id, event.*, c.type AS command, c.aggregate_id,
           concat_ws('-', c.result ->> 'category', c.aggregate_id) AS stream
    FROM eventstore_command AS c
    CROSS JOIN jsonb_to_recordset(c.result -> 'events')
        AS event(type text, version bigint, position bigint)
    WHERE c.status = 'completed' AND (%(tenant_id)s::uuid IS NULL OR c.tenant_id = %(tenant_id)s)
), caused AS (
    SELECT e.tenant_id, e.metadata ->> 'causation_id' AS command_id, e.type, e.version,
           e.position, s.aggregate_id,
           coalesce(s.category || '-' || s.aggregate_id, 'stream ' || e.stream_id) AS stream
    FROM eventstore_event AS e
    LEFT JOIN eventstore_stream AS s ON s.id = e.stream_id
    WHERE e.metadata ->> 'causation_id' IS NOT NULL
      AND (%(tenant_id)s::uuid IS NULL OR e.tenant_id = %(tenant_id)s)
), parted AS (
    SELECT tenant_id, command_id, type, version, position, command, caused.stream IS NULL AS lost,
           coalesce(caused.stream, answered.stream) AS stream,
           coalesce(caused.aggregate_id, answered.aggregate_id) AS aggregate_id
    FROM answered FULL JOIN caused USING (tenant_id, command_id, type, version, position)
    WHERE answered.stream IS NULL OR caused.stream IS NULL
)
SELECT lost, parted.tenant_id, command_id, type,
       coalesce(t.slug, parted.tenant_id::text), stream, parted.version, position,
       CASE WHEN lost
            THEN format('Command %%s (%%s) recorded %%s here, and it is not there.',
                        command_id, command, type)
            ELSE format('This %%s says that command %%s caused it, which that one does not say.',
                        type, command_id)
       END
FROM parted LEFT JOIN eventstore_tenant AS t ON t.id = parted.tenant_id
WHERE (%(aggregate_id)s::uuid IS NULL OR parted.aggregate_id = %(aggregate_id)s)
ORDER BY parted.tenant_id, position, lost
"""


def cross_findings(
    connection: psycopg.Connection[Any], scope: Scope, boxes: BoxVerification
) -> Iterator[Finding]:
    """Where streams, snapshots and the command log contradict each other.

    `boxes` have been read.
    """
    yield from starmap(Finding, read(connection, STRAY_EVENTS, scope))
    yield from starmap(Finding, read(connection, UNREGISTERED_BOXES, scope))
    try:
        with connection.transaction():
            for lost, tenant_id, cause, type_name, *found in read(connection, COMMAND_LOG, scope):
                told = Finding._make(found)
                version, position = told.version or 0, told.position or 0
                if not (lost and boxes.holds(tenant_id, cause, type_name, version, position)):
                    yield told
    except psycopg.DataError as error:
        # A forged answer or origin that has no longer the form in which it is written.
        problem = f"The command log cannot be compared: {error.diag.message_primary}."
        yield Finding("", "", None, None, problem)
    yield from starmap(Finding, read(connection, STRAY_SNAPSHOTS, scope))
