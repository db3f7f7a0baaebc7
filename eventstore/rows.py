"""The rows of projections: changes gathered in memory, then written in few statements.

A row touched several times is written once. Tables are written in the order in which their
projection lists them, rows in the order of their keys: two transactions that touch the same
rows lock them in the same order.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Model

from eventstore.database import Database
from eventstore.errors import MissingRow, RowExists
from eventstore.pending_rows import PendingRow, defaults
from eventstore.projections import Change, Projection, Table
from eventstore.row_statements import (
    Kinds,
    can_be_written_together,
    insert_many,
    insert_one,
    read_names,
    select_many,
    select_one,
    update_many,
    update_one,
)
from eventstore.serialization import encode_text

#: A key's values, without the tenant.
Key = tuple[Any, ...]


class TenantRows:
    """`Rows` of one tenant on the live tables, within a transaction of whoever makes it."""

    def __init__(self, database: Database, projection: Projection, tenant_id: UUID) -> None:
        self._database = database
        self._tables = {table.model: table for table in projection.tables}
        self.tenant_id = tenant_id
        self.pending: dict[type[Model], dict[Key, PendingRow]] = {
            table.model: {} for table in projection.tables
        }
        #: Rows that were read ahead; None: there is no such row.
        self.stored: dict[type[Model], dict[Key, Sequence[Any] | None]] = {
            table.model: {} for table in projection.tables
        }

    def insert(self, model: type[Model], key: Any, **values: Any) -> None:
        key = _as_tuple(key)
        if key in self.pending[model]:
            raise RowExists(model._meta.db_table, key)
        self.pending[model][key] = PendingRow("insert", defaults(model) | values)

    def update(self, model: type[Model], key: Any, **values: Any) -> None:
        rows = self.pending[model]
        key = _as_tuple(key)
        if row := rows.get(key):
            row.merge(values)
        else:
            rows[key] = PendingRow("update", values)

    def upsert(self, model: type[Model], key: Any, **values: Any) -> None:
        rows = self.pending[model]
        key = _as_tuple(key)
        if row := rows.get(key):
            row.merge(values)
        else:
            rows[key] = PendingRow("upsert", values)

    def get(self, model: type[Model], key: Any) -> dict[str, Any]:
        table = self._tables[model]
        key = _as_tuple(key)
        named_key = dict(zip(table.key, key, strict=True))
        pending = self.pending[model].get(key)
        if pending is not None and pending.kind == "insert":
            return named_key | pending.values
        row = self._stored(table, key)
        if row is None:
            if pending is None or pending.kind == "update":
                raise MissingRow(model._meta.db_table, key)
            row = pending.first(model)
        for name, value in pending.values.items() if pending else ():
            row[name] = value.onto(row[name]) if isinstance(value, Change) else value
        return named_key | row

    def _stored(self, table: Table, key: Key) -> dict[str, Any] | None:
        read_ahead = self.stored[table.model]
        if key in read_ahead:
            stored = read_ahead[key]
        else:
            stored = self._database.row(select_one(table)[1], (self.tenant_id, *key))
        # Not strict: a table of nothing but its key has no columns here, and selects a 1.
        return None if stored is None else dict(zip(read_names(table), stored, strict=False))

    def fold(self) -> None:
        for rows in self.pending.values():
            for row in rows.values():
                if row.later:
                    row.fold()

    def kept(self) -> int:
        """How many rows are in memory."""
        pending = sum(len(rows) for rows in self.pending.values())
        return pending + sum(len(rows) for rows in self.stored.values())

    def flush(self) -> None:
        """Write all changes, row by row; raises MissingRow where an update meets no row."""
        for table in self._tables.values():
            self.flush_table(table)

    def flush_table(self, table: Table) -> None:
        rows = self.pending[table.model]
        for key in sorted(rows):
            self._write(table, key, rows[key])
        rows.clear()

    def _write(self, table: Table, key: Key, row: PendingRow) -> None:
        place = (self.tenant_id, *key)
        if row.kind == "insert":
            insert = insert_one(table, tuple(row.values))
            self._database.execute(insert, (*place, *row.values.values()))
            return
        if row.kind == "upsert":
            first = row.first(table.model)
            insert = insert_one(table, tuple(first), unless_there=True)
            self._database.execute(insert, (*place, *first.values()))
        update = update_one(table, tuple(row.values), row.kinds())
        cursor = self._database.execute(update, (*row.operands(), *place))
        if cursor.rowcount == 0:
            raise MissingRow(table.model._meta.db_table, key)


class BatchRows:
    """The rows of all tenants that a batch of events touches, for the one who may write them."""

    def __init__(self, database: Database, projection: Projection) -> None:
        self._database = database
        self._projection = projection
        self._of_tenant: dict[UUID, TenantRows] = {}

    def of(self, tenant_id: UUID) -> TenantRows:
        if (rows := self._of_tenant.get(tenant_id)) is None:
            rows = TenantRows(self._database, self._projection, tenant_id)
            self._of_tenant[tenant_id] = rows
        return rows

    def read_ahead(self, places: Iterable[tuple[UUID, UUID]]) -> None:
        """Read the rows of these aggregates, each with its tenant, by one statement a table."""
        places = list(places)
        for table in self._projection.tables:
            if not (table.by_aggregate and places):
                continue
            for tenant_id, aggregate_id in places:
                self.of(tenant_id).stored[table.model][aggregate_id,] = None
            select = select_many(table, self._database)
            for tenant_id, aggregate_id, *row in self._database.rows(select, _columns(places)):
                self.of(tenant_id).stored[table.model][aggregate_id,] = row

    def flush(self) -> None:
        """Write all changes, rows of the same shape together; raises MissingRow."""
        for table in self._projection.tables:
            if not can_be_written_together(table):
                for rows in self._of_tenant.values():
                    rows.flush_table(table)
                continue
            shapes: dict[Any, list[tuple[Key, PendingRow]]] = defaultdict(list)
            for rows in self._of_tenant.values():
                for key, row in rows.pending[table.model].items():
                    shape = (row.kind, tuple(row.values), row.kinds())
                    shapes[shape].append(((rows.tenant_id, *key), row))
            for (kind, names, kinds), alike in shapes.items():
                self._write(table, kind, names, kinds, alike)
        self._of_tenant.clear()

    def _write(
        self,
        table: Table,
        kind: str,
        names: tuple[str, ...],
        kinds: Kinds,
        alike: list[tuple[Key, PendingRow]],
    ) -> None:
        if kind == "insert":
            self._insert(table, names, alike)
            return
        places = _columns(place for place, _ in alike)
        if kind == "upsert":
            first = [row.first(table.model) for _, row in alike]
            insert = insert_many(table, tuple(first[0]), self._database, unless_there=True)
            values = _columns(row.values() for row in first)
            self._database.execute(insert, (*places, *values))
        update = update_many(table, names, kinds, self._database)
        operands = _columns(row.operands() for _, row in alike)
        if self._database.execute(update, (*places, *operands)).rowcount < len(alike):
            raise MissingRow(table.model._meta.db_table, alike[0][0] if len(alike) == 1 else "")

    def _insert(
        self, table: Table, names: tuple[str, ...], alike: list[tuple[Key, PendingRow]]
    ) -> None:
        values = _columns((*place, *row.values.values()) for place, row in alike)
        self._database.execute(insert_many(table, names, self._database), values)


def _columns(rows: Iterable[Iterable[Any]]) -> list[str]:
    """One JSON array for each column."""
    return [encode_text(column) for column in zip(*rows, strict=True)]


def _as_tuple(key: Any) -> Key:
    return key if isinstance(key, tuple) else (key,)
