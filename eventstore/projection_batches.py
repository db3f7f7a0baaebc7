"""One batch of a projection's events: one transaction for rows and checkpoint.

Take the subscription's row, read, project, write the rows, move the checkpoint, commit. Whoever
dies anywhere in it leaves all as it was before; who is frozen between two statements loses the row
after some seconds, and cannot commit any more. (PostgreSQL ends nobody who is frozen while he
receives what he has read: his projection waits until he is thawed or killed.)
"""

import gc
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from django.db import DatabaseError, InterfaceError, OperationalError

from eventstore.database import Database, sqlstate
from eventstore.errors import BoxDamaged, ColdStorageFailed, NotCaughtUp, ProjectionModeDiffers
from eventstore.event_types import EventTypes
from eventstore.fault_points import reach
from eventstore.high_water_mark import HighWaterMark
from eventstore.projections import Mode, Projection, Projections
from eventstore.reading import EventReader, Scanned
from eventstore.rows import BatchRows
from eventstore.subscription_log import SubscriptionLog, Taken

logger = logging.getLogger("daybook.projections")

# Deferred constraints are checked at the commit, where nobody would know for whose event.
CHECK_NOW = "SET CONSTRAINTS ALL IMMEDIATE"

#: PostgreSQL's codes, or their classes, for what is no fault of an event: no connection, a
#: serialization failure, a deadlock, no resources, a late lock, a server that stops.
NO_EVENTS_FAULT = ("08", "40", "53", "55P03", "57P")


class Progress(NamedTuple):
    """What came of one batch: how many events were projected, and whether there may be more."""

    projected: int
    is_more: bool


#: There is nothing to do, or somebody else does it.
NOTHING = Progress(0, is_more=False)


class Overtaken(Exception):
    """The checkpoint does not stand where this batch began."""


class BatchFailed(Exception):
    """The cause is chained. `position` is the last of `count` events that were looked through."""

    def __init__(self, taken: Taken, position: int, count: int) -> None:
        self.taken = taken
        self.position = position
        self.count = count
        super().__init__()


class Obstructed(Exception):
    """A box that it has to read cannot be read, which no event is to blame for. See the cause."""

    def __init__(self, taken: Taken) -> None:
        self.taken = taken
        super().__init__()


class Batches:
    def __init__(
        self,
        database: Database,
        *,
        projections: Projections,
        event_types: EventTypes,
        log: SubscriptionLog,
        reader: EventReader,
        mark: HighWaterMark,
    ) -> None:
        self._database = database
        self._projections = projections
        self._event_types = event_types
        self._log = log
        self._reader = reader
        self.mark = mark

    def advance(self, projection: Projection, limit: int, *, in_line: bool) -> Progress:
        """Project the next events, up to `limit` of all; `in_line`: wait for whoever is at it.

        Raises BatchFailed, Obstructed, Overtaken, NotCaughtUp for one that is not active or waits
        for another attempt, ProjectionModeDiffers, and Django's database errors.
        """
        started = time.perf_counter()
        with self._database.transaction():
            taken = self._take(projection, in_line=in_line)
            if taken is None:
                return NOTHING
            self._check(taken)
            if taken.mode is Mode.INLINE or (taken.is_early and not in_line):
                return NOTHING
            reach("subscription.taken")
            scanned = self._scan(taken, limit)
            try:
                with collector_paused():
                    projected = self._project(projection, taken.position, scanned)
            except (BoxDamaged, ColdStorageFailed) as error:
                raise Obstructed(taken) from error
            except Exception as error:
                # Whatever a team's projection raises, or the database says of its rows.
                if is_of_the_database(error):
                    raise
                raise BatchFailed(taken, scanned.last, scanned.events) from error
            reach("subscription.projected")
            is_level = not scanned.is_more
            self._move(taken, scanned.last, is_level=is_level)
            reach("subscription.moved")
        reach("subscription.committed")
        self._tell(projection, projected, scanned.last, started)
        return Progress(projected, is_more=not is_level)

    def is_level(self, projection: Projection) -> bool:
        """Whether no settled event is left to read; takes no lock, and writes nothing."""
        standing = self._log.standing(projection.name)
        if standing is None:
            return False
        try:
            scanned = self._reader.scan(
                after=standing.position, until=self.mark.settled(), limit=1
            )
        except (BoxDamaged, ColdStorageFailed):
            return False  # There is an event in it.
        return scanned.events == 0 and self._projections.accepts(projection.name, standing.mode)

    def _scan(self, taken: Taken, limit: int) -> Scanned:
        settled = self.mark.settled()
        try:
            return self._reader.scan(after=taken.position, until=settled, limit=limit)
        except (BoxDamaged, ColdStorageFailed) as error:
            raise Obstructed(taken) from error

    def _take(self, projection: Projection, *, in_line: bool) -> Taken | None:
        taken = self._log.take(projection.name, in_line=in_line)
        if taken is None and in_line:
            self._log.ensure()  # Nobody has needed it before.
            taken = self._log.take(projection.name, in_line=True)
        return taken

    def _check(self, taken: Taken) -> None:
        registered = self._projections.mode_of(taken.projection)
        if not self._projections.accepts(taken.projection, taken.mode):
            raise ProjectionModeDiffers(taken.projection, taken.mode, registered)
        if taken.status != "active":
            raise NotCaughtUp(taken.projection, f"it is {taken.status}")
        if taken.is_waiting:
            raise NotCaughtUp(taken.projection, "its last event failed, and is tried again soon")

    def _project(self, projection: Projection, after: int, scanned: Scanned) -> int:
        if scanned.last == after:
            return 0
        types = self._event_types.stored_names(projection.events)
        events = list(self._reader.read_batch(scanned, after=after, types=types))
        rows = BatchRows(self._database, projection)
        if any(table.by_aggregate for table in projection.tables):
            rows.read_ahead({(event.tenant_id, event.aggregate_id) for event in events})
        project = projection.project
        for tenant_id, of_tenant in groupby(events, key=attrgetter("tenant_id")):
            rows_of_tenant = rows.of(tenant_id)
            for recorded in of_tenant:
                project(recorded, rows_of_tenant)
        rows.flush()
        if events:
            self._database.execute(CHECK_NOW)
        return len(events)

    def _move(self, taken: Taken, position: int, *, is_level: bool) -> None:
        is_run = is_level and taken.mode is Mode.SCHEDULED
        if position == taken.position and not is_run:
            return
        as_of = taken.taken_at if is_run else None
        if not self._log.advance(taken, position, as_of):
            raise Overtaken

    def _tell(self, projection: Projection, projected: int, last: int, started: float) -> None:
        if projected:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            line = {"projection": projection.name, "events": projected, "position": last}
            logger.info("batch", extra={**line, "ms": milliseconds})


def is_of_the_database(error: Exception) -> bool:
    """Whether the same events may do well later: it is gone, or somebody else has a lock."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return False
    code = sqlstate(error)
    if code is None:
        return isinstance(error, OperationalError | InterfaceError)
    return code.startswith(NO_EVENTS_FAULT)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Without Python's search for cycles, which makes a batch a fifth slower.

    There are none: what a batch has made is freed when it ends.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
