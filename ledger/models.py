"""What the domain keeps beside its events: secrets, which no event may hold."""

from django.db import models
from django.db.models.functions import Now


class Credential(models.Model):
    """The hash of a user's password, as Django's `make_password` writes it.

    In no command, event, snapshot, box, task or log; who removes a tenant removes it here too.
    """

    tenant_id = models.UUIDField()
    user_id = models.UUIDField()
    password_hash = models.CharField(max_length=255)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ledger_credential"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant_id", "user_id"], name="ledger_credential_user"
            ),
        )

    def __str__(self) -> str:
        return str(self.user_id)
