"""What was done about a tenant's rows."""

from datetime import UTC, datetime
from uuid import uuid4

from eventstore import models
from eventstore.application import get_application

LONG_AGO = datetime(2001, 2, 3, 4, 5, 6, 789, UTC)


def add_check(tenant: models.Tenant, account_id: str, user: str, word: str) -> None:
    """A check of the tenant's rows alone, from the command line, that has found one."""
    models.Rebuild.objects.create(
        projection="account_statement",
        kind="check",
        tenant_id=tenant.pk,
        stream=f"account-{account_id}",
        status="differs",
        rows=1,
        differences=[
            {
                "table": "account_statement",
                "tenant_id": str(tenant.pk),
                "key": {"account_id": account_id, "reference": f"{word} row"},
                "kind": "different",
                "columns": ["amount"],
                "position": models.StoredEvent.objects.latest("position").position,
            }
        ],
        error=f"{word} quoted",
        user=user,
        reason=f"{word} looks wrong",
        attempts=1,
        started_at=LONG_AGO,
        ended_at=LONG_AGO,
    )


def add_copy(tenant: models.Tenant, user: str, word: str) -> None:
    """Of the tenant's rows, as they are now."""
    get_application().copies.make(
        f"{word}-{uuid4().hex[:4]}",
        tenant_id=tenant.pk,
        names=["person_summary"],
        user=user,
        reason=f"{word} is audited",
    )
