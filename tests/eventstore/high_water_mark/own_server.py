"""A PostgreSQL of this test's own: it may be crashed, and takes prepared transactions.

The tests' common server, which may be somebody's, has `max_prepared_transactions = 0` as a rule.
"""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.db import connection, connections
from psycopg.conninfo import conninfo_to_dict

from config.postgres import Use, locked
from config.postgres_programs import choose_programs
from config.postgres_server import Server
from config.unprivileged import own_folder, reachable_folder
from tests.throwaway_postgres import PARENT

#: Django's name for its database.
ALIAS = "own_server"

#: All but the first keep the server from flushing its log on its own, so that a crash loses what
#: no commit has waited for.
SETTINGS = {
    "max_prepared_transactions": "10",
    "wal_writer_delay": "10s",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}


@contextmanager
def own_server() -> Generator[Server]:
    """A running server, its tables made, known to Django as ALIAS; gone at the end.

    It lies among the throw-away ones: should this process be killed, the next run sweeps it.
    """
    place = reachable_folder(PARENT)
    with locked(place / "throwaway.lock"):
        home = own_folder(Path(tempfile.mkdtemp(prefix="throwaway-", dir=place)))
        server = Server(choose_programs(place), home, fsync=False)
        use = Use(server, throwaway=True)
        use.begin()
    try:
        change_settings(server)
        with known_to_django(server):
            call_command("migrate", database=ALIAS, verbosity=0)
            yield server
    finally:
        use.end()


def change_settings(server: Server) -> None:
    with psycopg.connect(server.url, autocommit=True) as operator:
        for name, value in SETTINGS.items():
            operator.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    server.stop("fast")
    server.ensure_running()


def crash(server: Server) -> None:
    """End all its processes at once, without a word to anybody, and start it again."""
    connections[ALIAS].close()
    server.stop("immediate")
    server.ensure_running()


@contextmanager
def known_to_django(server: Server) -> Generator[None]:
    where = conninfo_to_dict(server.url)
    connections.settings[ALIAS] = {
        **connection.settings_dict,
        "NAME": where["dbname"],
        "USER": where["user"],
        "PASSWORD": "",
        "HOST": where["host"],
        "PORT": where["port"],
    }
    try:
        yield
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.settings[ALIAS]
