"""Money from one account to the next: our process manager beside one transaction of the ORM's.

Ours is five commands and four steps, each a transaction of its own, so that no aggregate waits for
another one and a refusal half-way has its own way out. The rival locks both rows at once, as
whoever has all in one database may.
"""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID, uuid4

from django.db import models, transaction
from django.db.models import F

from ledger.transfers.commands import StartTransfer
from projections.models import AccountSummary, TransferSummary
from tests.benchmarks.measuring import Booking, Size
from tests.benchmarks.ours import OurCommands
from tests.benchmarks.plain_orm import (
    LIMIT,
    Account,
    AuditEntry,
    BenchmarkModel,
    OrmBookings,
    Owner,
    create_tables,
)

CENT = Decimal("0.01")


class OrmTransfer(BenchmarkModel):
    id = models.UUIDField(primary_key=True, default=uuid4)
    source = models.ForeignKey(Account, models.PROTECT, related_name="+")
    target = models.ForeignKey(Account, models.PROTECT, related_name="+")
    amount = models.DecimalField(max_digits=19, decimal_places=2)
    status = models.CharField(max_length=10, default="completed")
    user = models.CharField(max_length=150)
    recorded_at = models.DateTimeField(auto_now_add=True)


def transfer(source_id: UUID, target_id: UUID, amount: Decimal, user: str) -> OrmTransfer:
    """Both rows locked in one order, both owners' totals, an audit row for each side.

    Raises ValueError where an account is closed or holds too little.
    """
    with transaction.atomic():
        both = Account.objects.select_for_update().order_by("pk")
        accounts = {account.pk: account for account in both.filter(pk__in=(source_id, target_id))}
        changes = {source_id: -amount, target_id: amount}
        for account_id, change in changes.items():
            account = accounts[account_id]
            if account.is_closed or not 0 <= account.balance + change < LIMIT:
                raise ValueError("refused")
            account.balance += change
            account.save(update_fields=["balance", "updated_at"])
            owner = Owner.objects.filter(pk=account.owner_id)
            owner.update(total_balance=F("total_balance") + change)
        AuditEntry.objects.bulk_create(
            AuditEntry(
                account_id=account_id,
                action="start-transfer",
                amount=change,
                balance=accounts[account_id].balance,
                user=user,
            )
            for account_id, change in changes.items()
        )
        return OrmTransfer.objects.create(
            source_id=source_id, target_id=target_id, amount=amount, user=user
        )


class OrmTransfers(OrmBookings):
    def __init__(self, size: Size) -> None:
        super().__init__(size)
        create_tables(OrmTransfer)

    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            source, target = _pair(self.ids, booking)
            transfer(source, target, _amount(booking), "mary")

    def total(self) -> Decimal:
        return _weighed(self.ids, dict(Account.objects.values_list("pk", "balance")))


class OurTransfers(OurCommands):
    """`start-transfer`, which returns when the transfer is completed."""

    def __init__(self, size: Size) -> None:
        super().__init__(size, inline=True, kept=True)

    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            source, target = _pair(self.ids, booking)
            self.application.bus.send(
                StartTransfer(
                    aggregate_id=uuid4(),
                    from_account_id=source,
                    to_account_id=target,
                    amount=_amount(booking),
                ),
                actor=self.actor,
            )

    def total(self) -> Decimal:
        self.application.subscriptions.work()
        transfers = TransferSummary.objects.filter(tenant_id=self.actor.tenant_id)
        if transfers.exclude(status="completed").exists():
            raise RuntimeError("Some transfers are not completed.")
        balances = AccountSummary.objects.filter(tenant_id=self.actor.tenant_id)
        return _weighed(self.ids, dict(balances.values_list("account_id", "balance")))


def _pair(ids: Sequence[UUID], booking: Booking) -> tuple[UUID, UUID]:
    return ids[booking.account], ids[(booking.account + 1) % len(ids)]


def _amount(booking: Booking) -> Decimal:
    """A few cents: the accounts hold a few units."""
    return max(CENT, (booking.amount / 100).quantize(CENT))


def _weighed(ids: Sequence[UUID], balances: dict[UUID, Decimal]) -> Decimal:
    """The money by where it is: its plain sum would stay, whoever transferred nothing."""
    return sum((number * balances[key] for number, key in enumerate(ids, 1)), Decimal(0))
