"""The rival that most teams have: Django's ORM, tables that hold the present, an audit row.

As Django's documentation advises: `select_for_update` on the row that decides, `F()` for a sum
that others change too, `update_fields`, `bulk_create`, everything in one `atomic` block.
"""

import json
import uuid
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.db import connection, models, transaction
from django.db.models import F, Sum
from django.utils import timezone

from eventstore.models import JsonText
from tests.benchmarks.measuring import Booking, Size, account_id
from tests.benchmarks.raw_limit import METADATA, runs
from tests.benchmarks.scratch_database import setting

LIMIT = Decimal(10**16)


class BenchmarkModel(models.Model):
    """Part of no installed app: `create_tables` makes its tables."""

    # The type checker's plugin gives managers to the models of installed apps only.
    objects: ClassVar[models.Manager[Self]]

    class Meta:
        abstract = True
        app_label = "benchmarks"

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.pk}"


class OrmEvent(BenchmarkModel):
    """The columns and indexes of the event store's table."""

    position = models.BigAutoField(primary_key=True)
    stream_id = models.BigIntegerField()
    version = models.BigIntegerField()
    tenant_id = models.UUIDField()
    type = models.CharField(max_length=200)
    schema_version = models.IntegerField()
    data = JsonText()
    metadata = JsonText()
    recorded_at = models.DateTimeField()
    hash = models.BinaryField()

    class Meta(BenchmarkModel.Meta):
        constraints = (
            models.UniqueConstraint(fields=["stream_id", "version"], name="benchmarks_version"),
        )


class Owner(BenchmarkModel):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=201, default="Ann Lee")
    total_balance = models.DecimalField(max_digits=19, decimal_places=2, default=Decimal(0))


class Account(BenchmarkModel):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    owner_id: uuid.UUID
    owner = models.ForeignKey(Owner, models.PROTECT)
    code = models.CharField(max_length=50)
    balance = models.DecimalField(max_digits=19, decimal_places=2, default=Decimal(0))
    is_closed = models.BooleanField(default=False)
    opened_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)


class AuditEntry(BenchmarkModel):
    account_id: uuid.UUID
    account = models.ForeignKey(Account, models.PROTECT)
    action = models.CharField(max_length=100)
    amount = models.DecimalField(max_digits=19, decimal_places=2)
    balance = models.DecimalField(max_digits=19, decimal_places=2)
    booked_on = models.DateField(null=True)
    reference = models.CharField(max_length=140)
    user = models.CharField(max_length=150)
    recorded_at = models.DateTimeField(auto_now_add=True)


def book(
    account_id: uuid.UUID,
    amount: Decimal,
    reference: str,
    user: str,
    booked_on: date | None = None,
) -> AuditEntry:
    """Book a deposit, or a withdrawal: the account, its owner's total, the audit trail.

    Raises Account.DoesNotExist, or ValueError where the account does not take it.
    """
    with transaction.atomic():
        account = Account.objects.select_for_update().get(pk=account_id)
        if account.is_closed or not 0 <= account.balance + amount < LIMIT:
            raise ValueError("refused")
        account.balance += amount
        account.save(update_fields=["balance", "updated_at"])
        owner = Owner.objects.filter(pk=account.owner_id)
        owner.update(total_balance=F("total_balance") + amount)
        return AuditEntry.objects.create(
            account=account,
            action="deposit-money" if amount > 0 else "withdraw-money",
            amount=amount,
            balance=account.balance,
            booked_on=booked_on,
            reference=reference,
            user=user,
        )


class OrmBookings:
    def __init__(self, size: Size) -> None:
        create_tables(Owner, Account, AuditEntry)
        owners = Owner.objects.bulk_create(Owner() for _ in range(-(-size.accounts // 3)))
        accounts = (
            Account(id=account_id(number), code=str(number), owner=owners[number // 3])
            for number in range(size.accounts)
        )
        self.ids = [account.id for account in Account.objects.bulk_create(accounts)]
        for account in range(size.accounts):
            OrmBookings.work(self, [Booking(account, Decimal(1))] * size.prior)

    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            book(self.ids[booking.account], booking.amount, "Salary", "mary")

    def total(self) -> Decimal:
        sums = {
            Account.objects.aggregate(sum=Sum("balance"))["sum"],
            Owner.objects.aggregate(sum=Sum("total_balance"))["sum"],
            AuditEntry.objects.aggregate(sum=Sum("amount"))["sum"],
        }
        (total,) = sums
        return Decimal(total)

    def setting(self, name: str) -> str:
        return setting(name)


class OrmAppends:
    """Rows of the event table by `bulk_create`, one transaction for each run of bookings."""

    def __init__(self) -> None:
        create_tables(OrmEvent)
        self._tenant_id = uuid.uuid4()
        self._versions: dict[int, int] = {}

    def work(self, bookings: Sequence[Booking]) -> None:
        for run in runs(bookings):
            OrmEvent.objects.bulk_create([self._event(booking) for booking in run])

    def _event(self, booking: Booking) -> OrmEvent:
        version = self._versions.get(booking.account, 0) + 1
        self._versions[booking.account] = version
        amount = str(booking.amount)
        return OrmEvent(
            stream_id=booking.account + 1,
            version=version,
            tenant_id=self._tenant_id,
            type="account.money_deposited",
            schema_version=1,
            data=json.dumps({"amount": amount, "booked_on": None, "reference": "Salary"}),
            metadata=METADATA,
            recorded_at=timezone.now(),
            hash=bytes(32),
        )

    def total(self) -> Decimal:
        events = OrmEvent.objects.values_list("data", flat=True)
        return sum((Decimal(json.loads(data)["amount"]) for data in events), Decimal(0))

    def setting(self, name: str) -> str:
        return setting(name)


class OrmLoads(OrmAppends):
    """A balance folded from the rows of one stream."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self._found = Decimal(0)
        for account in range(size.accounts):
            OrmAppends.work(self, [Booking(account, Decimal(1))] * size.prior)

    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            events = OrmEvent.objects.filter(stream_id=booking.account + 1).order_by("version")
            amounts = (Decimal(json.loads(event.data)["amount"]) for event in events)
            self._found = sum(amounts, Decimal(0))

    def total(self) -> Decimal:
        return self._found


class OrmFeed(OrmAppends):
    """All rows in their order, by `iterator`, with what they hold parsed."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        events = (self._event(booking) for booking in size.batch())
        OrmEvent.objects.bulk_create(events, batch_size=1000)
        self._ends = OrmEvent.objects.latest("position").position
        self._after = 0
        self._read: list[tuple[OrmEvent, Any, Any]] = []

    def work(self, bookings: Sequence[Booking]) -> None:
        events = OrmEvent.objects.filter(position__gt=self._after).order_by("position")
        self._read = [
            (event, json.loads(event.data), json.loads(event.metadata))
            for event in events[: len(bookings)].iterator()
        ]
        position = self._read[-1][0].position
        self._after = 0 if position == self._ends else position

    def total(self) -> Decimal:
        return sum((Decimal(data["amount"]) for _, data, _ in self._read), Decimal(0))


def create_tables(*model_classes: type[models.Model]) -> None:
    """Make the tables anew; no migration knows them."""
    existing: Any = connection.introspection.table_names()
    with connection.schema_editor() as editor:
        for model in reversed(model_classes):
            if model._meta.db_table in existing:
                editor.delete_model(model)
        for model in model_classes:
            editor.create_model(model)
