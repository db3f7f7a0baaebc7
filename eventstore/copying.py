"""How a copy of projections' rows is made: up to where, and the tables in a schema of their own.

A schema without a row in the register is a dead maker's. Whoever makes the next copy drops it.
"""

from collections.abc import Sequence
from datetime import datetime

from eventstore.database import Database
from eventstore.errors import ValidationFailed
from eventstore.event_types import EventTypes
from eventstore.high_water_mark import HighWaterMark
from eventstore.models import RowCopy
from eventstore.projections import Projection
from eventstore.reading import EventReader
from eventstore.replaying import Progress, Replay, Report
from eventstore.shadow_tables import ShadowTables, drop_schema, run

IS_TO_COME = "SELECT %s::timestamptz > clock_timestamp()"

# What the comments of our schemas say, whatever other schemas are called.
MARK = "daybook: a copy of rows"
LEFT_BEHIND = f"""
SELECT nspname FROM pg_namespace
WHERE nspname ~ '^copy_[0-9]+$' AND obj_description(oid, 'pg_namespace') = '{MARK}'
  AND NOT EXISTS (SELECT FROM eventstore_row_copy WHERE schema = nspname)
"""


class Copying:
    def __init__(
        self,
        database: Database,
        *,
        event_types: EventTypes,
        reader: EventReader,
        mark: HighWaterMark,
    ) -> None:
        self._database = database
        self._event_types = event_types
        self._reader = reader
        self._mark = mark

    def last_position(self, position: int | None, as_of: datetime | None) -> int:
        """Of the last event in a copy up to there; 0: of none. Raises ValidationFailed."""
        mark = self._mark.settled()
        if as_of is not None:
            if position is not None:
                raise ValidationFailed({"position": ["give a time or a position, not both"]})
            return self._last_as_of(as_of, mark)
        if position is not None and not 0 <= position <= mark:
            problem = f"must be from 0 to {mark}, the last position that has settled"
            raise ValidationFailed({"position": [problem]})
        return self._reader.last_position(mark if position is None else position)

    def _last_as_of(self, time: datetime, mark: int) -> int:
        ((is_to_come,),) = self._database.rows(IS_TO_COME, (time,))
        if is_to_come:
            raise ValidationFailed({"as_of": ["must not lie in the future"]})
        return self._reader.last_position_as_of(time, mark)

    def fill(self, copy: RowCopy, projections: Sequence[Projection], report: Report) -> int:
        """Make its schema and tables, and write the rows; how many they are."""
        shadows = [ShadowTables(self._database, each, copy.schema) for each in projections]
        with self._database.transaction():
            run(self._database, f'CREATE SCHEMA "{copy.schema}"')
            run(self._database, f"COMMENT ON SCHEMA \"{copy.schema}\" IS '{MARK}'")
            for tables in shadows:
                tables.make()
        begun = Progress(0, copy.position * len(projections), 0)
        for projection, tables in zip(projections, shadows, strict=True):
            replay = Replay(
                self._database,
                projection,
                tables,
                reader=self._reader,
                event_types=self._event_types,
                tenant_id=copy.tenant_id,
            )
            begun = self._read(replay, copy.position, begun, report)
            tables.analyze()
        return sum(tables.count() for tables in shadows)

    def _read(self, replay: Replay, goal: int, begun: Progress, report: Report) -> Progress:
        """`begun`: what the projections before this one have come to; returned: with this one."""
        come_to, is_more = begun, True
        while is_more:
            with self._database.transaction():
                is_more = replay.advance(goal)
            come_to = Progress(
                begun.position + replay.position, begun.head, begun.events + replay.events
            )
            report(come_to)
        with self._database.transaction():
            replay.flush()
        return come_to

    def drop_left_behind(self) -> None:
        """Only for whoever has the lock: nobody else is making a copy."""
        for (schema,) in self._database.rows(LEFT_BEHIND):
            drop_schema(self._database, schema)
