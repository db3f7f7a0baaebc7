"""A batch's rows equal those written one by one, and those of a replay in memory."""

from collections.abc import Generator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, DataError, connection, transaction
from hypothesis import HealthCheck, given, settings

from eventstore.database import Database
from eventstore.errors import DaybookError, MissingRow, RowExists
from eventstore.projections import Change, Latest, Plus
from eventstore.rows import BatchRows, TenantRows
from tests.eventstore.row_operations import (
    KEYS,
    NEEDED,
    TENANTS,
    History,
    Operation,
    compare,
    histories,
    in_batches,
    in_memory,
    operations,
)
from tests.eventstore.sample_tables import SAMPLES, Item, sample_tables


@pytest.fixture(scope="module")
def tables(lasting_database: None) -> Generator[None]:
    with sample_tables():
        yield


@pytest.fixture
def empty(tables: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sample_item; DELETE FROM sample_place")


SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


@pytest.mark.usefixtures("empty")
@settings(SETTINGS, max_examples=60)
@given(histories)
def test_rows_are_the_same_one_by_one_in_batches_and_in_memory(
    history: History,
) -> None:
    compare(history)


@pytest.mark.soak
@pytest.mark.usefixtures("empty")
@settings(SETTINGS, max_examples=10_000)
@given(histories)
def test_many_rows_are_the_same_one_by_one_in_batches_and_in_memory(
    history: History,
) -> None:
    compare(history)


@pytest.mark.long
@pytest.mark.usefixtures("empty")
@settings(SETTINGS, max_examples=50)
@given(histories, operations())
def test_what_is_wrong_in_memory_is_wrong_in_a_batch(history: History, last: Operation) -> None:
    """Else a rebuild would stop where the live projection went on."""
    right, _, memory = in_memory(history)
    memory.tenant_id = last.tenant_id
    is_wrong = False
    try:
        last.apply(memory)
    except DaybookError:
        is_wrong = True
    with transaction.atomic():
        try:
            with transaction.atomic():
                in_batches([*right, [last]])
        except (DaybookError, DatabaseError):
            assert is_wrong
        else:
            assert not is_wrong
        transaction.set_rollback(True)


def key(number: int) -> UUID:
    return UUID(int=number)


def batch() -> BatchRows:
    return BatchRows(Database(), SAMPLES)


def inserted(how_many: int, **values: Any) -> None:
    rows = batch()
    for number in range(how_many):
        rows.of(TENANTS[0]).insert(Item, key(number), **{**NEEDED, **values})
    rows.flush()


@pytest.mark.usefixtures("empty")
def test_a_text_that_is_too_long_is_refused_whether_one_row_is_written_or_many() -> None:
    """A cast would cut it off without a word."""
    inserted(2)
    for write in ("insert", "update", "upsert"):
        for rows in (TenantRows(Database(), SAMPLES, TENANTS[0]), batch()):
            of_tenant = rows if isinstance(rows, TenantRows) else rows.of(TENANTS[0])
            change = getattr(of_tenant, write)
            place = key(9) if write == "insert" else key(1)
            change(Item, place, title="x" * 31, **NEEDED)
            with pytest.raises(DataError, match="too long"), transaction.atomic():
                rows.flush()
    assert set(Item.objects.values_list("title", flat=True)) == {""}


@pytest.mark.usefixtures("empty")
def test_one_missing_row_among_many_is_found() -> None:
    inserted(3)
    rows = batch()
    for number in (0, 1, 7, 2):
        rows.of(TENANTS[0]).update(Item, key(number), count=Plus(1))

    with pytest.raises(MissingRow, match="sample_item"), transaction.atomic():
        rows.flush()
    assert not Item.objects.exclude(count=0).exists()


@pytest.mark.usefixtures("empty")
def test_a_row_that_exists_in_another_tenant_is_missing_here() -> None:
    inserted(1)
    rows = batch()
    rows.read_ahead({(TENANTS[1], key(0))})
    with pytest.raises(MissingRow):
        rows.of(TENANTS[1]).get(Item, key(0))
    rows.of(TENANTS[1]).update(Item, key(0), count=5)
    with pytest.raises(MissingRow), transaction.atomic():
        rows.flush()


@pytest.mark.usefixtures("empty")
def test_a_row_that_a_batch_inserts_twice_is_an_error() -> None:
    rows = batch().of(TENANTS[0])
    rows.insert(Item, key(0), **NEEDED)
    with pytest.raises(RowExists):
        rows.insert(Item, key(0), **NEEDED)


class Counted:
    """How many statements are sent meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[str] = []
        execute = Database.execute

        def counted(database: Database, sql: str, parameters: Any = ()) -> Any:
            self.sent.append(sql)
            return execute(database, sql, parameters)

        monkeypatch.setattr(Database, "execute", counted)


@pytest.mark.usefixtures("empty")
def test_what_is_read_ahead_is_read_by_one_statement_however_many_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inserted(50, count=3)
    counted = Counted(monkeypatch)
    rows = batch()
    rows.read_ahead((tenant, key(number)) for tenant in TENANTS for number in range(60))

    of_tenant = rows.of(TENANTS[0])
    assert all(of_tenant.get(Item, key(number))["count"] == 3 for number in range(50))
    with pytest.raises(MissingRow):
        of_tenant.get(Item, key(55))
    with pytest.raises(MissingRow):
        rows.of(TENANTS[1]).get(Item, key(0))
    assert len(counted.sent) == 1, counted.sent


@pytest.mark.usefixtures("empty")
def test_rows_of_the_same_shape_are_written_by_one_statement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inserted(40)
    rows = batch()
    for tenant in TENANTS:
        for number in range(40, 80):
            rows.of(tenant).insert(Item, key(number), **NEEDED)
    for number in range(40):
        rows.of(TENANTS[0]).update(Item, key(number), count=Plus(number), title=str(number))
    counted = Counted(monkeypatch)
    rows.flush()

    assert len(counted.sent) == 2, counted.sent
    assert Item.objects.count() == 120


@pytest.mark.usefixtures("empty")
def test_a_flush_leaves_nothing_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = batch()
    rows.of(TENANTS[0]).insert(Item, key(0), **NEEDED)
    rows.flush()
    counted = Counted(monkeypatch)
    rows.flush()

    assert counted.sent == []


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("change", [Plus, Latest])
@pytest.mark.parametrize("before", [None, datetime(2024, 1, 1, tzinfo=UTC)])
@pytest.mark.parametrize("operand", [None, datetime(2024, 6, 1, tzinfo=UTC)])
def test_a_change_does_with_nulls_in_python_what_it_does_in_sql(
    change: type[Change], before: Any, operand: Any
) -> None:
    if change is Plus:  # Of numbers
        column, before, operand = "count", before and 1, operand and 2
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::int + %s::int", [before, operand])
            (expected,) = cursor.fetchone()
    else:
        column = "seen"
        with connection.cursor() as cursor:
            cursor.execute("SELECT greatest(%s::timestamptz, %s::timestamptz)", [before, operand])
            (expected,) = cursor.fetchone()

    assert change(operand).onto(before) == expected, column


@pytest.mark.usefixtures("empty")
def test_the_comparison_can_fail() -> None:
    wrong = Operation(TENANTS[0], "insert", Item, KEYS[0], NEEDED | {"total": Decimal("0.001")})

    with pytest.raises(AssertionError):
        compare([[wrong]])
