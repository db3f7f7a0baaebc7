"""`/readyz` and `/metrics`: is the database there, and does the background keep up?

Open to whoever can reach the server, as probes are, so they name no tenant and show no data. Each
call asks over a connection of its own, which is cut off after some seconds: a database that hangs
would hold any other one, and the probe with it.
"""

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from threading import Timer
from typing import TypeVar

import psycopg
from django.db import InterfaceError, OperationalError, ProgrammingError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from config.health_reasons import reasons
from config.metrics import Background, BackgroundCollector, OneAtATime, measured
from eventstore.application import get_application
from eventstore.database import Database
from eventstore.lag import Lag

logger = logging.getLogger("daybook.health")

T = TypeVar("T")

#: Seconds for a connection, for one statement, and for all of it together.
CONNECT_SECONDS = 2
STATEMENT_SECONDS = 1
PATIENCE = 4

#: Seconds after which to ask again.
RETRY_AFTER = "5"

SLOW = "The database took too long to say how far the background is."

#: Anybody may ask, and each look takes a connection: of a process only one at a time.
MEASURED: OneAtATime[Background | str] = OneAtATime()


class NotReady(Exception):
    """No request can be served; the text says why."""


class TooSlow(Exception):
    """The database answers, but not this in time."""


class OwnConnection(Database):
    """A new connection to the application's database, apart from this thread's."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        super().__init__(connection.alias)
        self._connection = connection

    @property
    def connection(self) -> BaseDatabaseWrapper:
        return self._connection


def readyz(request: HttpRequest) -> HttpResponse:
    """200 while requests can be served, `degraded` where something needs an operator; else 503.

    A projection that stands still takes no web process out: their answers are as good as before.
    """
    try:
        found = ask(reasons)
    except NotReady as error:
        return _unavailable(str(error))
    except TooSlow:
        found = [SLOW]
    return _uncached(JsonResponse({"status": "degraded" if found else "ok", "reasons": found}))


def metrics(request: HttpRequest) -> HttpResponse:
    """The same in numbers, in the text format of Prometheus."""
    background = MEASURED.answer(background_or_why_not)
    if isinstance(background, str):
        return _unavailable(background)
    # Of this request alone: whichever process answers, the database says the same.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(BackgroundCollector(background))
    return _uncached(HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST))


def background_or_why_not() -> Background | str:
    try:
        return ask(measured)
    except NotReady as error:
        return str(error)
    except TooSlow:
        return SLOW


def ask(question: Callable[[Lag], T]) -> T:
    """The answer of a ready database; raises NotReady or TooSlow."""
    application = get_application()
    try:
        with own_connection(application.database.alias) as database:
            if not is_migrated(database.connection):
                raise NotReady("Migrations are missing. Run `manage.py migrate`.")
            return question(Lag(database, application.projections))
    except (OperationalError, InterfaceError) as error:
        if isinstance(
            error.__cause__, psycopg.errors.QueryCanceled | psycopg.errors.LockNotAvailable
        ):
            raise TooSlow from None
        logger.warning("not_ready", extra={"detail": str(error).strip()})
        raise NotReady("The database does not answer.") from None


@contextmanager
def own_connection(alias: str) -> Iterator[OwnConnection]:
    """Cut off when the time is over; raises Django's OperationalError then."""
    connection = connections[alias].copy()
    options = connection.settings_dict["OPTIONS"]
    options["connect_timeout"] = CONNECT_SECONDS
    statement_timeout = f"-c statement_timeout={STATEMENT_SECONDS}s"
    options["options"] = f"{options.get('options', '')} {statement_timeout}".strip()
    timer = Timer(PATIENCE, cut_off, [connection])
    timer.daemon = True
    timer.start()
    try:
        connection.ensure_connection()
        yield OwnConnection(connection)
    finally:
        timer.cancel()
        timer.join()
        connection.close()


def cut_off(connection: BaseDatabaseWrapper) -> None:
    """Shut its socket: whoever waits there for an answer gets an error.

    Before it is connected there is none; then PostgreSQL's library minds the time by itself.
    """
    with (
        suppress(AttributeError, OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.connection.fileno())) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)


def is_migrated(connection: BaseDatabaseWrapper) -> bool:
    """Whether everything that this code needs is applied; more than that does no harm."""
    try:
        applied = MigrationRecorder(connection).applied_migrations()
    except ProgrammingError:  # Somebody else makes its table just now.
        return False
    return applied.keys() >= last_migrations()


@cache
def last_migrations() -> frozenset[tuple[str, str]]:
    """The last one of each app; those before it are applied before it."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def _unavailable(why: str) -> HttpResponse:
    response = JsonResponse({"status": "unavailable", "reasons": [why]}, status=503)
    response["Retry-After"] = RETRY_AFTER
    return _uncached(response)


def _uncached(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
