"""What is done about the rows of projections, on record: made anew, mended, or only checked.

Each has its steps in a module of its own: `replaying`, `replacing`, `checking`. Here is who may
begin, and what remains of it.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DatabaseError, InterfaceError

from eventstore.checking import Checked, Checking
from eventstore.database import Database, told
from eventstore.errors import AlreadyRunning, NotFound
from eventstore.event_types import EventTypes
from eventstore.fault_points import reach
from eventstore.high_water_mark import HighWaterMark
from eventstore.projections import Mode, Projection, Projections, Table
from eventstore.reading import EventReader
from eventstore.rebuild_log import Order, RebuildLog
from eventstore.replacing import Replacement
from eventstore.replaying import Place, Replay, Watch, touched_by
from eventstore.replaying import Progress as Progress
from eventstore.replaying import Report as Report
from eventstore.row_differences import parted_rows
from eventstore.serialization import encode_text
from eventstore.shadow_tables import ShadowTables
from eventstore.subscription_log import SubscriptionLog

logger = logging.getLogger("daybook.projections")


class Outcome(NamedTuple):
    """What has come of it: rows written (or that differ), and events read."""

    rows: int
    events: int
    checked: Checked | None = None


class Rebuilding:
    def __init__(
        self,
        database: Database,
        *,
        projections: Projections,
        event_types: EventTypes,
        reader: EventReader,
        mark: HighWaterMark,
        subscription_log: SubscriptionLog,
        log: RebuildLog,
    ) -> None:
        self._database = database
        self._projections = projections
        self._event_types = event_types
        self._reader = reader
        self._mark = mark
        self._subscriptions = subscription_log
        self.log = log

    def run(self, order: Order, report: Report, number: int | None = None) -> Outcome:
        """Do it now; `number`: it was asked for before. On record either way.

        Raises NotFound, AlreadyRunning, NotRebuildable, ReplayFailed, ProjectionModeDiffers, and
        Django's errors. Whatever it raises, the rows are as they were.
        """
        projection = self._projections.named(order.projection)
        if projection is None:
            raise NotFound(f"projection {order.projection}")
        was_asked_for = number is not None
        with self.log.alone(projection.name):
            self._subscriptions.ensure()
            if number is None:
                number = self.log.ask(order, in_background=False)
            head = self._mark.ceiling()
            attempt = self.log.begin(number, head)
            if attempt is None:
                raise AlreadyRunning(f"What was asked for as number {number}")
            try:
                tell = self._told(number, head, report)
                outcome = self._do(order, projection, number, attempt, tell)
            except BaseException as error:
                # Also Ctrl-C: it is on record as failed, not as running. But where a process is
                # told to end, what somebody else has asked for is begun again by the next one.
                if isinstance(error, Exception) or not was_asked_for:
                    with suppress(DatabaseError, InterfaceError):
                        self.log.end(number, "failed", error=told(error))
                raise
            self._note(number, outcome)
            return outcome

    def work(self, until: Callable[[], bool] = lambda: False) -> int:
        """Do what was asked for in the browser or over HTTP, and what its doer died of."""
        done = 0
        for undone in self.log.undone():
            if until():
                break
            if self._projections.named(undone.order.projection) is None:
                continue  # This code has it no more, or not yet.
            try:
                self.run(undone.order, lambda progress: None, undone.id)
            except AlreadyRunning:
                continue
            except Exception as error:
                # On record, as far as the database answers; the others have their turn.
                place = {"projection": undone.order.projection, "detail": told(error)}
                logger.error("rebuild_failed", extra=place)
            done += 1
        return done

    def _told(self, number: int, head: int, report: Report) -> Callable[[Replay], None]:
        def tell(replay: Replay) -> None:
            self.log.note_progress(number, replay.position, replay.events)
            report(Progress(replay.position, max(head, replay.position), replay.events))

        return tell

    def _note(self, number: int, outcome: Outcome) -> None:
        checked = outcome.checked
        differences: list[dict[str, Any]] = []
        if checked is not None:
            differences = [difference._asdict() for difference in checked.differences]
        self.log.end(
            number,
            "differs" if differences else "done",
            rows=outcome.rows,
            differences=encode_text(differences),
        )

    def _do(
        self,
        order: Order,
        projection: Projection,
        number: int,
        attempt: int,
        report: Callable[[Replay], None],
    ) -> Outcome:
        # Whoever began it before may live, and not know yet that he has lost his lock.
        again = f"_{attempt}" if attempt > 1 else ""
        tables = ShadowTables(self._database, projection, f"shadow_{number + 1}{again}")
        tables.drop_left_behind()
        if order.kind == "check":
            checking = Checking(self._database, self._subscriptions, self._replay)
            checked = checking.check(projection, tables, order.tenant_id, report)
            return Outcome(checked.rows, checked.events, checked)
        reach("rebuild.begun")
        is_whole = order.kind == "rebuild" and not order.is_partial
        if is_whole:
            tables.refuse_what_cannot_be_replaced()
        try:
            with self._database.transaction():
                tables.make_schema()
                tables.make()
            reach("rebuild.made")
            if is_whole:
                return self._replace(projection, tables, number, report)
            return self._mend(order, projection, tables, report)
        finally:
            # What remains of it after a failure; after a swap there is nothing.
            with suppress(DatabaseError, InterfaceError):
                tables.drop()

    def _replace(
        self,
        projection: Projection,
        tables: ShadowTables,
        number: int,
        report: Callable[[Replay], None],
    ) -> Outcome:
        replay = self._replay(projection, tables)
        replacement = self._replacement(projection, tables, replay, report)
        replacement.fill()
        rows = tables.count()
        replacement.swap(generation=number + 1)
        return Outcome(rows, replay.events)

    def _mend(
        self,
        order: Order,
        projection: Projection,
        tables: ShadowTables,
        report: Callable[[Replay], None],
    ) -> Outcome:
        """Of one tenant, of one stream, or whatever differs: the tables stay, some rows change.

        Some at a time, so that no command waits for long: what was mended until an error stays.
        """
        touched: dict[Place, None] = {}
        watch = None
        if order.stream:
            watch = touched_by({UUID(order.stream[-36:])}, touched)
        replay = self._replay(projection, tables, order.tenant_id, watch)
        replacement = self._replacement(projection, tables, replay, report)
        replacement.fill(self._checkpoint(projection))
        differing: dict[Table, list[Place]] = {}
        for table in projection.tables if not order.stream else ():
            parted = parted_rows(self._database, table, tables.schema, tenant_id=order.tenant_id)
            differing[table] = [row.place for row in parted]

        def places(table: Table) -> Sequence[Place]:
            if order.stream:
                return [place for place in touched if place.model is table.model]
            return differing[table]

        return Outcome(replacement.mend(places), replay.events)

    def _checkpoint(self, projection: Projection) -> int | None:
        """None: up to the mark, since commands write these rows themselves."""
        standing = self._subscriptions.standing(projection.name)
        assert standing is not None, "its row was made before"
        return None if standing.mode is Mode.INLINE else standing.position

    def _replacement(
        self,
        projection: Projection,
        tables: ShadowTables,
        replay: Replay,
        report: Callable[[Replay], None],
    ) -> Replacement:
        return Replacement(
            self._database,
            projection,
            self._projections.mode_of(projection.name),
            tables=tables,
            replay=replay,
            mark=self._mark,
            log=self._subscriptions,
            report=report,
        )

    def _replay(
        self,
        projection: Projection,
        tables: ShadowTables,
        tenant_id: UUID | None = None,
        watch: Watch | None = None,
    ) -> Replay:
        return Replay(
            self._database,
            projection,
            tables,
            reader=self._reader,
            event_types=self._event_types,
            tenant_id=tenant_id,
            watch=watch,
        )
