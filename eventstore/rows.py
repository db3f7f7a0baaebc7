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
from eventstore.errors import MissingRow, RowExists
from eventstore.projections import Change, Projection, Table


@dataclass(frozen=True, slots=True)
class _Pending:
    """The changes to one column of a stored row, to be applied one after the other."""

    changes: tuple[Change, ...]

    def then(self, change: Change) -> "_Pending":
        *earlier, last = self.changes
        if type(last) is type(change):
            return _Pending((*earlier, last.then(change)))
        return _Pending((*self.changes, change))

    def onto(self, value: Any) -> Any:
        for change in self.changes:
            value = change.onto(value)
        return value


@dataclass(slots=True)
class _PendingRow:
    """What is to be written to one row: all of it, or what changes."""

    is_new: bool
    values: dict[str, Any]

    def merge(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            before = self.values.get(name)
            if isinstance(before, _Pending) and isinstance(value, Change):
                self.values[name] = before.then(value)
            elif isinstance(value, Change):
                known = self.is_new or name in self.values
                self.values[name] = value.onto(before) if known else _Pending((value,))
            else:
                self.values[name] = value


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
        key = _as_tuple(key)
        if key in self._pending[model]:
            raise RowExists(model._meta.db_table, key)
        self._pending[model][key] = _PendingRow(True, _defaults(model) | values)

    def update(self, model: type[Model], key: Any, **values: Any) -> None:
        self._pending[model].setdefault(_as_tuple(key), _PendingRow(False, {})).merge(values)

    def get(self, model: type[Model], key: Any) -> dict[str, Any]:
        table = self._tables[model]
        key = _as_tuple(key)
        pending = self._pending[model].get(key, _PendingRow(False, {}))
        named_key = dict(zip(table.key, key, strict=True))
        if pending.is_new:
            return named_key | pending.values
        columns, select = _select_statement(table)
        stored = self._database.row(select, (self._tenant_id, *key))
        if stored is None:
            raise MissingRow(model._meta.db_table, key)
        # Not strict: a table of nothing but its key has no columns here, and selects a 1.
        row = dict(zip(columns, stored, strict=False))
        for name, value in pending.values.items():
            row[name] = value.onto(row[name]) if isinstance(value, _Pending) else value
        return named_key | row

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
        kinds = tuple(_kinds(value) for value in row.values.values())
        update = _update_statement(table, names, kinds)
        operands = [operand for value in row.values.values() for operand in _operands(value)]
        cursor = self._database.execute(update, (*operands, self._tenant_id, *key))
        if cursor.rowcount == 0:
            raise MissingRow(table.model._meta.db_table, key)


def _as_tuple(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def _kinds(value: Any) -> tuple[type[Change], ...]:
    return tuple(type(change) for change in value.changes) if isinstance(value, _Pending) else ()


def _operands(value: Any) -> list[Any]:
    return [c.operand for c in value.changes] if isinstance(value, _Pending) else [value]


@cache
def _default_factories(model: type[Model]) -> tuple[tuple[str, Any], ...]:
    fields = model._meta.concrete_fields
    return tuple((field.attname, field.get_default) for field in fields if field.has_default())


def _defaults(model: type[Model]) -> dict[str, Any]:
    return {name: default() for name, default in _default_factories(model)}


# SQL of the models' own names, made once for each shape. Identifiers come from code, never input.


@cache
def _select_statement(table: Table) -> tuple[tuple[str, ...], str]:
    """The columns beside the surrogate id, the tenant and the key."""
    known = ("tenant_id", *table.key)
    fields = [
        field
        for field in table.model._meta.concrete_fields
        if not field.primary_key and field.attname not in known
    ]
    columns = ", ".join(f'"{field.column}"' for field in fields) or "1"
    select = f'SELECT {columns} FROM "{table.model._meta.db_table}" WHERE {_where(table)}'
    return tuple(field.attname for field in fields), select


@cache
def _insert_statement(table: Table, names: tuple[str, ...]) -> str:
    columns = [_column(table, name) for name in ("tenant_id", *table.key, *names)]
    places = ", ".join(["%s"] * len(columns))
    return f'INSERT INTO "{table.model._meta.db_table}" ({", ".join(columns)}) VALUES ({places})'


@cache
def _update_statement(
    table: Table, names: tuple[str, ...], kinds: tuple[tuple[type[Change], ...], ...]
) -> str:
    changes = []
    for name, of_column in zip(names, kinds, strict=True):
        column = _column(table, name)
        value = column if of_column else "%s"
        for kind in of_column:
            value = kind.sql.format(column=value)
        changes.append(f"{column} = {value}")
    table_name = table.model._meta.db_table
    return f'UPDATE "{table_name}" SET {", ".join(changes)} WHERE {_where(table)}'


def _where(table: Table) -> str:
    return " AND ".join(f"{_column(table, name)} = %s" for name in ("tenant_id", *table.key))


def _column(table: Table, name: str) -> str:
    field: Any = table.model._meta.get_field(name)
    return f'"{field.column}"'
