"""Read models: plain tables, shaped for the queries, and rebuilt from events at any time.

Each row has a tenant and each key contains it. No foreign keys: rows arrive in the order of
events, and a rebuild fills one projection at a time.
"""

from decimal import Decimal

from django.db import models


def money() -> "models.DecimalField[Decimal, Decimal]":
    """A column for a sum of money, zero at first."""
    return models.DecimalField(max_digits=24, decimal_places=2, default=Decimal("0.00"))


class PersonSummary(models.Model):
    """`person_summary`: a person with what they own."""

    tenant_id = models.UUIDField()
    person_id = models.UUIDField()
    name = models.CharField(max_length=201)
    registered_at = models.DateTimeField()
    open_account_count = models.IntegerField(default=0)
    total_balance = money()
    version = models.BigIntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "person_summary"
        verbose_name_plural = "person summaries"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant_id", "person_id"], name="person_summary_person"
            ),
        )

    def __str__(self) -> str:
        return self.name


class PersonAccount(models.Model):
    """Which person an account belongs to, so that a deposit finds its owner's row."""

    tenant_id = models.UUIDField()
    account_id = models.UUIDField()
    person_id = models.UUIDField()

    class Meta:
        db_table = "person_summary_account"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant_id", "account_id"], name="person_summary_account_account"
            ),
        )

    def __str__(self) -> str:
        return str(self.account_id)


class AccountSummary(models.Model):
    """`account_summary`: an account. Its owner's name stands in AccountOwner."""

    class Status(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    tenant_id = models.UUIDField()
    account_id = models.UUIDField()
    code = models.CharField(max_length=50)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN.value)
    balance = money()
    owner_id = models.UUIDField()
    opened_at = models.DateTimeField()
    version = models.BigIntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "account_summary"
        verbose_name_plural = "account summaries"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant_id", "account_id"], name="account_summary_account"
            ),
        )

    def __str__(self) -> str:
        return self.code


class AccountOwner(models.Model):
    """The names of owners, once for each person.

    A copy of the name in each account's row would go stale: an account opened while its owner is
    being renamed copies the old name, and the rename does not see the new account.
    """

    tenant_id = models.UUIDField()
    person_id = models.UUIDField()
    name = models.CharField(max_length=201)

    class Meta:
        db_table = "account_summary_owner"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant_id", "person_id"], name="account_summary_owner_person"
            ),
        )

    def __str__(self) -> str:
        return self.name


class TransferSummary(models.Model):
    """`transfer_summary`: a transfer between two accounts, and how it ended."""

    class Status(models.TextChoices):
        STARTED = "started"
        #: The money has left the source and is on its way, to the target or back.
        DEBITED = "debited"
        COMPLETED = "completed"
        FAILED = "failed"

    tenant_id = models.UUIDField()
    transfer_id = models.UUIDField()
    from_account_id = models.UUIDField()
    to_account_id = models.UUIDField()
    amount = money()
    status = models.CharField(max_length=10, choices=Status, default=Status.STARTED.value)
    #: The code of the refusal for which it failed; "" while it runs and where it completed.
    reason = models.CharField(max_length=100, default="")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, default=None)
    version = models.BigIntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "transfer_summary"
        verbose_name_plural = "transfer summaries"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant_id", "transfer_id"], name="transfer_summary_transfer"
            ),
        )

    def __str__(self) -> str:
        return f"{self.amount}, {self.status}"


class UserSummary(models.Model):
    """`user_summary`: a user. Only a registration that succeeded holds its login name."""

    class Status(models.TextChoices):
        STARTED = "started"
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    tenant_id = models.UUIDField()
    user_id = models.UUIDField()
    login_name = models.CharField(max_length=150)
    status = models.CharField(max_length=10, choices=Status, default=Status.STARTED.value)
    version = models.BigIntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "user_summary"
        verbose_name_plural = "user summaries"
        constraints = (
            models.UniqueConstraint(fields=["tenant_id", "user_id"], name="user_summary_user"),
        )

    def __str__(self) -> str:
        return self.login_name


class AccountStatementLine(models.Model):
    """`account_statement`: a booking of an account, with the balance after it.

    In the order of versions, which is that of recording. A booking for an earlier day comes where
    it was recorded; `booked_on` says for which day it counts.
    """

    tenant_id = models.UUIDField()
    account_id = models.UUIDField()
    #: Of the account's stream, after this booking.
    version = models.BigIntegerField()
    position = models.BigIntegerField()
    booked_on = models.DateField()
    reference = models.CharField(max_length=140, default="")
    #: What came in; what went out is negative.
    amount = money()
    balance = money()
    recorded_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "account_statement"
        verbose_name = "statement line"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant_id", "account_id", "version"], name="account_statement_line"
            ),
        )
        indexes = (
            models.Index(
                fields=["tenant_id", "account_id", "booked_on"], name="account_statement_booked_on"
            ),
        )

    def __str__(self) -> str:
        return f"{self.booked_on}: {self.amount}"


class AccountStatementBalance(models.Model):
    """An account's balance after its last line, from which the next line goes on."""

    tenant_id = models.UUIDField()
    account_id = models.UUIDField()
    balance = money()

    class Meta:
        db_table = "account_statement_balance"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant_id", "account_id"], name="account_statement_balance_account"
            ),
        )

    def __str__(self) -> str:
        return f"{self.account_id}: {self.balance}"


class TenantOverview(models.Model):
    """`tenant_overview`: a tenant in a few numbers; one row each."""

    tenant_id = models.UUIDField()
    person_count = models.IntegerField(default=0)
    #: Users whose registration succeeded.
    user_count = models.IntegerField(default=0)
    #: Of all accounts ever opened, and of those that are not closed.
    account_count = models.IntegerField(default=0)
    open_account_count = models.IntegerField(default=0)
    #: Of all accounts. What a transfer has debited and not yet credited is in none.
    total_balance = money()
    transfer_count = models.IntegerField(default=0)
    completed_transfer_count = models.IntegerField(default=0)
    failed_transfer_count = models.IntegerField(default=0)
    #: How many events are in these numbers.
    version = models.BigIntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "tenant_overview"
        constraints = (
            models.UniqueConstraint(fields=["tenant_id"], name="tenant_overview_tenant"),
        )

    def __str__(self) -> str:
        return f"{self.open_account_count} accounts, {self.total_balance}"


class DailyTotals(models.Model):
    """`daily_totals`: what was booked for a day, transfers included."""

    tenant_id = models.UUIDField()
    booked_on = models.DateField()
    deposit_count = models.IntegerField(default=0)
    deposited = money()
    withdrawal_count = models.IntegerField(default=0)
    withdrawn = money()
    #: How many bookings are in these totals.
    version = models.BigIntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "daily_totals"
        verbose_name_plural = "daily totals"
        constraints = (
            models.UniqueConstraint(fields=["tenant_id", "booked_on"], name="daily_totals_day"),
        )

    def __str__(self) -> str:
        return str(self.booked_on)
