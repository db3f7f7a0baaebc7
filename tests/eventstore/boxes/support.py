"""What tests of cold storage share: aggregates with a past, boxed and unboxed through the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eventstore.application import get_application
from eventstore.cold_storage import OWNER
from eventstore.models import Box, StoredCommand, StoredEvent, Subscription
from tests.eventstore.support import raw_connection
from tests.http import Answer, Api

#: The commands of cold storage itself stay in the log whatever becomes of their stream.
OF_COLD_STORAGE = ("box-aggregate", "unbox-aggregate")


def box(api: Api, aggregate_id: str, category: str = "person", **headers: str) -> Answer:
    fields = {"aggregate_id": aggregate_id, "category": category, "reason": "it has ended"}
    return api.send("box-aggregate", fields, **headers)


def unbox(api: Api, aggregate_id: str, category: str = "person", **headers: str) -> Answer:
    fields = {"aggregate_id": aggregate_id, "category": category, "reason": "it goes on"}
    return api.send("unbox-aggregate", fields, **headers)


def renamed_person(api: Api, renames: int = 7) -> str:
    """The id of a person with so many events after the first."""
    person = api.registered_person()
    for number in range(renames):
        assert rename(api, person, f"King {number}").status == 200
    return person


def rename(api: Api, person: str, last_name: str = "Byron", **headers: str) -> Answer:
    fields = {"aggregate_id": person, "first_name": "Ada", "last_name": last_name}
    return api.send("rename-person", fields, **headers)


def boxed_person(api: Api, renames: int = 2) -> str:
    """The id of a person who is in cold storage."""
    person = renamed_person(api, renames)
    answer = box(api, person)
    assert answer.status == 200, answer.raw
    return person


def exported(aggregate_id: str) -> list[tuple[object, ...]]:
    """All that is stored of a stream's events, and of its commands' content."""
    fields = [field.attname for field in StoredEvent._meta.concrete_fields]
    events = StoredEvent.objects.filter(stream__aggregate_id=aggregate_id).order_by("version")
    commands = StoredCommand.objects.filter(aggregate_id=aggregate_id).exclude(
        type__in=OF_COLD_STORAGE
    )
    return [*events.values_list(*fields), *commands.order_by("id").values_list("id", "data")]


def let_all_read() -> None:
    """Bring every projection in the background level, as a worker does."""
    application = get_application()
    for name in Subscription.objects.exclude(mode="inline").values_list("projection", flat=True):
        application.subscriptions.catch_up(application.projections.named(name))


def cold_root() -> Path:
    return get_application().cold_storage.root


def file_of(aggregate_id: str) -> Path:
    """The file of the aggregate's open box."""
    registered = Box.objects.get(stream__aggregate_id=aggregate_id, unboxed_at=None)
    return cold_root() / registered.path


def below(root: Path) -> list[str]:
    """Whatever there is below a folder, but for its owner's name; links are not followed."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.name != OWNER)


def dumped(*but: str) -> dict[str, bytes]:
    """All rows of all tables of ours, byte for byte, but for some tables."""
    with raw_connection() as connection:
        names = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relpersistence = 'p'"
            " AND relnamespace = 'public'::regnamespace ORDER BY relname"
        ).fetchall()
        return {name: _rows(connection, name) for (name,) in names if name not in but}


def _rows(connection: Any, table: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
        # In any order: an update that is rolled back leaves no trace, but a vacuum may move rows.
        return b"".join(sorted(b"".join(copy).splitlines(keepends=True)))


@contextmanager
def nothing_changes(*but: str) -> Iterator[None]:
    """Neither a row of a table, but for some tables, nor a file of cold storage."""
    but = (*but, "eventstore_api_key")  # It tells when it was used.
    rows, files = dumped(*but), below(cold_root())
    yield
    after = dumped(*but)
    changed = [table for table in after if after[table] != rows.get(table)]
    assert changed == [], {table: (rows[table], after[table]) for table in changed}
    assert below(cold_root()) == files
