"""Streams, their events, and what hangs on a stream."""

from django.db import models
from django.db.models import DO_NOTHING

from eventstore.models.json_text import JsonText
from eventstore.models.tenants import Tenant


class StoredStream(models.Model):
    """One row for each aggregate: the optimistic lock, and the head of its hash chain."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        BOXED = "boxed"

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(Tenant, DO_NOTHING)
    category = models.CharField(max_length=50)
    aggregate_id = models.UUIDField()
    version = models.BigIntegerField()
    head_hash = models.BinaryField()
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    incarnation = models.IntegerField(default=0, help_text="Rises with each unbox.")

    class Meta:
        db_table = "eventstore_stream"
        verbose_name = "stream"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "aggregate_id"], name="eventstore_stream_aggregate"
            ),
            # The target of the events' composite foreign key: an event's tenant is its stream's.
            models.UniqueConstraint(fields=["tenant", "id"], name="eventstore_stream_tenant_id"),
        )

    def __str__(self) -> str:
        return f"{self.category}-{self.aggregate_id}"


class StoredEvent(models.Model):
    """Append-only; triggers refuse every other change, also from psql."""

    position = models.BigAutoField(primary_key=True)
    stream = models.ForeignKey(
        StoredStream, DO_NOTHING, db_constraint=False, db_index=False, related_name="events"
    )
    version = models.BigIntegerField()
    tenant = models.ForeignKey(Tenant, DO_NOTHING, db_constraint=False, db_index=False)
    type = models.CharField(max_length=200)
    schema_version = models.IntegerField()
    data = JsonText()
    metadata = JsonText()
    recorded_at = models.DateTimeField()
    hash = models.BinaryField()

    class Meta:
        db_table = "eventstore_event"
        verbose_name = "event"
        constraints = (
            models.UniqueConstraint(fields=["stream", "version"], name="eventstore_event_version"),
        )

    def __str__(self) -> str:
        return f"{self.type} at {self.position}"


class Snapshot(models.Model):
    """An aggregate's state at a version: a cache on disk, never the truth."""

    stream = models.ForeignKey(StoredStream, DO_NOTHING, db_index=False)
    version = models.BigIntegerField()
    state_schema = models.CharField(max_length=64)
    state = JsonText()
    #: Binds the state to the stream's hash chain; see `eventstore.snapshots.digest_of`.
    digest = models.BinaryField()
    taken_at = models.DateTimeField()

    class Meta:
        db_table = "eventstore_snapshot"
        constraints = (
            models.UniqueConstraint(
                fields=["stream", "version"], name="eventstore_snapshot_version"
            ),
        )

    def __str__(self) -> str:
        return f"stream {self.stream_id} at version {self.version}"


class Reservation(models.Model):
    """What must be unique across aggregates, taken in the command's own transaction."""

    tenant = models.ForeignKey(Tenant, DO_NOTHING, db_index=False)
    scope = models.CharField(max_length=50)
    key = models.CharField(max_length=500)
    stream = models.ForeignKey(StoredStream, DO_NOTHING)

    class Meta:
        db_table = "eventstore_reservation"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "scope", "key"], name="eventstore_reservation_key"
            ),
        )

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"
