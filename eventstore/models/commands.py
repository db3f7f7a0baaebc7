"""The command log."""

from django.db import models
from django.db.models import DO_NOTHING, Q

from eventstore.models.json_text import JsonText
from eventstore.models.tenants import Tenant


class StoredCommand(models.Model):
    """The command log: who wished what, and what came of it. The lock behind idempotency."""

    class Status(models.TextChoices):
        SCHEDULED = "scheduled"
        PENDING = "pending"
        COMPLETED = "completed"
        REFUSED = "refused"
        OVERRIDDEN = "overridden"
        CANCELLED = "cancelled"
        FAILED = "failed"

    number = models.BigAutoField(primary_key=True)
    # No constraint: its check would lock the tenant's one row in every command of the tenant.
    tenant = models.ForeignKey(Tenant, DO_NOTHING, db_constraint=False, db_index=False)
    id = models.UUIDField()
    type = models.CharField(max_length=100)
    data = JsonText()
    fingerprint = models.BinaryField()
    aggregate_id = models.UUIDField()
    expected_version = models.BigIntegerField(null=True)
    user = models.CharField(max_length=150)
    correlation_id = models.UUIDField()
    causation_id = models.UUIDField(null=True)
    status = models.CharField(max_length=10, choices=Status)
    due_at = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    #: Of the process manager that sends it; null: from outside, for now or for `due_at`.
    reaction = models.ForeignKey(
        "Reaction", DO_NOTHING, null=True, db_constraint=False, db_index=False
    )
    code = models.CharField(max_length=50, default="", help_text="Of a refusal or failure.")
    result = models.JSONField(null=True)
    received_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "eventstore_command"
        verbose_name = "command"
        constraints = (
            models.UniqueConstraint(fields=["tenant", "id"], name="eventstore_command_tenant_id"),
        )
        indexes = (
            models.Index(fields=["tenant", "aggregate_id"], name="eventstore_command_aggregate"),
            models.Index(
                fields=["tenant", "correlation_id"], name="eventstore_command_correlation"
            ),
            models.Index(
                fields=["due_at"],
                condition=Q(status__in=["scheduled", "pending"]),
                name="eventstore_command_due",
            ),
            # What a tenant has scheduled, oldest first.
            models.Index(
                fields=["tenant", "due_at", "number"],
                condition=Q(status__in=["scheduled", "pending"], reaction__isnull=True),
                name="eventstore_command_scheduled",
            ),
            # What of it an aggregate still waits for, however long its history.
            models.Index(
                fields=["tenant", "aggregate_id", "due_at", "number"],
                condition=Q(status__in=["scheduled", "pending"], reaction__isnull=True),
                name="eventstore_command_in_line",
            ),
            models.Index(
                fields=["reaction"],
                condition=Q(reaction__isnull=False),
                name="eventstore_command_reaction",
            ),
            models.Index(
                fields=["reaction"], condition=Q(status="failed"), name="eventstore_command_failed"
            ),
        )

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
