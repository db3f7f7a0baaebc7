"""What the tests of rebuilding share: orders, and what is left of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any
from uuid import UUID

from django.db import connection

from eventstore import fault_points
from eventstore.application import Application
from eventstore.models import Rebuild
from eventstore.rebuild_log import Order
from eventstore.rebuilding import Outcome

SHADOWS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shadow%'"


def order(kind: str, projection: str, *, tenant_id: UUID | None = None, stream: str = "") -> Order:
    return Order(kind, projection, "olga", "because", tenant_id, stream)


def do(application: Application, kind: str, projection: str, **part: Any) -> Outcome:
    """Rebuild, check or fix it now."""
    return application.rebuilding.run(order(kind, projection, **part), lambda progress: None)


def rebuild(application: Application, projection: str, **part: Any) -> Outcome:
    return do(application, "rebuild", projection, **part)


def differing(application: Application, projection: str, **part: Any) -> int:
    """How many rows a check finds."""
    return do(application, "check", projection, **part).rows


def shadows() -> list[str]:
    """The schemas that somebody has left."""
    return [name for (name,) in query(SHADOWS)]


def query(statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def last_run() -> Rebuild:
    return Rebuild.objects.latest("id")


def xmins(table: str) -> dict[int, str]:
    """By row, the transaction that has written it."""
    return dict(query(f"SELECT id, xmin::text FROM {table}"))


@contextmanager
def at(point: str, call: Callable[[], object]) -> Iterator[list[str]]:
    """This thread does something when it first comes to a fault point; the points it reaches."""
    reached: list[str] = []
    me = get_ident()

    def strike(name: str) -> None:
        if get_ident() == me:
            is_first = name not in reached
            reached.append(name)
            if name == point and is_first:
                call()

    fault_points.arm(strike)
    try:
        yield reached
    finally:
        fault_points.arm(None)
