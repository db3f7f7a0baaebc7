"""What a command brought about: its events, reactions to them, other commands of the request."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from eventstore.admin.process_steps import commands_by_reaction, instances_of, reactions
from eventstore.application import get_application
from eventstore.models import (
    ProcessInstance,
    Reaction,
    StoredCommand,
    StoredEvent,
    StoredStream,
)
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


@dataclass(frozen=True, slots=True)
class CausedReaction:
    """What a process manager made of one of the events: the commands that it sent, by number."""

    reaction: Reaction
    instance: ProcessInstance | None
    commands: list[StoredCommand]


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


def caused_reactions(tenant_id: UUID, events: Sequence[CausedEvent]) -> list[CausedReaction]:
    """The reactions of the tenant's process managers to these events, in their order."""
    positions = [event.position for event in events]
    found = list(reactions().filter(tenant=tenant_id, event__in=positions).order_by("id"))
    instances = instances_of(tenant_id, found)
    commands = commands_by_reaction(tenant_id, found)
    return [
        CausedReaction(
            reaction=reaction,
            instance=instances.get((reaction.process, reaction.instance_id)),
            commands=commands.get(reaction.pk, []),
        )
        for reaction in found
    ]


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
