"""Cold storage: which events lie in which file, and what is boxed without being asked."""

import uuid

from django.db import models
from django.db.models import DO_NOTHING, Q
from django.db.models.functions import Now

from eventstore.models.streams import StoredStream
from eventstore.models.tenants import Tenant


class Box(models.Model):
    """The registry of cold storage: what lies in which file, and the digest of the whole file.

    A stream has one open box at most. Files of unboxed ones stay until somebody removes them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, DO_NOTHING)
    stream = models.ForeignKey(StoredStream, DO_NOTHING)
    #: Below the root of cold storage.
    path = models.TextField()
    #: Bytes of the file, and their SHA-256.
    size = models.BigIntegerField()
    digest = models.BinaryField()
    event_count = models.BigIntegerField()
    command_count = models.BigIntegerField()
    last_version = models.BigIntegerField()
    first_position = models.BigIntegerField()
    last_position = models.BigIntegerField()
    boxed_at = models.DateTimeField()
    boxed_by = models.CharField(max_length=150)
    reason = models.TextField()
    unboxed_at = models.DateTimeField(null=True)
    #: The transactions that took the events out and in: the guards of the event table know them.
    boxed_in = models.BigIntegerField()
    unboxed_in = models.BigIntegerField(null=True)

    class Meta:
        db_table = "eventstore_box"
        verbose_name_plural = "boxes"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "stream"],
                condition=Q(unboxed_at=None),
                name="eventstore_box_open",
            ),
        )
        indexes = (
            # Whoever looks through the registry begins with the newest.
            models.Index(fields=["boxed_at", "id"], name="eventstore_box_boxed_at"),
            # Whoever reads events asks for boxes with events behind a position.
            models.Index(
                fields=["last_position"],
                condition=Q(unboxed_at=None),
                name="eventstore_box_last_position",
            ),
        )

    def __str__(self) -> str:
        return self.path


class BoxPolicy(models.Model):
    """That a tenant's aggregates of a category are boxed once nothing has happened to them.

    Nothing is boxed that was not reported before: see `eventstore.box_policies`.
    """

    tenant = models.ForeignKey(Tenant, DO_NOTHING, db_index=False)
    category = models.CharField(max_length=50)
    #: Days since the last event, of 24 hours each.
    idle_days = models.PositiveIntegerField()
    user = models.CharField(max_length=150)
    reason = models.CharField(max_length=200)
    made_at = models.DateTimeField(db_default=Now())
    #: When a worker turns to it next, to report or to act; and until when one has it to himself.
    due_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True)
    #: How many aggregates were found when it was last looked, and up to which event.
    reported_at = models.DateTimeField(null=True)
    reported = models.BigIntegerField(db_default=0)
    reported_position = models.BigIntegerField(db_default=0)
    #: The id of the stream up to which the report has been acted on; 0: not begun.
    tried_to = models.BigIntegerField(db_default=0)
    #: What came of the last report that was acted on: how many were boxed, and how many refused.
    acted_at = models.DateTimeField(null=True)
    boxed = models.BigIntegerField(db_default=0)
    refused = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "eventstore_box_policy"
        verbose_name = "box policy"
        verbose_name_plural = "box policies"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "category"], name="eventstore_box_policy_category"
            ),
        )
        # Whoever looks each second what is due.
        indexes = (models.Index(fields=["due_at"], name="eventstore_box_policy_due_at"),)

    def __str__(self) -> str:
        return f"{self.category}: idle for {self.idle_days} days"
