"""Cold storage."""

import uuid

from django.db import models
from django.db.models import DO_NOTHING

from eventstore.models.streams import StoredStream
from eventstore.models.tenants import Tenant


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
