"""A stream's events made ready for its timeline: their JSON, their causes, what they changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from eventstore.admin.changes import ShownChange, changes_of
from eventstore.admin.json_text import indented
from eventstore.application import get_application
from eventstore.events import Origin
from eventstore.inspection import origin_of
from eventstore.models import StoredCommand, StoredEvent, StoredStream


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as the page shows it. `command_number` leads to the command that caused it.

    `origin` is None where the metadata is not as we write it; then `metadata` shows it raw.
    `changes` is None where there is no state after the event.
    """

    event: StoredEvent
    data: str
    metadata: str
    origin: Origin | None
    command_number: int | None
    changes: list[ShownChange] | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Events in the order of their page; `failure` says where states end and why."""

    entries: list[Entry]
    failure: str = ""


def timeline(stream: StoredStream, events: Sequence[StoredEvent]) -> Timeline:
    """The events with their causes (one query) and what they changed (one replay)."""
    if not events:
        return Timeline([])
    versions = [event.version for event in events]
    found = changes_of(stream, min(versions), max(versions))
    return Timeline(_entries(stream.tenant_id, events, found.changes), found.failure)


def _entries(
    tenant_id: UUID, events: Sequence[StoredEvent], changes: dict[int, list[ShownChange]]
) -> list[Entry]:
    origins = [origin_of(event.metadata) for event in events]
    causes = [origin.causation_id if origin else None for origin in origins]
    numbers = command_numbers(tenant_id, causes)
    return [
        Entry(
            event=event,
            data=indented(event.data),
            metadata=indented(event.metadata),
            origin=origin,
            command_number=numbers.get(cause) if cause else None,
            changes=changes.get(event.version),
        )
        for event, origin, cause in zip(events, origins, causes, strict=True)
    ]


def command_numbers(tenant_id: UUID, command_ids: Sequence[UUID | None]) -> dict[UUID, int]:
    """The numbers of these commands of the tenant, as far as they exist, by id."""
    wanted = {command_id for command_id in command_ids if command_id}
    commands = StoredCommand.objects.using(get_application().database.alias)
    return dict(commands.filter(tenant=tenant_id, id__in=wanted).values_list("id", "number"))
