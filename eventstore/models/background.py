"""What is done after a commit: process managers, reactions, subscriptions."""

from django.db import models
from django.db.models import DO_NOTHING, Q

from eventstore.models.json_text import JsonText
from eventstore.models.streams import StoredEvent
from eventstore.models.tenants import Tenant


class ProcessInstance(models.Model):
    """A process manager's state for one instance; its row lock orders the instance's steps."""

    tenant = models.ForeignKey(Tenant, DO_NOTHING, db_index=False)
    process = models.CharField(max_length=100)
    instance_id = models.UUIDField()
    state = JsonText()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "eventstore_process"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "process", "instance_id"], name="eventstore_process_instance"
            ),
        )

    def __str__(self) -> str:
        return f"{self.process} {self.instance_id}"


class Reaction(models.Model):
    """The durable to-do list of process managers and effects; done in the order of `id`."""

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(Tenant, DO_NOTHING, db_index=False)
    process = models.CharField(max_length=100)
    instance_id = models.UUIDField()
    event = models.ForeignKey(StoredEvent, DO_NOTHING, null=True, db_constraint=False)
    data = JsonText(null=True)
    status = models.CharField(max_length=10, default="pending")
    attempts = models.IntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    error = models.TextField(default="")

    class Meta:
        db_table = "eventstore_reaction"
        indexes = (
            models.Index(
                fields=["tenant", "process", "instance_id", "id"],
                condition=Q(status="pending"),
                name="eventstore_reaction_pending",
            ),
        )

    def __str__(self) -> str:
        return f"{self.process} {self.instance_id}"


class Subscription(models.Model):
    """How far a projection has read, in which mode, and whether it stands still and why."""

    projection = models.CharField(primary_key=True, max_length=100)
    mode = models.CharField(max_length=10)
    generation = models.BigIntegerField(default=1)
    position = models.BigIntegerField(default=0)
    status = models.CharField(max_length=10, default="active")
    error = models.TextField(default="")
    lease_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "eventstore_subscription"

    def __str__(self) -> str:
        return self.projection
