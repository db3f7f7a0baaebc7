"""A projection's rows made anew from the events, from the first one on, in tables of their own."""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Model

from eventstore.database import Database, told
from eventstore.errors import NotRebuildable, ReplayFailed
from eventstore.event_types import EventTypes
from eventstore.events import Event, RecordedEvent
from eventstore.projection_batches import collector_paused, is_of_the_database
from eventstore.projections import Projection, Rows
from eventstore.reading import EventReader, Scanned
from eventstore.rows import Key, TenantRows
from eventstore.shadow_rows import ShadowRows
from eventstore.shadow_tables import ShadowTables

#: Events looked through at once.
BATCH = 10_000

# Events that an operator has taken out of a projection.
SKIPPED = """
SELECT position FROM eventstore_subscription_action WHERE projection = %s AND action = 'skip'
"""


class Progress(NamedTuple):
    """How far a replay has come: the last position read, the last there was, and events so far."""

    position: int
    head: int
    events: int


#: Told after each batch.
Report = Callable[[Progress], None]


class Place(NamedTuple):
    """A row, wherever it stands: its model, its tenant, and its key without the tenant."""

    model: type[Model]
    tenant_id: UUID
    key: Key


#: Told of each event, with the rows of its tenant and the places that it has changed.
Watch = Callable[[RecordedEvent[Event], TenantRows, AbstractSet[Place]], None]


class Replay:
    """All rows of a projection as of `position`, some of them still in memory."""

    def __init__(
        self,
        database: Database,
        projection: Projection,
        tables: ShadowTables,
        *,
        reader: EventReader,
        event_types: EventTypes,
        tenant_id: UUID | None = None,
        watch: Watch | None = None,
    ) -> None:
        """`tenant_id`: only this tenant's events. `watch` is told of each, which takes longer."""
        self._database = database
        self._projection = projection
        self.tables = tables
        self._reader = reader
        self._types = event_types.stored_names(projection.events)
        self._tenant_id = tenant_id
        self._watch = watch
        self._rows = ShadowRows(database, projection)
        self._skipped = self._skips()
        self._reads_ahead = any(table.by_aggregate for table in projection.tables)
        self.position = 0
        self.events = 0

    def advance(self, until: int) -> bool:
        """Project some more events, in the caller's transaction; whether there may be more.

        After an error it is of no use any more. Raises ReplayFailed where the projection raises.
        """
        with self.tables.used(), collector_paused():
            scanned = self._reader.scan(
                after=self.position, until=until, limit=BATCH, tenant_id=self._tenant_id
            )
            self._project(scanned)
            self._write(self._rows.spare_memory, scanned.last)
        self.position = scanned.last
        return scanned.is_more

    def flush(self) -> None:
        """Write what is still in memory, in the caller's transaction."""
        with self.tables.used():
            self._write(self._rows.flush, self.position)

    def see_what_has_changed(self) -> None:
        """Once nobody can skip any more: raise NotRebuildable where it reads other events.

        Those that are still to be read may be left out.
        """
        now = self._skips()
        if any(position <= self.position for position in now - self._skipped):
            raise NotRebuildable(
                self._projection.name, "an event was skipped meanwhile. Try again"
            )
        self._skipped = now

    def _skips(self) -> set[int]:
        skips = self._database.rows(SKIPPED, (self._projection.name,))
        return {position for (position,) in skips}

    def _write(self, write: Callable[[], None], last: int) -> None:
        try:
            write()
        except Exception as error:
            # A row that is changed and not there, one that is there twice, a value too long: of
            # one of the events up to this one.
            if is_of_the_database(error):
                raise
            # Without the cause, whose text quotes rows of whatever tenant.
            raise ReplayFailed(self._projection.name, last, told(error), is_exact=False) from None

    def _project(self, scanned: Scanned) -> None:
        if scanned.last == self.position:
            return
        events = list(
            self._reader.read_batch(
                scanned, after=self.position, types=self._types, tenant_id=self._tenant_id
            )
        )
        if self._reads_ahead:
            self._rows.read_ahead({(event.tenant_id, event.aggregate_id) for event in events})
        at = self.position
        try:
            for tenant_id, of_tenant in groupby(events, key=attrgetter("tenant_id")):
                rows = self._rows.of(tenant_id)
                project = self._projection.project if self._watch is None else self._watched
                for recorded in of_tenant:
                    at = recorded.position
                    if at not in self._skipped:
                        project(recorded, rows)
        except Exception as error:
            # Whatever a team's projection raises.
            if is_of_the_database(error):
                raise
            raise ReplayFailed(self._projection.name, at, told(error)) from error
        self.events += len(events)

    def _watched(self, recorded: RecordedEvent[Any], rows: Any) -> None:
        noted = _NotedRows(rows)
        self._projection.project(recorded, noted)
        assert self._watch is not None, "only those that are watched come here"
        self._watch(recorded, rows, noted.places)


class _NotedRows:
    """`Rows` that note which ones were changed."""

    def __init__(self, rows: TenantRows) -> None:
        self._rows = rows
        self.places: set[Place] = set()
        self.get: Callable[..., dict[str, Any]] = rows.get

    def insert(self, model: type[Model], key: Any, **values: Any) -> None:
        self._note(model, key)
        self._rows.insert(model, key, **values)

    def update(self, model: type[Model], key: Any, **values: Any) -> None:
        self._note(model, key)
        self._rows.update(model, key, **values)

    def upsert(self, model: type[Model], key: Any, **values: Any) -> None:
        self._note(model, key)
        self._rows.upsert(model, key, **values)

    def _note(self, model: type[Model], key: Any) -> None:
        self.places.add(
            Place(model, self._rows.tenant_id, key if isinstance(key, tuple) else (key,))
        )


def touched_by(aggregate_ids: AbstractSet[UUID], places: dict[Place, None]) -> Watch:
    """A watch that gathers in `places`, in order, what rows these aggregates' events change."""

    def watch(recorded: RecordedEvent[Event], rows: Rows, changed: Iterable[Place]) -> None:
        if recorded.aggregate_id in aggregate_ids:
            places.update(dict.fromkeys(changed))

    return watch
