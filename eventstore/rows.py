"""The rows of inline projections: changes gathered in memory, then written in few statements.

A row touched several times is written once. Tables are written in the order in which their
projection lists them, rows in the order of their keys: two transactions that touch the same
rows lock them in the same order.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import Model

from eventstore.database import Database
from eventstore.errors import MissingRow
from eventstore.projections import Latest, Plus, Projection, Table

#: The kinds of change; what is none of these is a value.
CHANGES = (Plus, Latest)


@dataclass(slots=True)
class _PendingRow:
    """What is to be written to one row: all of it, or what changes."""

    is_new: bool
    values: dict[str, Any]

    def merge(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            before = self.values.get(name)
            if not isinstance(value, CHANGES) or (before is None and not self.is_new):
                self.values[name] = value
            elif isinstance(before, CHANGES):
                self.values[name] = type(value)(value.onto(before.operand))
            else:
                self.values[name] = value.onto(before)


class InlineRows:
    """`Rows` on the live tables, within the command's transaction."""

    def __init__(self, database: Database, projection: Projection, tenant_id: UUID) -> None:
        self._database = database
        self._tables = {table.model: table for table in projection.tables}
        self._pending: dict[type[Model], dict[tuple[Any, ...], _PendingRow]] = {
            table.model: {} for table in projection.tables
        }
        self._tenant_id = tenant_id

    def insert(self, model: type[Model], key: Any, **values: Any) -> None:
        self._pending[model][_as_tuple(key)] = _PendingRow(True, _defaults(model) | values)

    def update(self, model: type[Model], key: Any, **values: Any) -> None:
        self._pending[model].setdefault(_as_tuple(key), _PendingRow(False, {})).merge(values)

    def get(self, model: type[Model], key: Any) -> dict[str, Any]:
        key = _as_tuple(key)
        pending = self._pending[model].get(key)
        if pending is not None and pending.is_new:
            return dict(pending.values)
        columns, select = _select_statement(self._tables[model])
        stored = self._database.row(select, (self._tenant_id, *key))
        if stored is None:
            raise MissingRow(model._meta.db_table, key)
        row = _PendingRow(True, dict(zip(columns, stored, strict=True)))
        row.merge(pending.values if pending else {})
        return row.values

    def flush(self) -> None:
        """Write all changes; raises MissingRow where an update meets no row."""
        for model, rows in self._pending.items():
            for key in sorted(rows):
                self._write(self._tables[model], key, rows[key])
            rows.clear()

    def _write(self, table: Table, key: tuple[Any, ...], row: _PendingRow) -> None:
        names = tuple(row.values)
        if row.is_new:
            insert = _insert_statement(table, names)
            self._database.execute(insert, (self._tenant_id, *key, *row.values.values()))
            return
        changes = tuple(type(value) for value in row.values.values())
        update = _update_statement(table, names, changes)
        operands = [v.operand if isinstance(v, CHANGES) else v for v in row.values.values()]
        cursor = self._database.execute(update, (*operands, self._tenant_id, *key))
        if cursor.rowcount == 0:
            raise MissingRow(table.model._meta.db_table, key)


def _as_tuple(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


@cache
def _default_factories(model: type[Model]) -> tuple[tuple[str, Any], ...]:
    fields = model._meta.concrete_fields
    return tuple((field.attname, field.get_default) for field in fields if field.has_default())


def _defaults(model: type[Model]) -> dict[str, Any]:
    return {name: default() for name, default in _default_factories(model)}


# SQL of the models' own names, made once for each shape. Identifiers come from code, never input.


@cache
def _select_statement(table: Table) -> tuple[tuple[str, ...], str]:
    fields = table.model._meta.concrete_fields
    columns = ", ".join(f'"{field.column}"' for field in fields)
    select = f'SELECT {columns} FROM "{table.model._meta.db_table}" WHERE {_where(table)}'
    return tuple(field.attname for field in fields), select


@cache
def _insert_statement(table: Table, names: tuple[str, ...]) -> str:
    columns = [_column(table, name) for name in ("tenant_id", *table.key, *names)]
    places = ", ".join(["%s"] * len(columns))
    return f'INSERT INTO "{table.model._meta.db_table}" ({", ".join(columns)}) VALUES ({places})'


@cache
def _update_statement(table: Table, names: tuple[str, ...], kinds: tuple[type, ...]) -> str:
    changes = []
    for name, kind in zip(names, kinds, strict=True):
        column = _column(table, name)
        value = kind.sql.format(column=column) if kind in CHANGES else "%s"
        changes.append(f"{column} = {value}")
    table_name = table.model._meta.db_table
    return f'UPDATE "{table_name}" SET {", ".join(changes)} WHERE {_where(table)}'


def _where(table: Table) -> str:
    return " AND ".join(f"{_column(table, name)} = %s" for name in ("tenant_id", *table.key))


def _column(table: Table, name: str) -> str:
    field: Any = table.model._meta.get_field(name)
    return f'"{field.column}"'
