"""The one read model."""

from django.db import models


class BookOnShelf(models.Model):
    tenant_id = models.UUIDField()
    book_id = models.UUIDField()
    title = models.CharField(max_length=100)
    reader = models.CharField(max_length=100, default="")
    loans = models.IntegerField(default=0)

    class Meta:
        app_label = "library"
        constraints = (
            models.UniqueConstraint(fields=["tenant_id", "book_id"], name="book_on_shelf_book"),
        )

    def __str__(self) -> str:
        return self.title
