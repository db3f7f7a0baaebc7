"""Cold storage: which events lie in which file, and what is boxed without being asked."""

import uuid

from django.db import models
from django.db.models import DO_NOTHING, Q
from django.db.models.functions import Now

from eventstore.models.streams import StoredStream
from eventstore.models.tenants import Tenant


class Box(models.Model):
    """The registry of cold storage: what lies in which file, and the digest of the whole file.

    The newest open box of a stream is the one that counts. Files of unboxed ones stay until
    somebody removes them.
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
                fields=["stream"], condition=Q(unboxed_at=None), name="eventstore_box_open"
            ),
        )
        indexes = (
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
    #: Days since the last event.
    idle_days = models.PositiveIntegerField()
    user = models.CharField(max_length=150)
    reason = models.CharField(max_length=200)
    made_at = models.DateTimeField(db_default=Now())
    #: How many aggregates were found when it was last looked, and up to which event.
    reported_at = models.DateTimeField(null=True)
    reported = models.BigIntegerField(default=0)
    reported_position = models.BigIntegerField(default=0)
    #: What came of the last report: how many were boxed, and how many refused.
    acted_at = models.DateTimeField(null=True)
    boxed = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)

    class Meta:
        db_table = "eventstore_box_policy"
        verbose_name = "box policy"
        verbose_name_plural = "box policies"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "category"], name="eventstore_box_policy_category"
            ),
        )

    def __str__(self) -> str:
        return f"{self.category}: idle for {self.idle_days} days"
