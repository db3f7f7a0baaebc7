"""Invariant 5: the live rows equal a replay of all events in the order of positions."""

from typing import Any

from django.db.models import Model

from eventstore.application import Application
from eventstore.projections import Projection, Table
from eventstore.testing import replay


def assert_rows_equal_a_replay(application: Application) -> int:
    """Compare every row of every projection; how many there were."""
    return sum(_compare(application, projection) for projection in application.projections)


def _compare(application: Application, projection: Projection) -> int:
    expected = replay(projection, application.reader.read_log())
    count = 0
    for table in projection.tables:
        live = _live_rows(table)
        assert live == expected.tables[table.model], table.model.__name__
        count += len(live)
    return count


def _live_rows(table: Table) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows by tenant and key, without the surrogate id, which no reader sees."""
    rows = {}
    for values in _all(table.model):
        del values["id"]
        place = tuple(values.pop(name) for name in ("tenant_id", *table.key))
        rows[place] = values
    return rows


def _all(model: type[Model]) -> list[dict[str, Any]]:
    return list(model._default_manager.values())
