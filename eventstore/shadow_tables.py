"""Tables of a projection in a schema of their own: filled beside the live ones, then put in place.

They are made of what the live tables are in the database, not of what the models say they should
be: order of columns, names, and whatever a migration has added by SQL stay as they are, so that a
dump of the schema is the same before and after, and later migrations find what they look for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eventstore.database import Database
from eventstore.errors import NotRebuildable
from eventstore.projections import Projection, Table
from eventstore.table_definitions import (
    CANNOT_BE_COPIED,
    COMPARED,
    DEFINITIONS,
    IS_UNLOGGED,
    STATISTICS,
)

# In this schema first, in the others after it, until the transaction ends.
USE = """
SELECT set_config('search_path', quote_ident(%s) || ', ' || current_setting('search_path'), true)
"""
SEARCH_PATH = "SELECT current_setting('search_path')"
SET_SEARCH_PATH = "SELECT set_config('search_path', %s, true)"

# Schemas of this projection that nobody has put in place: whoever made them is dead.
LEFT_BEHIND = """
SELECT nspname FROM pg_namespace
WHERE nspname ~ '^shadow_[0-9]+(_[0-9]+)?$' AND obj_description(oid, 'pg_namespace') = %s
"""

WAIT_FOR_THE_DEAD = "SELECT set_config('lock_timeout', '20s', true)"

LIVE_SCHEMA = """
SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass(quote_ident(%s))
"""


class ShadowTables:
    """The tables of one projection in `schema`; statements on its rows go there within `used`."""

    def __init__(self, database: Database, projection: Projection, schema: str) -> None:
        self._database = database
        self._projection = projection
        self.schema = schema
        #: In the order in which they are locked.
        self.names = [table.model._meta.db_table for table in projection.tables]
        #: What the live ones were when these were made.
        self._made_of: dict[str, list[tuple[Any, ...]]] = {}

    def make_schema(self) -> None:
        """One that says whose it is, so that it is found when this process dies."""
        self._run(f'CREATE SCHEMA "{self.schema}"')
        self._run(f"COMMENT ON SCHEMA \"{self.schema}\" IS '{mark_of(self._projection)}'")

    def make(self) -> None:
        """Empty ones like the live ones are now."""
        for name in self.names:
            self._made_of[name] = self._definition(name)
            ((is_unlogged,),) = self._database.rows(IS_UNLOGGED, (name,))
            self._run(
                f'CREATE {"UNLOGGED " if is_unlogged else ""}TABLE "{self.schema}"."{name}" '
                f'(LIKE "{name}" INCLUDING ALL'
                " EXCLUDING CONSTRAINTS EXCLUDING INDEXES EXCLUDING STATISTICS)"
            )
            place = {"schema": self.schema, "table": name}
            for statements in DEFINITIONS:
                for (statement,) in self._database.rows(statements, place):
                    self._run(statement)

    def refuse_what_cannot_be_replaced(self) -> None:
        """Raise NotRebuildable where a live table has what another one in its place would lose.

        That is also what a migration has changed since these were made.
        """
        for name in self.names:
            row = self._database.row(CANNOT_BE_COPIED, {"table": f'"{name}"'})
            if row is not None:
                reason = f"table {name} has {row[0]}, which a new table would lose"
                raise NotRebuildable(self._projection.name, reason)
            if name in self._made_of and self._made_of[name] != self._definition(name):
                reason = f"table {name} was altered meanwhile. Try again"
                raise NotRebuildable(self._projection.name, reason)

    def _definition(self, name: str) -> list[tuple[Any, ...]]:
        place = {"schema": self.schema, "table": name}
        return [row for statement in COMPARED for row in self._database.rows(statement, place)]

    @contextmanager
    def used(self) -> Iterator[None]:
        """Within a transaction: the projection's statements read and write these tables."""
        # PostgreSQL passes over a schema that is gone, and the live tables would be found.
        for name in self.names:
            self._run(f'LOCK TABLE "{self.schema}"."{name}" IN ROW EXCLUSIVE MODE')
        (before,) = self._database.rows(SEARCH_PATH)[0]
        self._database.execute(USE, (self.schema,))
        yield
        # Not after an error: the transaction is broken then, and its end restores the path.
        self._database.execute(SET_SEARCH_PATH, (before,))

    def analyze(self) -> None:
        for name in self.names:
            self._run(f'ANALYZE "{self.schema}"."{name}"')

    def count(self) -> int:
        """How many rows they have."""
        counts = [f'(SELECT count(*) FROM "{self.schema}"."{name}")' for name in self.names]
        with self._database.connection.cursor() as cursor:
            cursor.execute(f"SELECT {' + '.join(counts)}")
            return int(cursor.fetchone()[0])

    def lock(self) -> None:
        """Nobody else uses them but the server, which vacuums and analyzes: it gives way."""
        for name in self.names:
            self._run(f'LOCK TABLE "{self.schema}"."{name}" IN ACCESS EXCLUSIVE MODE')

    def lock_live(self, mode: str) -> None:
        for name in self.names:
            self._run(f'LOCK TABLE "{name}" IN {mode} MODE')

    def put_in_place(self) -> None:
        """In a transaction that has locked the live ones, which go."""
        for name in self.names:
            live = live_schema(self._database, name)
            statistics = self._database.rows(STATISTICS, {"table": name})
            self._run(f'DROP TABLE {live}."{name}"')
            self._run(f'ALTER TABLE "{self.schema}"."{name}" SET SCHEMA {live}')
            for (statement,) in statistics:
                self._run(statement)
        self._run(f'DROP SCHEMA "{self.schema}"')

    def drop(self) -> None:
        drop_schema(self._database, self.schema)

    def drop_left_behind(self) -> None:
        """Those of a process that was killed. Only for whoever has the projection's lock."""
        for (schema,) in self._database.rows(LEFT_BEHIND, (mark_of(self._projection),)):
            with self._database.transaction():
                # What the dead were waiting for they still wait for, up to ten seconds.
                self._database.execute(WAIT_FOR_THE_DEAD)
                drop_schema(self._database, schema)

    def _run(self, statement: str) -> None:
        run(self._database, statement)


def live_schema(database: Database, name: str) -> str:
    """Quoted; that of the table which statements find."""
    ((schema,),) = database.rows(LIVE_SCHEMA, (name,))
    return str(schema)


def live_name(database: Database, table: Table) -> str:
    name = table.model._meta.db_table
    return f'{live_schema(database, name)}."{name}"'


def mark_of(projection: Projection) -> str:
    """What a schema's comment says while it is being filled."""
    return f"daybook: {projection.name} is being rebuilt"


def drop_schema(database: Database, schema: str) -> None:
    run(database, f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


def run(database: Database, statement: str) -> None:
    """A statement that is used once: never prepared."""
    with database.connection.cursor() as cursor:
        cursor.execute(statement)
