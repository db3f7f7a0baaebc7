"""A database beside the configured one, so that a benchmark leaves the user's data alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

# Held on the configured database while a benchmark runs beside it.
LOCK = "SELECT pg_try_advisory_lock(hashtext('daybook benchmark'))"


class AlreadyRunning(RuntimeError):
    """Another benchmark uses the database."""


@contextmanager
def scratch_database() -> Iterator[None]:
    """Make and migrate `<configured name>_benchmark`, use it within the block, then drop it.

    What a killed run has left is dropped first. Raises AlreadyRunning.
    """
    configured = connection.settings_dict["NAME"]
    scratch = f"{configured}_benchmark"
    owner = connection.copy()
    try:
        if not query(owner, LOCK):
            raise AlreadyRunning(f"Another benchmark is using {scratch}. Wait for its end.")
        drop = f"DROP DATABASE IF EXISTS {owner.ops.quote_name(scratch)} WITH (FORCE)"
        execute(owner, drop)
        try:
            execute(owner, f"CREATE DATABASE {owner.ops.quote_name(scratch)}")
            use(scratch)
            call_command("migrate", verbosity=0)
            yield
        finally:
            use(configured)
            execute(owner, drop)
    finally:
        owner.close()


@contextmanager
def second_database(alias: str) -> Iterator[str]:
    """One more like the scratch database, under an alias of its own, for the time of the block."""
    settings = {**connection.settings_dict}
    settings["NAME"] = f"{settings['NAME']}_{alias}"
    quoted = connection.ops.quote_name(settings["NAME"])
    drop = f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)"
    execute(connection, drop)
    execute(connection, f"CREATE DATABASE {quoted}")
    connections.settings[alias] = settings
    try:
        call_command("migrate", database=alias, verbosity=0)
        yield alias
    finally:
        connections[alias].close()
        del connections[alias], connections.settings[alias]
        execute(connection, drop)


def use(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name


def libpq_parameters() -> dict[str, Any]:
    """How to reach the database in use without Django."""
    names = ("dbname", "user", "password", "host", "port")
    parameters = connection.get_connection_params()
    return {name: str(parameters[name]) for name in names if parameters.get(name)}


def execute(wrapper: BaseDatabaseWrapper, sql: str) -> None:
    with wrapper.cursor() as cursor:
        cursor.execute(sql)


def query(wrapper: BaseDatabaseWrapper, sql: str, *parameters: Any) -> Any:
    """The first value of the first row."""
    with wrapper.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]


def setting(name: str, wrapper: BaseDatabaseWrapper | None = None) -> str:
    """A setting of PostgreSQL as it holds for a connection of Django's; None: the default one."""
    return str(query(wrapper or connection, "SELECT current_setting(%s)", name))
