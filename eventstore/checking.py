"""Whether live rows are those of a replay of all events; and if not, from which event on.

All of it is of one moment, and nothing of it remains: the replay's tables are made in a
transaction that sees the database as it was when it began, and that is rolled back.
"""

from collections import Counter
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from django.db import transaction

from eventstore.database import Database
from eventstore.events import Event, RecordedEvent
from eventstore.projections import Mode, Projection, Table
from eventstore.reading import END
from eventstore.replaying import Place, Replay, Watch
from eventstore.row_differences import Difference, Parted, difference, parted_rows
from eventstore.row_statements import read_names, select_one
from eventstore.rows import TenantRows
from eventstore.shadow_tables import ShadowTables, run
from eventstore.subscription_log import SubscriptionLog

ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
# Between two statements it thinks for as long as a batch takes.
MAY_THINK = "SELECT set_config('idle_in_transaction_session_timeout', '60s', true)"

#: How many rows are told one by one, each with the event from which on it differs.
MOST_TOLD = 100


class Checked(NamedTuple):
    """How many rows differ, the first of them, and how many events were read."""

    rows: int
    differences: list[Difference]
    events: int
    #: How many are `missing`, `extra`, `different`.
    kinds: Counter[str]


class MakeReplay(Protocol):
    def __call__(
        self,
        projection: Projection,
        tables: ShadowTables,
        tenant_id: UUID | None = None,
        watch: Watch | None = None,
    ) -> Replay: ...


class Checking:
    def __init__(self, database: Database, log: SubscriptionLog, make_replay: MakeReplay) -> None:
        self._database = database
        self._log = log
        self._make_replay = make_replay

    def check(
        self,
        projection: Projection,
        tables: ShadowTables,
        tenant_id: UUID | None,
        report: Callable[[Replay], None],
    ) -> Checked:
        """Compare all rows, or a tenant's, with a replay up to where the live ones stand."""
        with self._database.transaction():
            self._database.execute(ONE_MOMENT)
            self._database.execute(MAY_THINK)
            until = self._until(projection)
            tables.make_schema()
            tables.make()
            replay = self._make_replay(projection, tables, tenant_id)
            _read(replay, until, report)
            kinds, first = self._compare(projection, tables, tenant_id)
            positions: dict[Place, int | None] = {}
            if first:
                positions = self._positions(projection, tables, tenant_id, until, first)
            transaction.set_rollback(True, using=self._database.alias)
        told = [difference(table, row, positions.get(row.place)) for table, row in first]
        return Checked(kinds.total(), told, replay.events, kinds)

    def _until(self, projection: Projection) -> int:
        standing = self._log.standing(projection.name)
        assert standing is not None, "its row was made before"
        return END if standing.mode is Mode.INLINE else standing.position

    def _compare(
        self, projection: Projection, tables: ShadowTables, tenant_id: UUID | None
    ) -> tuple[Counter[str], list[tuple[Table, Parted]]]:
        kinds: Counter[str] = Counter()
        first: list[tuple[Table, Parted]] = []
        for table in projection.tables:
            for row in parted_rows(self._database, table, tables.schema, tenant_id=tenant_id):
                kinds[row.kind] += 1
                if len(first) < MOST_TOLD:
                    first.append((table, row))
        return kinds, first

    def _positions(
        self,
        projection: Projection,
        tables: ShadowTables,
        tenant_id: UUID | None,
        until: int,
        first: list[tuple[Table, Parted]],
    ) -> dict[Place, int | None]:
        """For each row the first event after the last one that it agreed with."""
        live = {row.place: self._live(table, row.place) for table, row in first}
        names = {table.model: read_names(table) for table in projection.tables}
        positions: dict[Place, int | None] = dict.fromkeys(live)

        def watch(
            recorded: RecordedEvent[Event], rows: TenantRows, changed: AbstractSet[Place]
        ) -> None:
            for place in changed & live.keys():
                now = rows.get(place.model, place.key)
                there = live[place]
                if there is not None and all(
                    now.get(name) == value
                    for name, value in zip(names[place.model], there, strict=False)
                ):
                    positions[place] = None
                elif positions[place] is None:
                    positions[place] = recorded.position

        for name in tables.names:
            run(self._database, f'TRUNCATE "{tables.schema}"."{name}"')
        _read(self._make_replay(projection, tables, tenant_id, watch), until, lambda replay: None)
        return positions

    def _live(self, table: Table, place: Place) -> tuple[Any, ...] | None:
        return self._database.row(select_one(table)[1], (place.tenant_id, *place.key))


def _read(replay: Replay, until: int, report: Callable[[Replay], None]) -> None:
    is_more = True
    while is_more:
        is_more = replay.advance(until)
        report(replay)
    replay.flush()
