"""A process's reactions made ready for its page: their events, and the commands they sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from eventstore.admin.json_text import indented
from eventstore.application import get_application
from eventstore.models import ProcessInstance, Reaction, StoredCommand, StoredEvent

#: Commands shown under the reactions of one page; the command log has the others.
COMMAND_LIMIT = 500


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A reaction, with the event that it is to and the commands that it sent, by number.

    `event` is None where there is none, and while it is in cold storage.
    """

    reaction: Reaction
    data: str
    event: StoredEvent | None
    commands: list[StoredCommand]

    @property
    def cursor(self) -> int | None:
        """Opens the timeline, newest first, at the event."""
        return self.event.version + 1 if self.event else None

    @property
    def is_retried(self) -> bool:
        """Whether it was set aside, and has not been tried since somebody asked for that."""
        has_failed = bool(self.reaction.error)
        is_pending = self.reaction.status == Reaction.Status.PENDING
        return is_pending and has_failed and self.reaction.attempts == 0


def reactions() -> QuerySet[Reaction]:
    return Reaction.objects.using(get_application().database.alias)


def reactions_of(instance: ProcessInstance) -> QuerySet[Reaction]:
    return reactions().filter(
        tenant=instance.tenant_id, process=instance.process, instance_id=instance.instance_id
    )


def shown_steps(instance: ProcessInstance, steps: Sequence[Reaction]) -> list[ShownStep]:
    """The reactions with what belongs to them, in two queries."""
    events = _events(instance.tenant_id, steps)
    commands = commands_by_reaction(instance.tenant_id, steps)
    return [
        ShownStep(
            reaction=step,
            data=indented(step.data or ""),
            event=events.get(step.event_id),
            commands=commands.get(step.pk, []),
        )
        for step in steps
    ]


def sender_of(command: StoredCommand) -> ProcessInstance | None:
    """The process that sent the command; None: it came from outside."""
    if command.reaction_id is None:
        return None
    found = list(reactions().filter(tenant=command.tenant_id, pk=command.reaction_id))
    return next(iter(instances_of(command.tenant_id, found).values()), None)


def commands_by_reaction(
    tenant_id: UUID, steps: Sequence[Reaction]
) -> dict[int | None, list[StoredCommand]]:
    """What each of the tenant's reactions has sent, as far as the limit goes."""
    sent = _commands().filter(tenant=tenant_id, reaction__in=[step.pk for step in steps])
    by_reaction: dict[int | None, list[StoredCommand]] = {}
    for command in sent.defer("data", "result").order_by("number")[:COMMAND_LIMIT]:
        by_reaction.setdefault(command.reaction_id, []).append(command)
    return by_reaction


def instances_of(
    tenant_id: UUID, steps: Sequence[Reaction]
) -> dict[tuple[str, UUID], ProcessInstance]:
    """Whose reactions of the tenant these are, by process and instance."""
    instances = ProcessInstance.objects.using(get_application().database.alias)
    found = instances.filter(
        tenant=tenant_id,
        process__in={step.process for step in steps},
        instance_id__in={step.instance_id for step in steps},
    )
    return {(each.process, each.instance_id): each for each in found.defer("state")}


def _events(tenant_id: UUID, steps: Sequence[Reaction]) -> dict[Any, StoredEvent]:
    positions = [step.event_id for step in steps if step.event_id is not None]
    events = StoredEvent.objects.using(get_application().database.alias)
    found = events.filter(tenant=tenant_id, position__in=positions).select_related("stream")
    return {event.position: event for event in found.defer("data", "metadata", "hash")}


def _commands() -> QuerySet[StoredCommand]:
    return StoredCommand.objects.using(get_application().database.alias)
