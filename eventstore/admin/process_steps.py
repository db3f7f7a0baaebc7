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


def reactions() -> QuerySet[Reaction]:
    return Reaction.objects.using(get_application().database.alias)


def reactions_of(instance: ProcessInstance) -> QuerySet[Reaction]:
    return reactions().filter(
        tenant=instance.tenant_id, process=instance.process, instance_id=instance.instance_id
    )


def set_aside() -> QuerySet[Reaction]:
    """Reactions that were given up, and those that have sent a command that was."""
    parked = reactions().filter(status=Reaction.Status.PARKED).values("pk")
    return reactions().filter(pk__in=parked.union(_senders_of_failed(), all=True))


def set_aside_among(instances: Sequence[ProcessInstance]) -> set[int]:
    """The keys of those with something that is set aside.

    A query of its own: as a column of the list, PostgreSQL looked through all reactions for it.
    """
    own = reactions().filter(
        tenant__in={each.tenant_id for each in instances},
        process__in={each.process for each in instances},
        instance_id__in={each.instance_id for each in instances},
    )
    key = ("tenant_id", "process", "instance_id")
    parked = own.filter(status=Reaction.Status.PARKED).values_list(*key)
    found = set(parked.union(own.filter(pk__in=_senders_of_failed()).values_list(*key)))
    return {
        each.pk for each in instances if (each.tenant_id, each.process, each.instance_id) in found
    }


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


def _senders_of_failed() -> QuerySet[Any, Any]:
    failed = _commands().filter(status=StoredCommand.Status.FAILED, reaction__isnull=False)
    return failed.values("reaction")


def _commands() -> QuerySet[StoredCommand]:
    return StoredCommand.objects.using(get_application().database.alias)
