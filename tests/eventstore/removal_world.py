"""A tenant with something in every table, beside another one with the same ids."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from eventstore.application import get_application
from eventstore.models import (
    ApiKey,
    CallCount,
    Rebuild,
    StoredEvent,
    Subscription,
    SubscriptionAction,
)
from eventstore.removal import Removal
from tests.eventstore.support import raw_connection
from tests.tenants.seeding import Side, make_side, meet, play

#: All ordinary tables but PostgreSQL's own, in all schemas.
TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname !~ '^pg_' AND schemaname <> 'information_schema' ORDER BY 1
"""
OF_ANOTHER = """
SELECT count(*) > 0 FROM pg_attribute
WHERE attrelid = %s::regclass AND attname = 'tenant_id' AND atttypid = 'uuid'::regtype
"""


def removal() -> Removal:
    application = get_application()
    return Removal(application.database, application.cold_storage)


def two_tenants() -> tuple[Side, Side]:
    sides = (make_side("wombat"), make_side("quokka"))
    for side in sides:
        meet(side)
        play(side)
        add_what_has_no_tenant(side)
    add_what_both_share(*sides)
    return sides


def add_what_has_no_tenant(side: Side) -> None:
    event = StoredEvent.objects.filter(tenant=side.tenant).latest("position")
    key = ApiKey.objects.filter(tenant=side.tenant).latest("pk")
    now = datetime.now(UTC)
    for caller in (f"key {key.pk}", f"user {key.user_id} in {side.tenant.pk}"):
        CallCount.objects.create(caller=caller, since=now, calls=1)
    for action, position in (("skip", event.position), ("retry", event.position - 1)):
        SubscriptionAction.objects.create(
            projection="account_statement",
            action=action,
            position=position,
            error=f"KeyError: {side.word!r}",
            user="olga",
            reason="it cannot be read",
        )
    session = SessionStore()
    session["_messages"] = f"Membership in {side.tenant.slug} was ended."
    session.create()


def add_what_both_share(ours: Side, theirs: Side) -> None:
    """A check of all rows, a rebuild that failed, a copy of all, a projection that has stopped."""
    differences = [
        {"table": "person_summary", "tenant_id": str(side.tenant.pk), "key": {"name": side.word}}
        for side in (ours, theirs)
    ]
    Rebuild.objects.create(
        projection="person_summary", kind="check", status="differs", differences=differences
    )
    Rebuild.objects.create(
        projection="person_summary", kind="rebuild", status="failed", error=f"{ours.word} broke it"
    )
    get_application().copies.make("of-all", names=["person_summary"], user="olga")
    event = StoredEvent.objects.filter(tenant=ours.tenant).latest("position")
    stopped_at(event, "account_statement", f"KeyError: {ours.word!r}")
    event = StoredEvent.objects.filter(tenant=theirs.tenant).latest("position")
    stopped_at(event, "transfer_summary", f"KeyError: {theirs.word!r}")


def stopped_at(event: StoredEvent, projection: str, error: str) -> None:
    Subscription.objects.filter(projection=projection).update(
        status="stopped", failed_position=event.position, attempts=5, error=error
    )


# What there is -------------------------------------------------------------------------------


def dumped(*, without: UUID | None = None) -> dict[str, list[bytes]]:
    """The rows of every table as COPY writes them; `without`: but for those of this tenant."""
    with raw_connection() as raw:
        names = [name for (name,) in raw.execute(TABLES).fetchall()]
        return {name: rows_of(raw, name, without) for name in names}


def rows_of(raw: Any, table: str, without: UUID | None = None) -> list[bytes]:
    source = table
    if without and raw.execute(OF_ANOTHER, (table,)).fetchone()[0]:
        source = f"(SELECT * FROM {table} WHERE tenant_id IS DISTINCT FROM '{without}')"
    with raw.cursor() as cursor, cursor.copy(f"COPY {source} TO STDOUT") as copy:
        return sorted(b"".join(copy).splitlines())


def readable(rows: dict[str, list[bytes]]) -> dict[str, list[str]]:
    """In small letters; what sessions hold is signed and packed, and so is unpacked."""
    texts = {table: [row.decode().lower() for row in found] for table, found in rows.items()}
    sessions = SessionStore.get_model_class().objects.all()
    texts["public.django_session"] += [repr(each.get_decoded()).lower() for each in sessions]
    return texts


def tables_with(marker: str) -> set[str]:
    return {
        table
        for table, rows in readable(dumped()).items()
        if any(marker.lower() in row for row in rows)
    }


def tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        return [name for (name,) in cursor.fetchall()]
