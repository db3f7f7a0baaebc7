"""Where events lie in the log: up to which position the next ones go, and how far it reaches.

In the table or in cold storage. Which ones they are, `eventstore.reading` tells.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from eventstore.database import Database

# Whether boxes hold events between two positions.
IN_BOXES = """
EXISTS (SELECT FROM eventstore_box WHERE unboxed_at IS NULL
          AND last_position > %(after)s AND first_position <= %(until)s)
"""

# The last of so many events after a position.
SCANNED = f"""
SELECT coalesce(max(position), %(after)s), count(*), {IN_BOXES} FROM (
    SELECT position FROM eventstore_event WHERE position > %(after)s AND position <= %(until)s
    ORDER BY position LIMIT %(limit)s) AS scanned
"""

# The last position up to another one.
LAST_POSITION = f"""
SELECT coalesce(max(position), 0), {IN_BOXES} FROM eventstore_event WHERE position <= %(until)s
"""

# The first position up to another one whose event was recorded later than a time.
FIRST_LATER = f"""
SELECT min(position), {IN_BOXES} FROM eventstore_event
WHERE position <= %(until)s AND recorded_at > %(time)s
"""

#: Larger than any version or position.
END = 2**63 - 1


class Scanned(NamedTuple):
    """The position of the last of so many events; none: the one where the reader began.

    `in_boxes`: some of them lie in cold storage. `is_more`: there were as many as were asked for.
    """

    last: int
    events: int
    in_boxes: bool = False
    is_more: bool = False


class BoxedLog(Protocol):
    """The events in cold storage; see `eventstore.boxed_events`."""

    def scan(
        self, *, after: int, until: int, limit: int, tenant_id: UUID | None = None
    ) -> tuple[int, int]: ...

    def rows(
        self,
        *,
        after: int,
        last: int,
        types: Sequence[str] | None = None,
        tenant_id: UUID | None = None,
    ) -> list[tuple[Any, ...]]: ...

    def first_later(self, moment: datetime, until: int) -> int | None: ...

    def rest(self) -> None: ...


class Scanning:
    def __init__(self, database: Database, boxed: BoxedLog) -> None:
        self._database = database
        self._boxed = boxed

    def scan(
        self, *, after: int, until: int, limit: int, tenant_id: UUID | None = None
    ) -> Scanned:
        """Where the next events after a position end, `limit` of them or as many as there are.

        With those in cold storage it may be nearly twice as many. `tenant_id`: no other tenant's
        boxes need be looked into. Raises BoxDamaged for a box that is not as it was, and
        ColdStorageFailed.

        Nobody may box or unbox what lies ahead of a reader: whoever replays holds the lock of
        `RebuildLog.alone`, and no box is closed or opened ahead of a projection's checkpoint.
        """
        span = {"after": after, "until": until, "limit": limit}
        last, events, in_boxes = self._scanned(span)
        if not in_boxes:
            self._boxed.rest()
            return Scanned(last, events, is_more=events == limit)
        if events == limit:
            span["until"] = last  # Boxes that lie wholly behind it are for a later call.
        boxed_last, boxed = self._boxed.scan(**span, tenant_id=tenant_id)
        # Behind the end of a part of which there is more, the other one must not be read.
        ends = [end for end, count in ((last, events), (boxed_last, boxed)) if count == limit]
        end = min(ends, default=max(last, boxed_last))
        if last > end:
            _, events, _ = self._scanned(span | {"until": end})
        if boxed_last > end:
            _, boxed = self._boxed.scan(after=after, until=end, limit=limit, tenant_id=tenant_id)
        return Scanned(end, events + boxed, in_boxes=True, is_more=bool(ends))

    def last_position(self, until: int) -> int:
        """Of the last event up to a position; 0: of none."""
        span = {"until": until, "after": 0}
        ((last, in_boxes),) = self._database.rows(LAST_POSITION, span)
        if in_boxes:
            last, _ = self._boxed.scan(after=last, until=until, limit=END)
        return int(last)

    def last_position_as_of(self, time: datetime, until: int) -> int:
        """Of the last event before the first one that was recorded later, up to a position."""
        span = {"until": until, "after": 0, "time": time}
        ((first_later, in_boxes),) = self._database.rows(FIRST_LATER, span)
        found = [first_later, self._boxed.first_later(time, until) if in_boxes else None]
        later = min((position for position in found if position is not None), default=until + 1)
        return self.last_position(later - 1)

    def _scanned(self, span: dict[str, int]) -> tuple[int, int, bool]:
        """Of the table: the last position, how many events, and whether boxes hold others."""
        ((last, events, in_boxes),) = self._database.rows(SCANNED, span)
        return last, events, in_boxes
