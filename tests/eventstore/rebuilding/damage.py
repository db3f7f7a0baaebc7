"""Rows that somebody has changed by hand, and what a check should say of them, by other means."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db.models import Model

from eventstore.application import Application
from eventstore.projections import Projection, Table
from eventstore.row_statements import read_names
from eventstore.testing.memory_rows import MemoryRows
from tests.replay import live_rows

#: Table, tenant and key.
Where = tuple[str, UUID, tuple[Any, ...]]
#: Kind, columns and position.
What = tuple[str, tuple[str, ...], int | None]


@dataclass(frozen=True)
class Damage:
    """What is done to a row, and to which one and which of its columns, modulo their number."""

    how: str
    row: int
    column: int

    def to(self, projection: Projection) -> None:
        tables = [table for table in projection.tables if table.model.objects.exists()]
        if not tables:
            return
        table = tables[self.row % len(tables)]
        rows = table.model.objects.order_by("pk")
        row = rows[self.row % rows.count()]
        match self.how:
            case "delete":
                row.delete()
            case "invent":
                row.pk = None
                for name in table.key or ("tenant_id",):
                    setattr(row, name, another(getattr(row, name), 1000 + self.column))
                row.save()
            case "change":
                names = read_names(table)
                name = names[self.column % len(names)]
                setattr(row, name, another(getattr(row, name), 1 + self.column % 2))
                row.save()


def another(value: Any, by: int) -> Any:
    match value:
        case Decimal() | int():
            return value + by
        case datetime() | date():
            return value + timedelta(days=by)
        case str():
            return f"{by}{value}"[:10]
        case UUID():
            return uuid4()
        case None:
            return datetime.fromisoformat("2020-01-01T00:00:00+00:00")
    raise AssertionError(f"a {type(value)}, which no read model has so far")


def expected(application: Application, projection: Projection) -> dict[Where, What]:
    """What is wrong with the rows, found in memory; each with the event where it parts."""
    ways = _ways(application, projection)
    found: dict[Where, What] = {}
    for table in projection.tables:
        live = live_rows(table)
        replayed = ways.tables[table.model]
        for place in live.keys() | replayed.keys():
            if live.get(place) == replayed.get(place):
                continue
            where = (table.model._meta.db_table, place[0], place[1:])
            position = ways.parts(table.model, place, live.get(place))
            found[where] = (*_kind(table, live.get(place), replayed.get(place)), position)
    return found


def _kind(table: Table, live: Any, replayed: Any) -> tuple[str, tuple[str, ...]]:
    if live is None or replayed is None:
        return ("missing" if live is None else "extra"), ()
    return "different", tuple(n for n in read_names(table) if live[n] != replayed[n])


class _Ways(MemoryRows):
    """All that each row has been, with the positions since which it was that."""

    def __init__(self, projection: Projection) -> None:
        super().__init__(projection)
        self.been: dict[tuple[type[Model], Any], list[tuple[int, dict[str, Any]]]] = {}

    def note(self, position: int) -> None:
        for model, rows in self.tables.items():
            for place, row in rows.items():
                states = self.been.setdefault((model, place), [])
                if not states or states[-1][1] != row:
                    states.append((position, dict(row)))

    def parts(self, model: type[Model], place: Any, live: Any) -> int | None:
        """The first event after the last one after which the row was as it is."""
        states = self.been.get((model, place), [])
        agreed = [number for number, (_, row) in enumerate(states) if row == live]
        rest: Iterable[tuple[int, Any]] = states[agreed[-1] + 1 if agreed else 0 :]
        return next((position for position, _ in rest), None)


def _ways(application: Application, projection: Projection) -> _Ways:
    ways = _Ways(projection)
    for recorded in application.reader.read_log():
        if type(recorded.event) in projection.events:
            ways.tenant_id = recorded.tenant_id
            projection.project(recorded, ways)
            ways.note(recorded.position)
    return ways
