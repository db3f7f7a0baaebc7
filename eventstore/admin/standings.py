"""How far process instances are: open or ended, what was set aside, and which effects wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Value

from eventstore.admin.process_steps import reactions
from eventstore.application import get_application
from eventstore.models import ProcessInstance, Reaction, StoredCommand

#: Of a reaction that did its part, unlike a command that it sent.
COMMAND_FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Standing:
    """`set_aside` in words, such as "an effect"; `attempts` at the effect that waits.

    None: no effect waits. An effect does not hold its instance up, so it may wait after the end.
    """

    instance: ProcessInstance
    set_aside: list[str]
    attempts: int | None

    @property
    def has_ended(self) -> bool:
        return not self.instance.waits_for

    @property
    def waits_for(self) -> str:
        """What its process manager says; after the end, what is still left to do. "": nothing."""
        if not self.has_ended:
            return self.instance.waits_for
        if self.attempts is not None:
            return "the next attempt at an effect"
        return "an operator, for what was set aside" if self.set_aside else ""


def standings(instances: Sequence[ProcessInstance]) -> dict[int, Standing]:
    """By the instances' keys.

    A query of its own: as a column of the list, PostgreSQL looked through all reactions for it.
    """
    left: dict[Any, list[tuple[str, str, int]]] = {}
    for *key, status, kind, attempts in _left_of(instances):
        left.setdefault(tuple(key), []).append((status, kind, attempts))
    return {
        each.pk: _standing(each, left.get((each.tenant_id, each.process, each.instance_id), []))
        for each in instances
    }


def set_aside() -> QuerySet[Reaction]:
    """Reactions that were given up, and those that have sent a command that was."""
    return reactions().filter(pk__in=_parked(reactions()).values("pk").union(_failed(), all=True))


def unfinished() -> QuerySet[ProcessInstance, Any]:
    """The keys of instances with an effect that waits."""
    instances = ProcessInstance.objects.using(get_application().database.alias)
    return instances.filter(Exists(own(_waiting_effects(reactions())))).values("pk")


def own(rows: QuerySet[Reaction]) -> QuerySet[Reaction]:
    """Those of the process instance of the outer query."""
    return rows.filter(
        tenant=OuterRef("tenant"),
        process=OuterRef("process"),
        instance_id=OuterRef("instance_id"),
    )


def _standing(instance: ProcessInstance, left: list[tuple[str, str, int]]) -> Standing:
    aside = {_in_words(status, kind) for status, kind, _ in left if status != "pending"}
    waiting = [attempts for status, _, attempts in left if status == "pending"]
    return Standing(instance, sorted(aside), max(waiting, default=None))


def _in_words(status: str, kind: str) -> str:
    if status == COMMAND_FAILED:
        return "a command"
    return "an effect" if kind == Reaction.Kind.EFFECT else "a step"


def _left_of(instances: Sequence[ProcessInstance]) -> QuerySet[Any, Any]:
    """Each in a query that an index with the same condition answers, however long the history."""
    of_these = reactions().filter(
        tenant__in={each.tenant_id for each in instances},
        process__in={each.process for each in instances},
        instance_id__in={each.instance_id for each in instances},
    )
    key = ("tenant_id", "process", "instance_id")
    rest = ("kind", "attempts")
    senders = of_these.filter(pk__in=_failed())
    return (
        _parked(of_these)
        .values_list(*key, "status", *rest)
        .union(
            _waiting_effects(of_these).values_list(*key, "status", *rest),
            senders.values_list(*key, Value(COMMAND_FAILED), *rest),
            all=True,
        )
    )


def _parked(rows: QuerySet[Reaction]) -> QuerySet[Reaction]:
    return rows.filter(status=Reaction.Status.PARKED)


def _waiting_effects(rows: QuerySet[Reaction]) -> QuerySet[Reaction]:
    return rows.filter(status=Reaction.Status.PENDING, kind=Reaction.Kind.EFFECT)


def _failed() -> QuerySet[Any, Any]:
    """The senders of commands that were given up."""
    commands = StoredCommand.objects.using(get_application().database.alias)
    failed = commands.filter(status=StoredCommand.Status.FAILED, reaction__isnull=False)
    return failed.values("reaction")
