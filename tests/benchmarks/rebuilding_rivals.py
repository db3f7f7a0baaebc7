"""Two who make the rows of a projection anew from the event store's own table.

Of the events they know those that there are in the histories.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.db import models, transaction
from django.db.models import Sum

from eventstore.models import StoredEvent, StoredStream
from tests.benchmarks.measuring import Booking
from tests.benchmarks.plain_orm import BenchmarkModel
from tests.benchmarks.rebuilding import MONEY, Histories, OfHistories

AMOUNT = """
CASE e.type WHEN 'account.money_deposited' THEN (e.data ->> 'amount')::numeric
            WHEN 'account.money_withdrawn' THEN -(e.data ->> 'amount')::numeric END
"""
NAMES = """
SELECT e.tenant_id, s.aggregate_id, e.data ->> 'first_name' || ' ' || (e.data ->> 'last_name')
"""
PERSONS = """
FROM eventstore_event AS e JOIN eventstore_stream AS s ON s.id = e.stream_id
WHERE e.type = 'person.registered'
"""
ACCOUNTS = """
FROM eventstore_event AS e JOIN eventstore_stream AS s ON s.id = e.stream_id
WHERE e.type IN ('account.opened', 'account.money_deposited', 'account.money_withdrawn')
"""

# One statement for each table of the projection.
FILL = {
    "account_summary": {
        "account_summary_owner": f"(tenant_id, person_id, name) {NAMES} {PERSONS}",
        "account_summary": f"""
            (tenant_id, account_id, code, owner_id, status, balance, opened_at, version,
             updated_at)
            SELECT e.tenant_id, s.aggregate_id, max(e.data ->> 'code'),
                   max(e.data ->> 'owner_id')::uuid, 'open', coalesce(sum({AMOUNT}), 0),
                   min(e.recorded_at), max(e.version), max(e.recorded_at)
            {ACCOUNTS} GROUP BY e.tenant_id, s.aggregate_id""",
    },
    "person_summary": {
        "person_summary_account": """
            (tenant_id, account_id, person_id)
            SELECT e.tenant_id, s.aggregate_id, (e.data ->> 'owner_id')::uuid
            FROM eventstore_event AS e JOIN eventstore_stream AS s ON s.id = e.stream_id
            WHERE e.type = 'account.opened'""",
        "person_summary": f"""
            (tenant_id, person_id, name, registered_at, open_account_count, total_balance,
             version, updated_at)
            WITH account AS (
                SELECT e.tenant_id, max(e.data ->> 'owner_id')::uuid AS owner_id,
                       coalesce(sum({AMOUNT}), 0) AS balance, max(e.recorded_at) AS changed_at
                {ACCOUNTS} GROUP BY e.tenant_id, s.aggregate_id),
            owner AS (
                SELECT tenant_id, owner_id, count(*) AS accounts, sum(balance) AS total,
                       max(changed_at) AS changed_at
                FROM account GROUP BY tenant_id, owner_id),
            person AS ({NAMES} AS name, e.recorded_at, e.version {PERSONS})
            SELECT person.tenant_id, aggregate_id, name, recorded_at, coalesce(accounts, 0),
                   coalesce(total, 0), version, greatest(recorded_at, changed_at)
            FROM person LEFT JOIN owner
              ON owner.tenant_id = person.tenant_id AND owner_id = aggregate_id""",
    },
}


class RawRebuild(OfHistories):
    """PostgreSQL alone: one statement for each table, which is like the live one."""

    def __init__(self, histories: Histories, projection: str) -> None:
        super().__init__(histories)
        self._projection = projection
        with self.connection.cursor() as cursor:
            for table in FILL[projection]:
                cursor.execute(f"CREATE TABLE raw_{table} (LIKE {table} INCLUDING ALL)")

    def work(self, bookings: Sequence[Booking]) -> None:
        tables = FILL[self._projection]
        with transaction.atomic(using=self.histories.alias), self.connection.cursor() as cursor:
            cursor.execute("TRUNCATE " + ", ".join(f"raw_{table}" for table in tables))
            for table, fill in tables.items():
                cursor.execute(f"INSERT INTO raw_{table} {fill}")

    def total(self) -> Decimal:
        column = MONEY[self._projection]
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT sum({column.name}) FROM raw_{column.model._meta.db_table}")
            return Decimal(cursor.fetchone()[0])


class OrmAccountSummary(BenchmarkModel):
    tenant_id = models.UUIDField()
    account_id = models.UUIDField()
    code = models.CharField(max_length=50)
    owner_id = models.UUIDField()
    balance = models.DecimalField(max_digits=24, decimal_places=2, default=Decimal(0))
    opened_at = models.DateTimeField()
    version = models.BigIntegerField()
    updated_at = models.DateTimeField()

    class Meta(BenchmarkModel.Meta):
        abstract = False
        constraints = (
            models.UniqueConstraint(fields=["tenant_id", "account_id"], name="benchmarks_account"),
        )


class OrmPersonSummary(BenchmarkModel):
    tenant_id = models.UUIDField()
    person_id = models.UUIDField()
    name = models.CharField(max_length=201)
    registered_at = models.DateTimeField()
    open_account_count = models.IntegerField(default=0)
    total_balance = models.DecimalField(max_digits=24, decimal_places=2, default=Decimal(0))
    version = models.BigIntegerField()
    updated_at = models.DateTimeField()

    class Meta(BenchmarkModel.Meta):
        abstract = False
        constraints = (
            models.UniqueConstraint(fields=["tenant_id", "person_id"], name="benchmarks_person"),
        )


class OrmRebuild(OfHistories):
    """Read by `iterator`, kept in a dict, written by `bulk_create`."""

    model: ClassVar[type[BenchmarkModel]]
    money: ClassVar[str]

    def __init__(self, histories: Histories) -> None:
        super().__init__(histories)
        with self.connection.schema_editor() as editor:
            editor.create_model(self.model)
        self._rows = self.model.objects.using(histories.alias)

    def work(self, bookings: Sequence[Booking]) -> None:
        with transaction.atomic(using=self.histories.alias):
            self._rows.all().delete()
            self._rows.bulk_create(self.replayed(), batch_size=1000)

    def replayed(self) -> list[Any]:
        raise NotImplementedError

    def events(self) -> Iterator[tuple[UUID, UUID, int, str, dict[str, Any], datetime]]:
        alias = self.histories.alias
        streams = StoredStream.objects.using(alias).values_list("id", "aggregate_id")
        aggregates = dict(streams)
        events = StoredEvent.objects.using(alias).order_by("position")
        columns = ("tenant_id", "stream_id", "version", "type", "data", "recorded_at")
        for tenant_id, stream, *rest, data, at in events.values_list(*columns).iterator():
            version, name = rest
            yield tenant_id, aggregates[stream], version, name, json.loads(data), at

    def total(self) -> Decimal:
        return Decimal(self._rows.aggregate(sum=Sum(self.money))["sum"])


class OrmAccounts(OrmRebuild):
    model = OrmAccountSummary
    money = "balance"

    def replayed(self) -> list[Any]:
        rows: dict[tuple[UUID, UUID], OrmAccountSummary] = {}
        for tenant_id, aggregate_id, version, name, data, at in self.events():
            if name == "account.opened":
                row = rows[tenant_id, aggregate_id] = OrmAccountSummary(
                    tenant_id=tenant_id,
                    account_id=aggregate_id,
                    code=data["code"],
                    owner_id=data["owner_id"],
                    opened_at=at,
                )
            elif name.startswith("account.money_"):
                row = rows[tenant_id, aggregate_id]
                amount = Decimal(data["amount"])
                row.balance += amount if name == "account.money_deposited" else -amount
            else:
                continue
            row.version, row.updated_at = version, at
        return list(rows.values())


class OrmPersons(OrmRebuild):
    model = OrmPersonSummary
    money = "total_balance"

    def replayed(self) -> list[Any]:
        rows: dict[tuple[UUID, UUID], OrmPersonSummary] = {}
        owners: dict[tuple[UUID, UUID], UUID] = {}
        for tenant_id, aggregate_id, version, name, data, at in self.events():
            if name == "person.registered":
                row = rows[tenant_id, aggregate_id] = OrmPersonSummary(
                    tenant_id=tenant_id,
                    person_id=aggregate_id,
                    name=f"{data['first_name']} {data['last_name']}",
                    registered_at=at,
                    version=version,
                )
            elif name == "account.opened":
                owners[tenant_id, aggregate_id] = UUID(data["owner_id"])
                row = rows[tenant_id, owners[tenant_id, aggregate_id]]
                row.open_account_count += 1
            else:
                row = rows[tenant_id, owners[tenant_id, aggregate_id]]
                amount = Decimal(data["amount"])
                row.total_balance += amount if name == "account.money_deposited" else -amount
            row.updated_at = at
        return list(rows.values())
