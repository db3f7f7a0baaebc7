"""Which database the application writes to, and the short way to send it SQL.

Short statements go through a plain psycopg cursor on Django's own connection, prepared once for
each connection: that saves about a third of the time of a short statement. They take part in
Django's transactions like any other.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

Parameters = Sequence[Any] | Mapping[str, Any]

#: PostgreSQL's code for a lock that did not come in time.
LOCK_TIMEOUT = "55P03"


def sqlstate(error: Exception) -> str | None:
    """PostgreSQL's code behind one of Django's database errors; None: the connection is gone."""
    return getattr(error.__cause__, "sqlstate", None)


def told(error: BaseException) -> str:
    """An error in a sentence; of the database's, without what it quotes of the rows."""
    diagnosis = getattr(error.__cause__ if error.__cause__ else error, "diag", None)
    text = getattr(diagnosis, "message_primary", None) or str(error)
    return f"{type(error).__name__}: {text}"


#: After how many steps without a statement whoever has a transaction open says `still_here`.
STILL_HERE_EVERY = 1000


class Database:
    """One database alias; the application object owns the only instance."""

    def __init__(self, alias: str = DEFAULT_DB_ALIAS) -> None:
        self.alias = alias

    @property
    def connection(self) -> BaseDatabaseWrapper:
        return connections[self.alias]

    def transaction(self) -> transaction.Atomic:
        """The outermost transaction, or RuntimeError inside another one.

        Whoever could still roll back must not be told that a command is completed.
        """
        return transaction.atomic(using=self.alias, durable=True)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call it once the transaction has committed, never if it is rolled back.

        What it raises is logged: the transaction is done, and its answer stands.
        """
        transaction.on_commit(call, using=self.alias, robust=True)

    def close_if_broken(self) -> None:
        """Let the next statement open a connection, where this one cannot be used any more.

        Only outside a transaction, whose end closes a broken connection by itself.
        """
        if not self.connection.in_atomic_block:
            self.connection.close_if_unusable_or_obsolete()

    def still_here(self) -> None:
        """Between two statements that are far apart: PostgreSQL ends whoever idles too long."""
        if self.connection.in_atomic_block:
            self.execute("SELECT")

    def execute(self, sql: str, parameters: Parameters = ()) -> psycopg.Cursor[Any]:
        """Run one statement, prepared; errors are Django's (OperationalError and its kin)."""
        connection = self.connection
        # As Django's own cursor does it: a connection that was lost between two requests is
        # found out here, and made anew.
        connection.close_if_health_check_failed()
        connection.ensure_connection()
        cursor = psycopg.Cursor(connection.connection)
        with connection.wrap_database_errors:
            return cursor.execute(sql, parameters, prepare=True, binary=True)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """All rows of one statement."""
        return self.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> tuple[Any, ...] | None:
        """The first row of one statement, or None."""
        return self.execute(sql, parameters).fetchone()
