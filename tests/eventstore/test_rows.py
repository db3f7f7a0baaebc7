"""`TenantRows` on real tables: what is merged, read back and written, and in which order."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection

from eventstore.database import Database
from eventstore.errors import DaybookError, MissingRow, RegistrationError
from eventstore.models import Tenant
from eventstore.projections import Change, Latest, Plus, Projections, Rows, Table
from eventstore.rows import TenantRows
from eventstore.testing.memory_rows import MemoryRows
from projections.accounts import ACCOUNT_SUMMARY
from projections.models import AccountOwner, AccountSummary, PersonAccount, PersonSummary
from projections.persons import PERSON_SUMMARY

EARLY = datetime(2024, 1, 1, tzinfo=UTC)
LATE = datetime(2024, 6, 1, tzinfo=UTC)
KEY = UUID(int=5)


@pytest.fixture
def rows(tenant: Tenant) -> TenantRows:
    return TenantRows(Database(), PERSON_SUMMARY, tenant.id)


@pytest.fixture
def fresh_places(tenant: Tenant) -> None:
    """Each version of a row takes the next place in the table: none is left of deleted rows."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE person_summary")


def insert_person(rows: Rows, key: UUID = KEY, **values: Any) -> None:
    defaults = {"name": "Alice", "registered_at": EARLY, "version": 1, "updated_at": EARLY}
    rows.insert(PersonSummary, key, **{**defaults, **values})


def test_an_inserted_row_has_the_tenant_its_key_and_the_defaults(
    rows: TenantRows, tenant: Tenant
) -> None:
    insert_person(rows)
    assert not PersonSummary.objects.exists()

    rows.flush()

    person = PersonSummary.objects.get()
    assert (person.tenant_id, person.person_id, person.name) == (tenant.id, KEY, "Alice")
    assert (person.open_account_count, person.total_balance) == (0, Decimal(0))


def test_a_second_flush_writes_nothing(rows: TenantRows) -> None:
    insert_person(rows)
    rows.flush()
    rows.flush()

    assert PersonSummary.objects.count() == 1


@pytest.mark.parametrize("stored_first", [True, False])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([{"total_balance": Plus(Decimal(5))}], {"total_balance": 5}),
        ([{"total_balance": Plus(Decimal(5))}, {"total_balance": Plus(Decimal(-2))}],
         {"total_balance": 3}),
        ([{"total_balance": Decimal(9)}, {"total_balance": Plus(Decimal(1))}],
         {"total_balance": 10}),
        ([{"total_balance": Plus(Decimal(1))}, {"total_balance": Decimal(9)}],
         {"total_balance": 9}),
        ([{"updated_at": Latest(LATE)}, {"updated_at": Latest(EARLY)}], {"updated_at": LATE}),
        ([{"updated_at": Latest(EARLY)}, {"updated_at": Latest(LATE)}], {"updated_at": LATE}),
        ([{"updated_at": Latest(datetime(1999, 1, 1, tzinfo=UTC))}], {"updated_at": EARLY}),
        ([{"name": "B"}, {"name": "C", "version": 3}], {"name": "C", "version": 3}),
        ([{"open_account_count": Plus(3)}, {"open_account_count": Latest(2)}],
         {"open_account_count": 3}),
        ([{"open_account_count": Latest(4)}, {"open_account_count": Plus(1)}],
         {"open_account_count": 5}),
        ([{"version": Plus(5)}, {"version": Latest(4)}], {"version": 6}),
        ([{"version": Latest(4)}, {"version": Plus(5)}], {"version": 9}),
    ],
)  # fmt: skip
def test_changes_give_the_same_row_whether_merged_or_written_one_by_one(
    rows: TenantRows,
    stored_first: bool,
    changes: list[dict[str, Any]],
    expected: dict[str, Any],
) -> None:
    insert_person(rows)
    if stored_first:
        rows.flush()
    for change in changes:
        rows.update(PersonSummary, KEY, **change)
    rows.flush()

    assert {name: getattr(PersonSummary.objects.get(), name) for name in expected} == expected


@pytest.mark.parametrize("change", [Plus(1), Latest(1)])
def test_a_change_knows_its_new_value_and_its_sql(change: Change) -> None:
    assert change.onto(5) == {Plus: 6, Latest: 5}[type(change)]
    assert "{column}" in change.sql
    assert "{operand}" in change.sql


def test_an_update_without_a_row_is_missing(rows: TenantRows) -> None:
    rows.update(PersonSummary, KEY, name="B")

    with pytest.raises(MissingRow, match="person_summary has no row"):
        rows.flush()


def test_get_without_a_row_is_missing(rows: TenantRows) -> None:
    with pytest.raises(MissingRow, match="person_summary has no row"):
        rows.get(PersonSummary, KEY)


def test_an_inserted_row_that_exists_is_an_error(rows: TenantRows) -> None:
    insert_person(rows)
    rows.flush()
    insert_person(rows)

    with pytest.raises(IntegrityError):
        rows.flush()


def test_a_row_inserted_twice_before_it_is_written_is_an_error(rows: TenantRows) -> None:
    """Else one of the two is lost without a word, where a replay would notice."""

    def insert_twice() -> None:
        insert_person(rows, name="Alice")
        insert_person(rows, name="Bob")
        rows.flush()

    with pytest.raises((IntegrityError, DaybookError)):
        insert_twice()


def test_rows_in_memory_answer_as_the_live_ones(rows: TenantRows, tenant: Tenant) -> None:
    memory = MemoryRows(PERSON_SUMMARY)
    memory.tenant_id = tenant.id
    for either in (rows, memory):
        insert_person(either)
        either.update(PersonSummary, KEY, total_balance=Plus(Decimal("5.00")))
    pending = rows.get(PersonSummary, KEY)
    rows.flush()

    assert pending == rows.get(PersonSummary, KEY) == memory.get(PersonSummary, KEY)
    with pytest.raises(MissingRow):
        memory.get(PersonSummary, UUID(int=6))
    with pytest.raises(MissingRow):
        memory.update(PersonSummary, UUID(int=6), name="B")


def test_get_sees_what_is_stored_and_what_is_pending(rows: TenantRows) -> None:
    insert_person(rows, total_balance=Decimal("10.00"))
    rows.flush()
    rows.update(PersonSummary, KEY, name="Bob", total_balance=Plus(Decimal("5.00")))

    person = rows.get(PersonSummary, KEY)

    assert (person["name"], person["total_balance"]) == ("Bob", Decimal("15.00"))
    assert person["registered_at"] == EARLY
    assert PersonSummary.objects.get().name == "Alice"


def test_get_sees_a_row_that_is_not_stored_yet(rows: TenantRows) -> None:
    insert_person(rows)
    rows.update(PersonSummary, KEY, open_account_count=Plus(1))

    assert rows.get(PersonSummary, KEY)["open_account_count"] == 1


def test_get_has_the_key_whether_the_row_is_pending_or_stored(rows: TenantRows) -> None:
    """Else a projection works in one batch and breaks in another."""
    insert_person(rows)
    pending = rows.get(PersonSummary, KEY)
    rows.flush()

    assert rows.get(PersonSummary, KEY)["person_id"] == KEY
    assert pending["person_id"] == KEY


def test_what_get_returns_is_a_copy(rows: TenantRows) -> None:
    insert_person(rows)
    rows.get(PersonSummary, KEY)["name"] = "changed by hand"
    rows.flush()

    assert PersonSummary.objects.get().name == "Alice"


def test_another_tenants_row_is_not_reached(rows: TenantRows) -> None:
    insert_person(rows)
    rows.flush()
    other = TenantRows(Database(), PERSON_SUMMARY, uuid4())

    with pytest.raises(MissingRow):
        other.get(PersonSummary, KEY)
    other.update(PersonSummary, KEY, name="Mallory")
    with pytest.raises(MissingRow):
        other.flush()
    assert PersonSummary.objects.get().name == "Alice"


def test_a_projection_cannot_write_a_table_that_is_not_its_own(rows: TenantRows) -> None:
    with pytest.raises(KeyError):
        rows.insert(AccountSummary, KEY)
    with pytest.raises(KeyError):
        rows.update(AccountOwner, KEY, name="A")
    with pytest.raises(KeyError):
        rows.get(AccountOwner, KEY)


def test_rows_are_written_in_the_order_of_tables_and_then_of_keys(rows: TenantRows) -> None:
    keys = [UUID(int=n) for n in (3, 1, 2)]
    for key in keys:
        insert_person(rows, key)
        rows.insert(PersonAccount, key, person_id=key)
    rows.flush()

    # Surrogate ids were drawn in the order of the writes.
    for model, key in ((PersonSummary, "person_id"), (PersonAccount, "account_id")):
        written = list(model.objects.order_by("id").values_list(key, flat=True))
        assert written == sorted(keys)


@pytest.mark.usefixtures("fresh_places")
def test_updates_lock_rows_in_the_order_of_keys(rows: TenantRows) -> None:
    keys = [UUID(int=n) for n in (9, 7, 8)]
    for key in keys:
        insert_person(rows, key)
    rows.flush()
    for key in keys:
        rows.update(PersonSummary, key, name="B")
    rows.flush()

    # The place of a row's newest version tells which was written first.
    with connection.cursor() as cursor:
        cursor.execute("SELECT person_id FROM person_summary ORDER BY ctid")
        assert [key for (key,) in cursor] == sorted(keys)


@pytest.mark.usefixtures("fresh_places")
def test_a_row_that_changes_often_is_written_once(rows: TenantRows) -> None:
    insert_person(rows)
    rows.flush()
    for _ in range(100):
        rows.update(PersonSummary, KEY, open_account_count=Plus(1))
    rows.flush()

    with connection.cursor() as cursor:
        # The first version and one more; each further write would take the next place.
        cursor.execute("SELECT ctid::text, open_account_count FROM person_summary")
        assert cursor.fetchall() == [("(0,2)", 100)]


def test_a_table_has_one_projection() -> None:
    projections = Projections()
    projections.inline(ACCOUNT_SUMMARY)

    with pytest.raises(RegistrationError, match="account_summary is registered twice"):
        projections.inline(ACCOUNT_SUMMARY)
    twin = type(PERSON_SUMMARY)(
        name="twin",
        project=PERSON_SUMMARY.project,
        events=PERSON_SUMMARY.events,
        tables=(Table(AccountOwner, key=("person_id",)),),
    )
    with pytest.raises(RegistrationError, match="shares a table"):
        projections.inline(twin)
    assert list(projections) == [ACCOUNT_SUMMARY]
