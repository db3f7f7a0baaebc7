"""What is done after a commit by process managers: instances, reactions, overrides' switches."""

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import DO_NOTHING, Q
from django.db.models.functions import Now

from eventstore.models.json_text import JsonText
from eventstore.models.streams import StoredEvent
from eventstore.models.tenants import Tenant


class ProcessInstance(models.Model):
    """A process manager's state for one instance; its row lock orders the instance's steps.

    `waits_for` is what its process manager says of the state; "" once the instance has ended.
    """

    # No constraints: their checks would lock the tenant's one row in every step.
    tenant = models.ForeignKey(Tenant, DO_NOTHING, db_constraint=False, db_index=False)
    process = models.CharField(max_length=100)
    instance_id = models.UUIDField()
    #: Null before the first step.
    state = JsonText(null=True)
    waits_for = models.CharField(max_length=200, default="")
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "eventstore_process"
        verbose_name = "process"
        verbose_name_plural = "processes"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "process", "instance_id"], name="eventstore_process_instance"
            ),
        )
        indexes = (
            # What a tenant still waits for; most instances have ended.
            models.Index(
                fields=["tenant"], condition=~Q(waits_for=""), name="eventstore_process_unended"
            ),
        )

    def __str__(self) -> str:
        return f"{self.process} {self.instance_id}"


class Reaction(models.Model):
    """The durable to-do list of process managers and effects.

    An instance's steps (every kind but `effect`) are done in the order of `id`, which is drawn
    under the lock of the instance's row. Only who has claimed a reaction may do it before
    `lease_until`; `attempts` tells the claims apart.
    """

    class Kind(models.TextChoices):
        EVENT = "event"
        REFUSAL = "refusal"
        OUTCOME = "outcome"
        EFFECT = "effect"

    class Status(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        PARKED = "parked"

    id = models.BigAutoField(primary_key=True)
    #: Random, so that nobody outside can take the ids that are derived from it.
    uid = models.UUIDField(db_default=RandomUUID())
    tenant = models.ForeignKey(Tenant, DO_NOTHING, db_constraint=False, db_index=False)
    process = models.CharField(max_length=100)
    instance_id = models.UUIDField()
    kind = models.CharField(max_length=10, choices=Kind)
    #: Of the event's type, the refused command or the effect.
    name = models.CharField(max_length=200)
    event = models.ForeignKey(StoredEvent, DO_NOTHING, null=True, db_constraint=False)
    #: The refusal, the effect's outcome, or the effect itself; null for an event.
    data = JsonText(null=True)
    #: The reaction that asked for this effect.
    cause = models.ForeignKey(
        "self", DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    user = models.CharField(max_length=150)
    correlation_id = models.UUIDField()
    status = models.CharField(max_length=10, choices=Status, db_default=Status.PENDING)
    attempts = models.IntegerField()
    lease_until = models.DateTimeField()
    error = models.TextField(db_default="")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "eventstore_reaction"
        indexes = (
            models.Index(
                fields=["tenant", "process", "instance_id", "id"],
                name="eventstore_reaction_instance",
            ),
            # What is still to be done of an instance, however long its history.
            models.Index(
                fields=["tenant", "process", "instance_id", "id"],
                condition=~Q(status="done") & ~Q(kind="effect"),
                name="eventstore_reaction_open",
            ),
            models.Index(
                fields=["lease_until"],
                condition=Q(status="pending"),
                name="eventstore_reaction_due",
            ),
            models.Index(
                fields=["id"], condition=Q(status="parked"), name="eventstore_reaction_parked"
            ),
        )

    def __str__(self) -> str:
        return f"{self.process} {self.instance_id}: {self.name}"


class OverrideSwitch(models.Model):
    """That an operator has switched a tenant's override off or on; the last one counts."""

    tenant = models.ForeignKey(Tenant, DO_NOTHING, db_constraint=False, db_index=False)
    #: As `manage.py handlers` lists it: `command rename-person`.
    override = models.CharField(max_length=300)
    active = models.BooleanField()
    user = models.CharField(max_length=150)
    reason = models.CharField(max_length=200)
    switched_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "eventstore_override_switch"
        verbose_name = "override"
        indexes = (
            models.Index(fields=["tenant", "override", "id"], name="eventstore_override_last"),
        )

    def __str__(self) -> str:
        return f"{self.override} {'on' if self.active else 'off'}"
