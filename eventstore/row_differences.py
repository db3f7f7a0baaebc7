"""Where live rows are not those of a replay, and how just these are mended.

The tables of a projection stand twice in the database: live, and in a shadow schema. Surrogate ids
are not compared: they are drawn when a row is written, whoever writes it.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from json import loads
from typing import Any, NamedTuple
from uuid import UUID

from eventstore.database import Database
from eventstore.projections import Table
from eventstore.replaying import Place
from eventstore.row_statements import key_arrays, quoted_columns
from eventstore.rows import Key
from eventstore.serialization import encode_text
from eventstore.shadow_tables import live_name


class Difference(NamedTuple):
    """A row that is `missing` (from the live ones), `extra` or `different`, and in which columns.

    `position`: of the first event that it does not show; None where no event makes such a row.
    """

    table: str
    tenant_id: UUID
    key: dict[str, Any]
    kind: str
    columns: tuple[str, ...]
    position: int | None = None


class Parted(NamedTuple):
    """A row that differs, with both forms of it; None: there is none."""

    place: Place
    live: dict[str, Any] | None
    replayed: dict[str, Any] | None

    @property
    def kind(self) -> str:
        if self.live is None:
            return "missing"
        return "extra" if self.replayed is None else "different"


def parted_rows(
    database: Database, table: Table, schema: str, *, tenant_id: UUID | None = None
) -> Iterable[Parted]:
    """The rows that differ, of all tenants or of one."""
    statement = _parted(table, live_name(database, table), schema)
    width = len(table.key)
    for tenant, *row in database.rows(statement, {"tenant_id": tenant_id}):
        place = Place(table.model, tenant, tuple(row[:width]))
        live, replayed = row[width:]
        yield Parted(place, live and _read(live), replayed and _read(replayed))


def mend(database: Database, table: Table, schema: str, places: Sequence[Place]) -> int:
    """Make these rows as they are in the shadow schema, where they are not; how many it were."""
    if not places:
        return 0
    live = live_name(database, table)
    keys = [encode_text(column) for column in zip(*map(_flat, places), strict=True)]
    removed = database.rows(_remove(table, live, schema, database), keys)
    added = database.rows(_add(table, live, schema, database), keys)
    return len({*removed, *added})


def difference(table: Table, parted: Parted, position: int | None) -> Difference:
    live, replayed = parted.live, parted.replayed
    columns: tuple[str, ...] = ()
    if live is not None and replayed is not None:
        names = (name.strip('"') for name in quoted_columns(table, key=False))
        columns = tuple(name for name in names if live[name] != replayed[name])
    key = dict(zip(table.key, parted.place.key, strict=True))
    name = table.model._meta.db_table
    return Difference(name, parted.place.tenant_id, key, parted.kind, columns, position)


def _read(row: str) -> dict[str, Any]:
    """Without rounding sums of money to the digits that a float has."""
    read: dict[str, Any] = loads(row, parse_float=Decimal)
    return read


def _flat(place: Place) -> Key:
    return (place.tenant_id, *place.key)


def _parted(table: Table, live: str, schema: str) -> str:
    keys = ", ".join(quoted_columns(table, key=True))
    names = quoted_columns(table, key=False)
    return f"""
SELECT {keys}, (to_json(l) #>> '{{}}'), (to_json(s) #>> '{{}}')
FROM (SELECT * FROM {live} WHERE %(tenant_id)s::uuid IS NULL OR tenant_id = %(tenant_id)s) AS l
FULL JOIN (SELECT * FROM {_shadow(table, schema)}
           WHERE %(tenant_id)s::uuid IS NULL OR tenant_id = %(tenant_id)s) AS s USING ({keys})
WHERE l.tenant_id IS NULL OR s.tenant_id IS NULL OR {_differ(names)}
ORDER BY {keys}
"""


def _remove(table: Table, live: str, schema: str, database: Database) -> str:
    names = quoted_columns(table, key=False)
    return f"""
DELETE FROM {live} AS l USING {key_arrays(table, database)}
WHERE {_same_key(table, "l")}
  AND NOT EXISTS (SELECT FROM {_shadow(table, schema)} AS s
                  WHERE {_same_key(table, "s")} AND NOT ({_differ(names)}))
RETURNING {", ".join(f"l.{column}" for column in quoted_columns(table, key=True))}
"""


def _add(table: Table, live: str, schema: str, database: Database) -> str:
    columns = quoted_columns(table, key=True) + quoted_columns(table, key=False)
    listed = ", ".join(columns)
    return f"""
INSERT INTO {live} ({listed})
SELECT {", ".join(f"s.{column}" for column in columns)}
FROM {_shadow(table, schema)} AS s JOIN {key_arrays(table, database)} ON {_same_key(table, "s")}
WHERE NOT EXISTS (SELECT FROM {live} AS l WHERE {_same_key(table, "l")})
RETURNING {", ".join(quoted_columns(table, key=True))}
"""


def _same_key(table: Table, alias: str) -> str:
    columns = enumerate(quoted_columns(table, key=True))
    return " AND ".join(f"{alias}.{column} = n.k{number}" for number, column in columns)


def _differ(names: Sequence[str]) -> str:
    pairs = [f"l.{name} IS DISTINCT FROM s.{name}" for name in names]
    return f"({' OR '.join(pairs)})" if pairs else "false"


def _shadow(table: Table, schema: str) -> str:
    return f'"{schema}"."{table.model._meta.db_table}"'
