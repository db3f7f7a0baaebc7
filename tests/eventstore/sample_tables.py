"""Two tables that belong to no domain, with columns of every kind that read models have."""

from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal

from django.db import connection, models

from eventstore.projections import Projection, Table


class Kind(models.TextChoices):
    LARGE = "large"
    SMALL = "small"


class Item(models.Model):
    """Its key is an aggregate's id; `day` and `last` have no default."""

    tenant_id = models.UUIDField()
    item_id = models.UUIDField()
    count = models.IntegerField(default=0)
    total = models.DecimalField(max_digits=24, decimal_places=2, default=Decimal(0))
    title = models.CharField(max_length=30, default="")
    note = models.TextField(null=True, default=None)
    seen = models.DateTimeField(null=True, default=None)
    day = models.DateField()
    last = models.DateTimeField()

    class Meta:
        app_label = "samples"
        db_table = "sample_item"
        constraints = (
            models.UniqueConstraint(fields=["tenant_id", "item_id"], name="sample_item_key"),
            models.CheckConstraint(
                condition=models.Q(count__lt=1_000_000), name="sample_item_small"
            ),
        )

    def __str__(self) -> str:
        return str(self.item_id)


class Place(models.Model):
    """Its key has two columns of its own, and there is nothing that must be named."""

    tenant_id = models.UUIDField()
    day = models.DateField()
    number = models.IntegerField()
    count = models.IntegerField(default=0)
    title = models.CharField(max_length=30, default="")

    class Meta:
        app_label = "samples"
        db_table = "sample_place"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant_id", "day", "number"], name="sample_place_key"
            ),
        )

    def __str__(self) -> str:
        return f"{self.day} {self.number}"


ITEMS = Table(Item, key=("item_id",), by_aggregate=True)
PLACES = Table(Place, key=("day", "number"))

SAMPLES = Projection(
    name="samples", project=lambda recorded, rows: None, events=(), tables=(ITEMS, PLACES)
)


@contextmanager
def sample_tables() -> Generator[None]:
    """They exist within this block."""
    with connection.schema_editor() as editor:
        for model in (Item, Place):
            editor.create_model(model)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            for model in (Item, Place):
                editor.delete_model(model)
