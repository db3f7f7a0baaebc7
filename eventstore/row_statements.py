"""The SQL of read models' rows, made from the models once for each shape.

Identifiers come from code, never from input. One row is one line of values; many rows are one
JSON array for each column: written and read five times faster than arrays of PostgreSQL's.
"""

from functools import cache
from re import sub
from typing import Any

from django.db.models import Model

from eventstore.database import Database
from eventstore.projections import Change, Table

#: For each changed column the changes to it, in their order; none: it is replaced.
Kinds = tuple[tuple[type[Change], ...], ...]


@cache
def select_one(table: Table) -> tuple[tuple[str, ...], str]:
    """What is read of a row, and the statement; the tenant and the key are its parameters."""
    names = read_names(table)
    where = " AND ".join(f"{_column(table, name)} = %s" for name in _key(table))
    columns = ", ".join(_column(table, name) for name in names) or "1"
    return names, f"SELECT {columns} FROM {_name(table)} WHERE {where}"


@cache
def select_many(table: Table, database: Database) -> str:
    """The rows of many keys, each with its key first; an array for each key column."""
    columns = ", ".join(f"t.{_column(table, name)}" for name in (*_key(table), *read_names(table)))
    return (
        f"SELECT {columns} FROM {_name(table)} AS t "
        f"JOIN {_arrays(table, _key(table), database)} ON {_same_key(table)}"
    )


@cache
def read_names(table: Table) -> tuple[str, ...]:
    """The fields beside the surrogate id, the tenant and the key."""
    fields = table.model._meta.concrete_fields
    return tuple(f.attname for f in fields if not f.primary_key and f.attname not in _key(table))


@cache
def insert_one(table: Table, names: tuple[str, ...], *, unless_there: bool = False) -> str:
    columns = ", ".join(_column(table, name) for name in (*_key(table), *names))
    places = ", ".join(["%s"] * (len(_key(table)) + len(names)))
    return (
        f"INSERT INTO {_name(table)} ({columns}) VALUES ({places})"
        f"{_unless_there(table, unless_there)}"
    )


@cache
def insert_many(
    table: Table, names: tuple[str, ...], database: Database, *, unless_there: bool = False
) -> str:
    every = (*_key(table), *names)
    columns = ", ".join(_column(table, name) for name in every)
    return (
        f"INSERT INTO {_name(table)} ({columns}) SELECT * FROM {_arrays(table, every, database)}"
        f"{_unless_there(table, unless_there)}"
    )


@cache
def copy_statement(table: Table, names: tuple[str, ...]) -> str:
    columns = ", ".join(_column(table, name) for name in (*_key(table), *names))
    return f"COPY {_name(table)} ({columns}) FROM STDIN"


@cache
def update_one(table: Table, names: tuple[str, ...], kinds: Kinds) -> str:
    changes = []
    for name, of_column in zip(names, kinds, strict=True):
        column = _column(table, name)
        changes.append(f"{column} = {_changed(column, of_column, iter(['%s'] * 99))}")
    where = " AND ".join(f"{_column(table, name)} = %s" for name in _key(table))
    return f"UPDATE {_name(table)} SET {', '.join(changes) or _same(table)} WHERE {where}"


@cache
def update_many(table: Table, names: tuple[str, ...], kinds: Kinds, database: Database) -> str:
    changes = []
    operands: list[str] = []
    for name, of_column in zip(names, kinds, strict=True):
        column = _column(table, name)
        first = len(operands)
        operands += [name] * max(1, len(of_column))
        places = iter(f"n.c{number}" for number in range(first, len(operands)))
        changes.append(f"{column} = {_changed(f't.{column}', of_column, places)}")
    arrays = _arrays(table, (*_key(table), *operands), database, keys=len(_key(table)))
    return (
        f"UPDATE {_name(table)} AS t SET {', '.join(changes) or _same(table, 't.')} FROM {arrays} "
        f"WHERE {_same_key(table)}"
    )


def quoted_columns(table: Table, *, key: bool) -> list[str]:
    """Of the key, with the tenant first; or all others but the surrogate id."""
    return [_column(table, name) for name in (_key(table) if key else read_names(table))]


def key_arrays(table: Table, database: Database) -> str:
    """A table `n` with the columns `k0, ...` of keys; a JSON array for each is a parameter."""
    return _arrays(table, _key(table), database)


def _changed(column: str, kinds: tuple[type[Change], ...], places: Any) -> str:
    if not kinds:
        return str(next(places))
    value = column
    for kind in kinds:
        value = kind.sql.format(column=value, operand=next(places))
    return value


def _unless_there(table: Table, unless_there: bool) -> str:
    key = ", ".join(_column(table, name) for name in _key(table))
    return f" ON CONFLICT ({key}) DO NOTHING" if unless_there else ""


def _arrays(table: Table, names: tuple[str, ...], database: Database, keys: int = 0) -> str:
    """A table `n`, a JSON array for each name; columns `k0, ...` for the key, else `c0, ...`."""
    keys = keys or len(_key(table))
    columns = [f"k{i}" if i < keys else f"c{i - keys}" for i in range(len(names))]
    typed = ", ".join(
        f"{column}::{_type(table, name, database)} AS {column}"
        for column, name in zip(columns, names, strict=True)
    )
    arrays = ", ".join(["json_array_elements_text(%s::json)"] * len(names))
    return f"(SELECT {typed} FROM ROWS FROM ({arrays}) AS a({', '.join(columns)})) AS n"


def _same(table: Table, alias: str = "") -> str:
    """Changes nothing: an update without values asks only whether there is such a row."""
    column = _column(table, "tenant_id")
    return f"{column} = {alias}{column}"


def _same_key(table: Table) -> str:
    names = enumerate(_key(table))
    return " AND ".join(f"t.{_column(table, name)} = n.k{number}" for number, name in names)


def _key(table: Table) -> tuple[str, ...]:
    return ("tenant_id", *table.key)


def _name(table: Table) -> str:
    return f'"{table.model._meta.db_table}"'


def _column(table: Table, name: str) -> str:
    field: Any = table.model._meta.get_field(name)
    return f'"{field.column}"'


def _type(table: Table, name: str, database: Database) -> str:
    """Without its length: a cast to that would cut texts off without a word."""
    field: Any = table.model._meta.get_field(name)
    return sub(r"\(.*\)", "", field.db_type(database.connection))


#: Fields whose values have a text in JSON that PostgreSQL takes for their column.
_IN_JSON = frozenset(
    {"BooleanField", "CharField", "DateField", "DateTimeField", "DecimalField"}
    | {"EmailField", "SlugField", "TextField", "TimeField", "URLField"}
    | {"BigIntegerField", "IntegerField", "SmallIntegerField", "UUIDField"}
    | {"PositiveBigIntegerField", "PositiveIntegerField", "PositiveSmallIntegerField"}
)


@cache
def can_be_written_together(table: Table) -> bool:
    """Whether all columns of a table can come as JSON; else its rows are written one by one."""
    fields = table.model._meta.concrete_fields
    return all(field.primary_key or field.get_internal_type() in _IN_JSON for field in fields)


@cache
def default_factories(model: type[Model]) -> tuple[tuple[str, Any], ...]:
    fields = model._meta.concrete_fields
    return tuple((field.attname, field.get_default) for field in fields if field.has_default())
