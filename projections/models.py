"""Read models: plain tables, shaped for the queries, and rebuilt from events at any time.

Each row has a tenant and each key contains it. No foreign keys: rows arrive in the order of
events, and a rebuild fills one projection at a time.
"""

from decimal import Decimal

from django.db import models


def money() -> "models.DecimalField[Decimal, Decimal]":
    """A column for a sum of money, zero at first."""
    return models.DecimalField(max_digits=24, decimal_places=2, default=Decimal(0))


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
