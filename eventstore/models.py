"""The tables of the event store, as Django sees them. DESIGN section 5 is their contract.

Core code writes these tables in SQL through `store` and `command_log`; the models serve the
migrations, the admin and tests. Foreign keys are `DO_NOTHING`: nothing here is ever cascaded.
"""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import DO_NOTHING, Q


class JsonText(models.TextField):  # type: ignore[type-arg]  # takes none at run time
    """A `json` column read as the text that was stored, byte for byte, since hashes need it."""

    def db_type(self, connection: Any) -> str:
        return "json"

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        return f"{sql}::text", params

    def get_internal_type(self) -> str:
        # Without this, Django would declare the column and its casts as `text`.
        return "JsonText"


class Tenant(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "eventstore_tenant"

    def __str__(self) -> str:
        return self.slug


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
        )

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


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


class Snapshot(models.Model):
    """An aggregate's state at a version: a cache on disk, never the truth."""

    stream = models.ForeignKey(StoredStream, DO_NOTHING, db_index=False)
    version = models.BigIntegerField()
    state_schema = models.CharField(max_length=64)
    state = JsonText()
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


class Box(models.Model):
    """The registry of cold storage: what lies in which file, and its digest."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, DO_NOTHING)
    stream = models.ForeignKey(StoredStream, DO_NOTHING)
    path = models.TextField()
    event_count = models.BigIntegerField()
    last_version = models.BigIntegerField()
    last_position = models.BigIntegerField()
    digest = models.BinaryField()
    boxed_at = models.DateTimeField()
    unboxed_at = models.DateTimeField(null=True)
    reason = models.TextField()

    class Meta:
        db_table = "eventstore_box"
        verbose_name_plural = "boxes"

    def __str__(self) -> str:
        return self.path


class ApiKey(models.Model):
    """A key of one user in one tenant. Only its SHA-256 is kept: it has 256 random bits."""

    tenant = models.ForeignKey(Tenant, models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    role = models.CharField(max_length=10)
    prefix = models.CharField(max_length=12, help_text="Tells keys apart in lists and logs.")
    digest = models.BinaryField(unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "eventstore_api_key"
        verbose_name = "API key"

    def __str__(self) -> str:
        return self.prefix
