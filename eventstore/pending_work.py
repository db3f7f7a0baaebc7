"""What still needs a stream as it is, so that it can neither be boxed nor unboxed.

Who asks has locked the stream, so that no event of it can come. Two things that could begin after
the question wait for the answer's transaction: a replay, which takes a lock on the table of boxes
(`eventstore.rebuild_log`), and a projection that begins at the first event (`ENSURE` in
`eventstore.subscription_log`). `TAKE_TURN` is the other half of both.
"""

from uuid import UUID

from eventstore.database import Database

#: What a projection that stands still needs, by its status.
ON_AGAIN = {
    "paused": " and is paused (`manage.py projections resume {}`)",
    "stopped": " and is stopped (`manage.py projections retry {}`, or skip)",
}
#: How many of a kind are named.
MOST_NAMED = 5

# Others may box at the same time; no replay, and no projection that is new, begins until the
# transaction ends.
TAKE_TURN = "SELECT pg_advisory_xact_lock_shared(3502, 0)"
LOCK_BOXES = "LOCK TABLE eventstore_box IN ROW EXCLUSIVE MODE"

# Whoever replays all events holds it.
IS_REPLAYED = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'relation' AND relation = 'eventstore_box'::regclass AND mode = 'ShareLock'
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""

# Projections in the background that have not read as far as the stream goes: all of them, also
# those that only another release has.
UNREAD_BY = """
SELECT projection, status, position FROM eventstore_subscription
WHERE mode <> 'inline' AND position < %s
ORDER BY projection
"""

# Commands for later, and those of process managers, that are not done yet.
COMMANDS = """
SELECT type, status, coalesce(due_at, received_at) FROM eventstore_command
WHERE tenant_id = %(tenant_id)s AND aggregate_id = %(aggregate_id)s
  AND status IN ('scheduled', 'pending')
ORDER BY number LIMIT %(most)s
"""

# Instances of process managers that have not ended, and have had to do with the stream or name its
# aggregate: in their state, in their own id, or in what they have still to react to.
PROCESSES = """
SELECT p.process, p.instance_id, p.waits_for FROM eventstore_process AS p
WHERE p.tenant_id = %(tenant_id)s AND p.waits_for <> '' AND (
    p.instance_id = %(aggregate_id)s
    OR p.state::text LIKE %(named)s
    OR EXISTS (
        SELECT FROM eventstore_reaction AS r
        LEFT JOIN eventstore_event AS e ON e.position = r.event_id
        WHERE r.tenant_id = p.tenant_id AND r.process = p.process
          AND r.instance_id = p.instance_id
          AND (e.stream_id = %(stream_id)s OR r.status <> 'done'
               AND (e.data::text LIKE %(named)s OR r.data::text LIKE %(named)s))))
ORDER BY p.started_at LIMIT %(most)s
"""

# Reactions to the stream's events that are not done, also of instances that have ended.
REACTIONS = """
SELECT r.process, r.instance_id, r.name, r.status FROM eventstore_event AS e
JOIN eventstore_reaction AS r ON r.event_id = e.position AND r.status <> 'done'
WHERE e.stream_id = %(stream_id)s
ORDER BY r.id LIMIT %(most)s
"""


class PendingWorkOf:
    """The questions about one stream, in its transaction."""

    def __init__(
        self, database: Database, tenant_id: UUID, aggregate_id: UUID, stream_id: int
    ) -> None:
        self._database = database
        self._parameters = {
            "tenant_id": tenant_id,
            "aggregate_id": aggregate_id,
            "stream_id": stream_id,
            "named": f"%{aggregate_id}%",
            "most": MOST_NAMED,
        }

    def replays(self) -> list[str]:
        """Asked before `take_turn`, which would wait for them."""
        ((is_replayed,),) = self._database.rows(IS_REPLAYED)
        if not is_replayed:
            return []
        return ["rows of a projection are rebuilt, checked or copied"]

    def take_turn(self) -> None:
        # In this order: a replay that is about to begin holds the table, and may wait for a turn.
        self._database.execute(LOCK_BOXES)
        self._database.execute(TAKE_TURN)

    def projections(self, last_position: int) -> list[str]:
        """Those that have not read the stream's last event."""
        return [
            f"projection {name} has read up to position {position} of {last_position}"
            f"{ON_AGAIN.get(status, '').format(name)}"
            for name, status, position in self._database.rows(UNREAD_BY, (last_position,))
        ]

    def of_the_stream(self) -> list[str]:
        """Commands, instances of process managers, and reactions."""
        found = [
            f"command {name} is {status}, due {due_at:%Y-%m-%d %H:%M} UTC"
            for name, status, due_at in self._database.rows(COMMANDS, self._parameters)
        ]
        found += [
            f"{process} {instance_id} waits for {waits_for}"
            for process, instance_id, waits_for in self._database.rows(PROCESSES, self._parameters)
        ]
        found += [
            f"{process} {instance_id} has not reacted to {name} ({status})"
            for process, instance_id, name, status in self._database.rows(
                REACTIONS, self._parameters
            )
        ]
        return found
