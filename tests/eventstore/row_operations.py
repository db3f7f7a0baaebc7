"""Random operations on the samples' tables, and three ways to do them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Model
from hypothesis import strategies as st

from eventstore.database import Database
from eventstore.errors import DaybookError
from eventstore.projections import Change, Latest, Plus, Rows
from eventstore.rows import BatchRows, TenantRows
from eventstore.testing.memory_rows import MemoryRows
from tests.eventstore.sample_tables import SAMPLES, Item, Kind, Place
from tests.replay import live_rows

TENANTS = (UUID(int=1), UUID(int=2))
KEYS = tuple(UUID(int=number) for number in (11, 12, 13))
#: What must be named where a row is made.
NEEDED = {"day": date(2024, 1, 1), "last": datetime(2024, 1, 1, tzinfo=UTC)}


@dataclass(frozen=True)
class Operation:
    tenant_id: UUID
    kind: str
    model: type[Model]
    key: Any
    values: dict[str, Any]

    def apply(self, rows: Rows) -> dict[str, Any] | None:
        if self.kind == "get":
            return rows.get(self.model, self.key)
        getattr(rows, self.kind)(self.model, self.key, **self.values)
        return None


#: Batch for batch.
History = list[list[Operation]]

numbers = st.integers(-1000, 1000)
amounts = st.decimals(-10_000, 10_000, places=2) | st.integers(-10, 10)
days = st.dates(date(2000, 1, 1), date(2040, 1, 1))
times = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
VALUES: dict[type[Model], dict[str, st.SearchStrategy[Any]]] = {
    Item: {
        "count": numbers | numbers.map(Plus) | numbers.map(Latest),
        "total": amounts | amounts.map(Plus) | amounts.map(Latest),
        "title": texts | st.sampled_from(Kind),
        "note": st.none() | texts | st.just("long " * 2000),
        "seen": st.none() | times | times.map(Latest),
        "day": days | days.map(Latest),
        "last": times | times.map(Latest),
    },
    Place: {"count": numbers | numbers.map(Plus) | numbers.map(Latest), "title": texts},
}
KEYS_OF: dict[type[Model], st.SearchStrategy[Any]] = {
    Item: st.sampled_from(KEYS),
    Place: st.tuples(st.sampled_from([date(2024, 1, 1), date(2024, 1, 2)]), st.integers(1, 2)),
}


def as_plain(value: Any) -> Any:
    """What a row that is inserted holds from the start."""
    return value.onto(value.start()) if isinstance(value, Change) else value


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    model = draw(st.sampled_from([Item, Place]))
    kind = draw(st.sampled_from(["insert", "update", "update", "upsert", "upsert", "get"]))
    values = draw(st.fixed_dictionaries({}, optional=VALUES[model]))
    if kind == "insert":
        values = {name: as_plain(value) for name, value in values.items()}
    if kind in ("insert", "upsert") and model is Item:
        values = NEEDED | values
    return Operation(draw(st.sampled_from(TENANTS)), kind, model, draw(KEYS_OF[model]), values)


histories = st.lists(st.lists(operations(), max_size=12), max_size=4)


class OneByOne:
    """`Rows` of several tenants that writes each change at once."""

    def __init__(self) -> None:
        self._rows = {tenant: TenantRows(Database(), SAMPLES, tenant) for tenant in TENANTS}

    def apply(self, operation: Operation) -> dict[str, Any] | None:
        rows = self._rows[operation.tenant_id]
        got = operation.apply(rows)
        rows.flush()
        return got


class InMemory:
    def __init__(self) -> None:
        self.rows = MemoryRows(SAMPLES)

    def apply(self, operation: Operation) -> dict[str, Any] | None:
        self.rows.tenant_id = operation.tenant_id
        return operation.apply(self.rows)


def in_memory(history: History) -> tuple[History, list[Any], MemoryRows]:
    """What of a history is right, what it reads, and the rows that it makes.

    An operation that is wrong, as on a row that is missing, is left out.
    """
    memory, right, read = InMemory(), [], []
    for batch in history:
        right.append(list[Operation]())
        for operation in batch:
            try:
                read.append(memory.apply(operation))
            except DaybookError:
                continue
            right[-1].append(operation)
    return right, read, memory.rows


def one_by_one(history: History) -> list[Any]:
    rows = OneByOne()
    return [rows.apply(operation) for batch in history for operation in batch]


def in_batches(history: History) -> list[Any]:
    read = []
    for batch in history:
        rows = BatchRows(Database(), SAMPLES)
        rows.read_ahead({(o.tenant_id, o.key) for o in batch if o.model is Item})
        read += [operation.apply(rows.of(operation.tenant_id)) for operation in batch]
        rows.flush()
    return read


def stored() -> dict[type[Model], Any]:
    return {table.model: live_rows(table) for table in SAMPLES.tables}


def rolled_back(write: Any, history: History) -> tuple[list[Any], Any]:
    """What a way to write reads and leaves behind."""
    with transaction.atomic():
        outcome = write(history), stored()
        transaction.set_rollback(True)
    return outcome


def compare(history: History) -> None:
    right, read, memory = in_memory(history)
    for write in (one_by_one, in_batches):
        assert rolled_back(write, right) == (read, memory.tables), write.__name__
