"""A background projection that has fallen behind: how fast does it catch up?

Every contestant reads a long history of deposits in the order of positions, in batches, and keeps
rows with it; rows and checkpoint are stored together. Each turn reads a part of the history; who
has come to its end begins anew.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import DEFAULT_DB_ALIAS, connection, models, transaction
from django.db.models import Sum

from eventstore.high_water_mark import HighWaterMark
from eventstore.models import Subscription
from eventstore.projections import Projection
from eventstore.subscriptions import BATCH
from ledger.accounts.events import MoneyDeposited
from projections.accounts import ACCOUNT_SUMMARY
from projections.models import AccountStatementBalance, AccountStatementLine, AccountSummary
from projections.statements import ACCOUNT_STATEMENT
from tests.benchmarks.filling import fill
from tests.benchmarks.measuring import Booking, Size, account_id
from tests.benchmarks.ours import Ours
from tests.benchmarks.plain_orm import (
    Account,
    AuditEntry,
    BenchmarkModel,
    OrmEvent,
    OrmFeed,
    Owner,
    create_tables,
)
from tests.benchmarks.raw_limit import RawFeed, RawTable


class Until(HighWaterMark):
    """A mark that rises from turn to turn; asking for it costs what it costs elsewhere."""

    position = 0

    def settled(self) -> int:
        return min(super().settled(), self.position)


class OurCatchUp(Ours):
    """`Subscriptions`, as every worker calls it, from one checkpoint up to the mark."""

    projection: Projection

    def __init__(self, size: Size) -> None:
        super().__init__()
        application = self.application
        application.projections.asynchronous(self.projection)
        self._starts = application.high_water_mark.ceiling()
        self.ids = [account_id(number) for number in range(size.accounts)]
        schema_version = application.events.of(MoneyDeposited).schema_version
        fill(DEFAULT_DB_ALIAS, self.actor.tenant_id, self.ids, size.prior, schema_version)
        self._length = len(size.batch())
        self._done = self._length
        self._mark = Until(application.database)
        application.batches.mark = self._mark
        application.subscription_log.ensure()

    def work(self, bookings: Sequence[Booking]) -> None:
        if self._done == self._length:
            self._begin_anew()
        self._done += len(bookings)
        self._mark.position = self._starts + self._done
        projected = self.application.subscriptions.work()
        if projected != len(bookings):
            raise RuntimeError(f"{projected} of {len(bookings)} events were projected.")

    def _begin_anew(self) -> None:
        self._done = 0
        self.empty()
        Subscription.objects.filter(projection=self.projection.name).update(position=self._starts)

    def empty(self) -> None:
        """The rows as before the first deposit."""
        raise NotImplementedError


class OurSummaries(OurCatchUp):
    """A row for each account."""

    projection = ACCOUNT_SUMMARY

    def empty(self) -> None:
        mine = AccountSummary.objects.filter(tenant_id=self.actor.tenant_id)
        if not mine.update(balance=0):
            AccountSummary.objects.bulk_create(map(self._opened, self.ids))

    def _opened(self, account: Any) -> AccountSummary:
        now = self.recording().recorded_at
        return AccountSummary(
            tenant_id=self.actor.tenant_id,
            account_id=account,
            code="CZ",
            owner_id=uuid4(),
            opened_at=now,
            version=1,
            updated_at=now,
        )

    def total(self) -> Decimal:
        rows = AccountSummary.objects.filter(tenant_id=self.actor.tenant_id)
        return Decimal(rows.aggregate(sum=Sum("balance"))["sum"])


class OurStatements(OurCatchUp):
    """A row for each booking, and one that is read and written for each account."""

    projection = ACCOUNT_STATEMENT

    def empty(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {AccountStatementLine._meta.db_table}")
        mine = AccountStatementBalance.objects.filter(tenant_id=self.actor.tenant_id)
        if not mine.update(balance=0):
            AccountStatementBalance.objects.bulk_create(
                AccountStatementBalance(tenant_id=self.actor.tenant_id, account_id=account)
                for account in self.ids
            )

    def total(self) -> Decimal:
        rows = AccountStatementLine.objects.filter(tenant_id=self.actor.tenant_id)
        return Decimal(rows.aggregate(sum=Sum("amount"))["sum"])


class OrmCheckpoint(BenchmarkModel):
    position = models.BigIntegerField(default=0)


class OrmCatchUp(OrmFeed):
    """Rows of events by `iterator`, folded in a dict, written by `bulk_update`."""

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        create_tables(Owner, Account, AuditEntry, OrmCheckpoint)
        owner = Owner.objects.create()
        self._accounts = Account.objects.bulk_create(
            Account(id=account_id(number), code=str(number), owner=owner)
            for number in range(size.accounts)
        )
        self._length = len(size.batch())
        self._checkpoint = OrmCheckpoint.objects.create()
        self._starts = OrmEvent.objects.earliest("position").position - 1
        self._done = self._length

    def work(self, bookings: Sequence[Booking]) -> None:
        if self._done == self._length:
            self._begin_anew()
        self._done += len(bookings)
        until = self._starts + self._done
        while self._checkpoint.position < until:
            with transaction.atomic():
                self._advance(min(until, self._checkpoint.position + BATCH))

    def _begin_anew(self) -> None:
        self._done = 0
        self._checkpoint.position = self._starts
        Account.objects.update(balance=0)
        AuditEntry.objects.all().delete()

    def _advance(self, until: int) -> None:
        OrmCheckpoint.objects.select_for_update().get(pk=self._checkpoint.pk)
        events = OrmEvent.objects.filter(
            position__gt=self._checkpoint.position, position__lte=until
        ).order_by("position")
        self.project(events)
        self._checkpoint.position = until
        self._checkpoint.save(update_fields=["position"])

    def project(self, events: models.QuerySet[OrmEvent]) -> None:
        sums: dict[Any, Decimal] = defaultdict(Decimal)
        for event in events.iterator():
            sums[self._accounts[event.stream_id - 1].pk] += Decimal(
                json.loads(event.data)["amount"]
            )
        accounts = Account.objects.in_bulk(sums)
        for key, account in accounts.items():
            account.balance += sums[key]
        Account.objects.bulk_update(accounts.values(), ["balance"], batch_size=1000)

    def total(self) -> Decimal:
        return Decimal(Account.objects.aggregate(sum=Sum("balance"))["sum"])


class OrmStatements(OrmCatchUp):
    """A row for each booking by `bulk_create`, with the balance after it."""

    def project(self, events: models.QuerySet[OrmEvent]) -> None:
        accounts = {account.pk: account for account in Account.objects.all()}
        entries = []
        for event in events.iterator():
            account = accounts[self._accounts[event.stream_id - 1].pk]
            data = json.loads(event.data)
            account.balance += Decimal(data["amount"])
            entries.append(
                AuditEntry(
                    account=account,
                    action="deposit-money",
                    amount=Decimal(data["amount"]),
                    balance=account.balance,
                    reference=data["reference"],
                    user="mary",
                )
            )
        AuditEntry.objects.bulk_create(entries, batch_size=1000)
        Account.objects.bulk_update(accounts.values(), ["balance"], batch_size=1000)


class RawCatchUp(RawFeed):
    """The same events fetched by psycopg: nothing is decoded, and no row is kept."""

    def total(self) -> Decimal:
        return RawTable.total(self)
