"""What a command brought about: its events, and the commands of the same request."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from eventstore.application import get_application
from eventstore.models import StoredCommand, StoredEvent, StoredStream
from eventstore.serialization import decode_json

#: Rows in the lists of a command's page; the timeline and the log have the others.
EVENT_LIMIT = 100
RELATED_LIMIT = 50


@dataclass(frozen=True, slots=True)
class CausedEvent:
    """An event of a command's answer. `stream` is None while the event is in cold storage."""

    type: str
    version: int
    position: int
    stream: StoredStream | None

    @property
    def cursor(self) -> int:
        """Opens the timeline, newest first, at this event."""
        return self.version + 1


def caused_events(tenant_id: UUID, result: str | None) -> tuple[list[CausedEvent], int]:
    """The events that a command's stored answer refers to, and how many more there are."""
    references = decode_json(result).get("events", []) if result else []
    shown = references[:EVENT_LIMIT]
    positions = [reference["position"] for reference in shown]
    events = (
        StoredEvent.objects.using(get_application().database.alias)
        .filter(tenant=tenant_id, position__in=positions)
        .select_related("stream")
        .only("position", "stream")
    )
    streams = {event.position: event.stream for event in events}
    caused = [
        CausedEvent(
            type=reference["type"],
            version=reference["version"],
            position=reference["position"],
            stream=streams.get(reference["position"]),
        )
        for reference in shown
    ]
    return caused, len(references) - len(shown)


def related_commands(
    command: StoredCommand, commands: QuerySet[StoredCommand]
) -> list[StoredCommand]:
    """The first of `commands` with the same correlation id, one more than are shown."""
    return list(
        commands.filter(tenant=command.tenant_id, correlation_id=command.correlation_id)
        .exclude(number=command.number)
        .defer("data", "result")
        .order_by("number")[: RELATED_LIMIT + 1]
    )
