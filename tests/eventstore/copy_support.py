"""What the tests of copies share: how to make one, what is in it, and what is left behind."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from eventstore.application import Application
from eventstore.hash_chain import GENESIS
from eventstore.models import RowCopy, StoredEvent
from ledger.persons.events import PersonRegistered
from projections.models import PersonSummary
from projections.persons import PERSON_SUMMARY
from tests.eventstore.support import recording

SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'copy\\_%' ORDER BY 1"


def make(application: Application, label: str = "then", **wishes: Any) -> RowCopy:
    """One of the persons alone, unless other names are wished for."""
    return application.copies.make(
        label, **{"user": "olga", "names": (PERSON_SUMMARY.name,), **wishes}
    )


def names_in(application: Application, tenant_id: UUID, label: str = "then") -> list[str]:
    """Of the persons in the copy that a tenant's queries read."""
    with application.copies.used(label, tenant_id, [PERSON_SUMMARY.name]):
        return live_names(tenant_id)


def live_names(tenant_id: UUID) -> list[str]:
    rows = PersonSummary.objects.filter(tenant_id=tenant_id)
    return sorted(rows.values_list("name", flat=True))


def registered(
    application: Application, tenant_id: UUID, name: str, recorded_at: datetime | None = None
) -> int:
    """The position of a person's first event, appended with this time; no inline rows."""
    circumstances = recording(tenant_id)
    if recorded_at is not None:
        circumstances = replace(circumstances, recorded_at=recorded_at)
    with application.database.transaction():
        (recorded,) = application.store.append(
            "person",
            uuid4(),
            [PersonRegistered(first_name=name, last_name="Cooper")],
            expected_version=0,
            head_hash=GENESIS,
            recording=circumstances,
        )
    return recorded.position


def last_event() -> StoredEvent:
    return StoredEvent.objects.latest("position")


def schemas() -> list[str]:
    return [name for (name,) in query(SCHEMAS)]


def query(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
