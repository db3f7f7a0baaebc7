"""What a tenant has in cold storage."""

from datetime import UTC, datetime
from uuid import UUID

from eventstore import models
from tests.http import Api

LONG_AGO = datetime(2001, 2, 3, 4, 5, 6, 789, UTC)


def add_boxed_person(operator: Api, word: str, person_id: UUID, *, back: bool = False) -> None:
    """Somebody who was taken offline, and came `back`."""
    person, name = {"aggregate_id": str(person_id)}, word.title()
    names = {"first_name": f"{name}oxed", "last_name": f"Mac{name}"}
    sent = [("register-person", names), ("box-aggregate", about(f"the {word} is asleep"))]
    if back:
        sent.append(("unbox-aggregate", about(f"the {word} is awake")))
    for command, fields in sent:
        answer = operator.send(command, person | fields)
        assert answer.status in (200, 201), answer.raw


def about(reason: str) -> dict[str, str]:
    return {"category": "person", "reason": reason}


def add_policy(tenant: models.Tenant, user: str, word: str) -> None:
    """That nobody will live to see; `play` comes again."""
    models.BoxPolicy.objects.get_or_create(
        tenant=tenant,
        category="person",
        defaults={
            "idle_days": 36_500,
            "user": user,
            "reason": f"the {word} sleeps long",
            "reported_at": LONG_AGO,
            "acted_at": LONG_AGO,
        },
    )
