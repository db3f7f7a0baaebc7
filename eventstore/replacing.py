"""How new rows take the place of old ones: filled while those serve, then put there at once.

What is left at the end is one short transaction: lock, replay what has come since, put the new
tables in the place of the old ones. A process that dies before its commit leaves the old version,
one that dies after it the new one.

The locks come in one order, that of every writer: the subscription, as workers have it, then the
event table (in inline mode), then the read tables. Who has appended, and writes his rows next, is
waited for; who comes later waits for us with nothing in his hands.
"""

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from django.db import OperationalError

from eventstore.database import Database, sqlstate
from eventstore.errors import NotRebuildable, ProjectionModeDiffers
from eventstore.fault_points import reach
from eventstore.high_water_mark import HighWaterMark
from eventstore.projections import Mode, Projection, Table
from eventstore.reading import END
from eventstore.replaying import Place, Replay
from eventstore.row_differences import mend
from eventstore.shadow_tables import ShadowTables
from eventstore.subscription_log import SubscriptionLog, Taken

#: How many rows are mended in one step: no command waits longer than that takes.
AT_ONCE = 1000
#: How often the last step is tried, where others hold its locks.
TRIES = 100
# How long it waits for each lock: whoever comes later waits behind it as long.
WAIT_SHORTLY = "SELECT set_config('lock_timeout', '150ms', true)"
# For PostgreSQL's own vacuum, which gives way to whoever has waited for it for a second; nobody
# else waits meanwhile.
WAIT_PATIENTLY = "SELECT set_config('lock_timeout', '10s', true)"
# A crash of the server takes the last rows of the shadow tables, and whoever fills them.
NEED_NOT_LAST = "SELECT set_config('synchronous_commit', 'off', true)"
# What the live rows become does.
MUST_LAST = "SELECT set_config('synchronous_commit', 'on', true)"
# Holds vacuum off, and keeps no one who reads or writes.
HOLD_VACUUM_OFF = "LOCK TABLE eventstore_event IN SHARE UPDATE EXCLUSIVE MODE"
LOCK_EVENTS = "LOCK TABLE eventstore_event IN SHARE MODE"
#: PostgreSQL's codes for a lock that did not come in time, and for a deadlock.
LOCKED = ("55P03", "40P01")
CLOCK = "SELECT clock_timestamp()"


class Replacement:
    """New rows of one projection, in tables of their own, on their way to the live ones."""

    def __init__(
        self,
        database: Database,
        projection: Projection,
        mode: Mode,
        *,
        tables: ShadowTables,
        replay: Replay,
        mark: HighWaterMark,
        log: SubscriptionLog,
        report: Callable[[Replay], None],
    ) -> None:
        """`mode` is the one that is registered. `report` is told after each batch."""
        self._database = database
        self._projection = projection
        self._mode = mode
        self._tables = tables
        self._replay = replay
        self._mark = mark
        self._log = log
        self._report = report
        self._as_of: datetime | None = None
        self._is_inline = True
        self._checkpoint = 0

    def fill(self, until: int | None = None) -> None:
        """Replay up to the mark, or to `until`, while everybody goes on."""
        # What comes while the first rows are written is read by the second round.
        for _ in range(2):
            self._follow(until)
            self._tables.analyze()
        reach("rebuild.filled")

    def swap(self, generation: int) -> None:
        """Put the new tables in place; raises NotRebuildable where others never let go."""
        self._until_it_succeeds(lambda: self._swap(generation), follow=True)
        reach("rebuild.committed")

    def mend(self, places: Callable[[Table], Sequence[Place]]) -> int:
        """Write the rows among these that differ from the live ones; how many it were.

        The replay must not be ahead of the checkpoint of a projection that has one.
        """
        mended = 0
        for table in self._projection.tables:
            begin = 0
            while True:
                step = partial(self._mend, table, places, begin)
                mended += self._until_it_succeeds(step, follow=False)
                begin += AT_ONCE
                if begin >= len(places(table)):
                    break
        return mended

    def _follow(self, until: int | None) -> None:
        ((self._as_of,),) = self._database.rows(CLOCK)
        goal = self._mark.settled() if until is None else until
        is_more = True
        while is_more:
            with self._database.transaction():
                self._database.execute(NEED_NOT_LAST)
                is_more = self._replay.advance(goal)
            reach("rebuild.batch")
            self._report(self._replay)
        with self._database.transaction():
            self._database.execute(NEED_NOT_LAST)
            self._replay.flush()

    # The last step -------------------------------------------------------------------------------

    def _until_it_succeeds(self, step: Callable[[], int], *, follow: bool) -> int:
        for _ in range(TRIES):
            before = self._replay.position
            try:
                with self._database.transaction():
                    return step()
            except OperationalError as error:
                # What was read under the locks is in memory as if it had been written.
                if sqlstate(error) not in LOCKED or self._replay.position != before:
                    raise
            time.sleep(random.uniform(0.05, 0.25))
            if follow:
                self._follow(None)
        reason = "others have its tables locked all the time; see pg_stat_activity"
        raise NotRebuildable(self._projection.name, reason)

    def _swap(self, generation: int) -> int:
        self._database.execute(WAIT_PATIENTLY)
        self._tables.lock()
        # Nor can they be altered any more; and who only reads or writes rows is not kept.
        self._tables.lock_live("SHARE UPDATE EXCLUSIVE")
        self._tables.refuse_what_cannot_be_replaced()
        self._lock()
        self._tables.lock_live("ACCESS EXCLUSIVE")
        reach("rebuild.locked")
        self._read_the_rest()
        self._tables.put_in_place()
        self._log.renew(self._projection.name, generation, self._replay.position, self._as_of)
        reach("rebuild.swapped")
        return 0

    def _mend(self, table: Table, places: Callable[[Table], Sequence[Place]], begin: int) -> int:
        taken = self._lock()
        if taken.mode is not self._mode:
            raise ProjectionModeDiffers(self._projection.name, taken.mode, self._mode)
        self._read_the_rest()
        part = places(table)[begin : begin + AT_ONCE]
        return mend(self._database, table, self._tables.schema, part)

    def _lock(self) -> Taken:
        """Nobody writes the live rows until this transaction ends, and no event is missing."""
        standing = self._log.standing(self._projection.name)
        assert standing is not None, "whoever rebuilds has seen to it that there is a row"
        self._is_inline = Mode.INLINE in (standing.mode, self._mode)
        self._database.execute(WAIT_PATIENTLY)
        if self._is_inline:
            self._database.execute(HOLD_VACUUM_OFF)
        # Before the event table is locked: a worker's batch may take longer than a command waits.
        taken = self._log.take(self._projection.name, in_line=True)
        assert taken is not None, "nobody removes a subscription while its rows are rebuilt"
        self._checkpoint = taken.position
        self._database.execute(WAIT_SHORTLY)
        if self._is_inline:
            self._database.execute(LOCK_EVENTS)
        self._database.execute(MUST_LAST)
        return taken

    def _read_the_rest(self) -> None:
        self._replay.see_what_has_changed()
        # Inline rows may contain more than the mark allows to be read: all that has committed.
        goal = END if self._is_inline else max(self._checkpoint, self._replay.position)
        while self._replay.advance(goal):
            pass
        self._replay.flush()
        # Also that nobody else is at it: this run's lock may have been ended by somebody.
        self._report(self._replay)
