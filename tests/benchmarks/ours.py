"""This project, through the doors that its users take."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Sum

import ledger.registration
import projections.registration
from eventstore.application import Application, pipeline_from_settings
from eventstore.database import Database
from eventstore.drafts import Recording
from eventstore.events import Origin
from eventstore.hash_chain import GENESIS
from eventstore.models import Subscription, Tenant
from eventstore.tenancy import Actor, Role
from ledger.accounts.aggregate import Account
from ledger.accounts.commands import DepositMoney, OpenAccount, WithdrawMoney
from ledger.accounts.events import MoneyDeposited
from ledger.persons.commands import RegisterPerson
from projections.models import AccountSummary, PersonSummary
from tests.benchmarks.measuring import Booking, Size, account_id
from tests.benchmarks.raw_limit import runs
from tests.benchmarks.scratch_database import setting


class Ours:
    """An application and a tenant of its own; total and state from the events.

    `inline`: with the rows of the read side. By default without snapshots and cache, and with
    nowhere to put boxes.
    """

    def __init__(
        self,
        *,
        inline: bool = False,
        snapshot_every: int = 0,
        cache_size: int = 0,
        alias: str = DEFAULT_DB_ALIAS,
        cold_storage: Path = Path(os.devnull),
    ) -> None:
        self.application = Application(
            pipeline=pipeline_from_settings(),
            database=Database(alias),
            snapshot_every=snapshot_every,
            cache_size=cache_size,
            cold_storage=cold_storage,
        )
        ledger.registration.register(self.application)
        if inline:
            projections.registration.register(self.application)
        self._forget_other_modes(alias)
        tenant_id = uuid4()
        Tenant.objects.using(alias).create(id=tenant_id, slug=str(tenant_id), name="Benchmark")
        self.actor = Actor(tenant_id=tenant_id, user="mary", role=Role.MEMBER)
        self.ids: list[UUID] = []

    def _forget_other_modes(self, alias: str) -> None:
        """An application with other projections may have been here before."""
        registered = self.application.projections
        modes = {projection.name: registered.mode_of(projection.name) for projection in registered}
        for subscription in Subscription.objects.using(alias):
            if modes.get(subscription.projection) != subscription.mode:
                subscription.delete()

    def recording(self) -> Recording:
        origin = Origin(user="mary", correlation_id=uuid4(), causation_id=uuid4())
        tenant_id = self.actor.tenant_id
        return Recording(tenant_id=tenant_id, origin=origin, recorded_at=datetime.now(UTC))

    def load(self, aggregate_id: UUID) -> Account:
        loaded = self.application.loader.load(self.actor.tenant_id, Account, aggregate_id)
        assert loaded is not None
        return loaded.aggregate

    def keep(self, aggregate_id: UUID) -> None:
        """As the bus does after a commit: into the cache, and a snapshot if one is due."""
        tenant_id = self.actor.tenant_id
        loaded = self.application.loader.load(tenant_id, Account, aggregate_id)
        assert loaded is not None
        self.application.loader.keep(tenant_id, loaded)

    def total(self) -> Decimal:
        return sum(
            (self.load(aggregate_id).state.balance for aggregate_id in self.ids), Decimal(0)
        )

    def setting(self, name: str) -> str:
        return setting(name, self.application.database.connection)


class OurAppends(Ours):
    """One `EventStore.append` for each run of bookings; outside `atomic`, a transaction each."""

    def __init__(self, size: Size, *, alias: str = DEFAULT_DB_ALIAS) -> None:
        super().__init__(alias=alias)
        self.ids = [uuid4() for _ in range(size.accounts)]
        self._heads = [(0, GENESIS)] * size.accounts

    def work(self, bookings: Sequence[Booking]) -> None:
        for run in runs(bookings):
            number = run[0].account
            version, head_hash = self._heads[number]
            recorded = self.application.store.append(
                "account",
                self.ids[number],
                [MoneyDeposited(amount=booking.amount, reference="Salary") for booking in run],
                expected_version=version,
                head_hash=head_hash,
                recording=self.recording(),
            )
            self._heads[number] = (recorded[-1].version, recorded[-1].hash)


class OurLoads(OurAppends):
    """An aggregate brought up to date from its events, without a snapshot or a cache."""

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        self._found = Decimal(0)
        for account in range(size.accounts):
            OurAppends.work(self, [Booking(account, Decimal(1))] * size.prior)

    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            self._found = self.load(self.ids[booking.account]).state.balance

    def total(self) -> Decimal:
        return self._found


class OurCommands(Ours):
    """`deposit-money` through the whole bus; `kept`: with snapshots and a cache, as configured."""

    def __init__(self, size: Size, *, inline: bool = False, kept: bool = False) -> None:
        snapshot_every = settings.EVENTSTORE["SNAPSHOT_EVERY"] if kept else 0
        cache_size = settings.EVENTSTORE["CACHE_SIZE"] if kept else 0
        super().__init__(inline=inline, snapshot_every=snapshot_every, cache_size=cache_size)
        self._inline = inline
        send = self.application.bus.send
        for number in range(size.accounts):
            if number % 3 == 0:
                owner_id = uuid4()
                person = RegisterPerson(aggregate_id=owner_id, first_name="Ann", last_name="Lee")
                send(person, actor=self.actor)
            self.ids.append(account_id(number))
            account = OpenAccount(aggregate_id=self.ids[-1], owner_id=owner_id, code=str(number))
            send(account, actor=self.actor)
            OurCommands.work(self, [Booking(number, Decimal(1))] * size.prior)

    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            kind = DepositMoney if booking.amount > 0 else WithdrawMoney
            command = kind(
                aggregate_id=self.ids[booking.account],
                amount=abs(booking.amount),
                reference="Salary",
            )
            self.application.bus.send(command, actor=self.actor)

    def total(self) -> Decimal:
        totals = {super().total()}
        if self._inline:
            mine = {"tenant_id": self.actor.tenant_id}
            accounts = AccountSummary.objects.filter(**mine).aggregate(sum=Sum("balance"))
            persons = PersonSummary.objects.filter(**mine).aggregate(sum=Sum("total_balance"))
            totals |= {accounts["sum"], persons["sum"]}
        (total,) = totals
        return total
