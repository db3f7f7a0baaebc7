"""What has been done to bring the rows of projections into line with the events, and copies."""

from django.db import models
from django.db.models.functions import Now


class Rebuild(models.Model):
    """One run: `rebuild`, `check` or `fix`. Whether it still runs is told by a lock, not by this.

    `tenant_id` and `stream`: of only these rows; null and "": of all.
    """

    class Status(models.TextChoices):
        #: Asked for in the browser or over HTTP; a background process begins it.
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        #: A check that has found differences.
        DIFFERS = "differs"
        FAILED = "failed"

    class Kind(models.TextChoices):
        REBUILD = "rebuild"
        CHECK = "check"
        FIX = "fix"

    projection = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=Kind)
    tenant_id = models.UUIDField(null=True)
    stream = models.CharField(max_length=100, default="")
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    generation = models.BigIntegerField(null=True)
    #: Of the last event that was read, and of the last one there was when it began.
    position = models.BigIntegerField(default=0)
    head = models.BigIntegerField(default=0)
    events = models.BigIntegerField(default=0)
    #: Rows that were written, or that differ; and the first of those, as JSON.
    rows = models.BigIntegerField(default=0)
    differences = models.JSONField(default=list)
    error = models.TextField(default="")
    attempts = models.IntegerField(default=0)
    #: Whether anybody may begin it; else whoever asked for it does it himself.
    in_background = models.BooleanField(default=False)
    user = models.CharField(max_length=150)
    reason = models.CharField(max_length=200)
    asked_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "eventstore_rebuild"
        indexes = (
            models.Index(fields=["projection", "id"], name="eventstore_rebuild_projection"),
            # Looked through each second, for what nobody is at.
            models.Index(
                fields=["id"],
                condition=models.Q(status__in=("waiting", "running")),
                name="eventstore_rebuild_undone",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.projection}"


class RowCopy(models.Model):
    """A read-only copy of projections' rows as of a position; its tables lie in `schema`.

    `tenant_id` null: of all tenants, each of which sees its own rows in it.
    """

    label = models.CharField(max_length=50)
    tenant_id = models.UUIDField(null=True)
    schema = models.CharField(max_length=63)
    #: Of the last event in it; and the time that was asked for.
    position = models.BigIntegerField()
    as_of = models.DateTimeField(null=True)
    projections = models.JSONField(default=list)
    rows = models.BigIntegerField(default=0)
    user = models.CharField(max_length=150)
    reason = models.CharField(max_length=200, default="")
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "eventstore_row_copy"
        verbose_name = "copy"
        verbose_name_plural = "copies"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant_id", "label"],
                nulls_distinct=False,
                name="eventstore_row_copy_label",
            ),
        )

    def __str__(self) -> str:
        return self.label
