"""A projection's rows in memory: to test projections, and to compare live rows with a replay."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Model

from eventstore.errors import MissingRow, RowExists
from eventstore.events import Event, RecordedEvent
from eventstore.projections import Change, Projection

#: A row's place: tenant and the key's values.
Place = tuple[Any, ...]


class MemoryRows:
    """`Rows` without a database. Written independently of the live ones, to catch their faults."""

    def __init__(self, projection: Projection) -> None:
        self.tables: dict[type[Model], dict[Place, dict[str, Any]]] = {
            table.model: {} for table in projection.tables
        }
        self._keys = {table.model: table.key for table in projection.tables}
        self.tenant_id: UUID | None = None

    def insert(self, model: type[Model], key: Any, **values: Any) -> None:
        place = self._place(key)
        if place in self.tables[model]:
            raise RowExists(model._meta.db_table, key)
        fields = model._meta.concrete_fields
        defaults = {field.attname: field.get_default() for field in fields if field.has_default()}
        self.tables[model][place] = defaults | values

    def upsert(self, model: type[Model], key: Any, **values: Any) -> None:
        if self._place(key) not in self.tables[model]:
            fields = model._meta.concrete_fields
            defaulted = {field.attname for field in fields if field.has_default()}
            changes = {name: value for name, value in values.items() if isinstance(value, Change)}
            started = {n: c.start() for n, c in changes.items() if n not in defaulted}
            plain = {name: value for name, value in values.items() if name not in changes}
            self.insert(model, key, **plain, **started)
        self.update(model, key, **values)

    def update(self, model: type[Model], key: Any, **values: Any) -> None:
        row = self._row(model, key)
        for name, value in values.items():
            row[name] = value.onto(row[name]) if isinstance(value, Change) else value

    def get(self, model: type[Model], key: Any) -> dict[str, Any]:
        named_key = zip(self._keys[model], self._place(key)[1:], strict=True)
        return dict(named_key) | self._row(model, key)

    def _row(self, model: type[Model], key: Any) -> dict[str, Any]:
        try:
            return self.tables[model][self._place(key)]
        except KeyError:
            raise MissingRow(model._meta.db_table, key) from None

    def _place(self, key: Any) -> Place:
        return (self.tenant_id, *(key if isinstance(key, tuple) else (key,)))


def replay(projection: Projection, events: Iterable[RecordedEvent[Event]]) -> MemoryRows:
    """The rows that these events make, in the order given."""
    rows = MemoryRows(projection)
    for recorded in events:
        if type(recorded.event) in projection.events:
            rows.tenant_id = recorded.tenant_id
            projection.project(recorded, rows)
    return rows
