"""Rebuilds, checks and mends that the background does: asked for, and shown to who may see them.

A projection serves all tenants, and an operator belongs to some: of another tenant's rows he is
told how many differ, and not which; nor what another tenant's operator has written, nor an error
that may quote rows.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from eventstore.access import COMMAND_LINE
from eventstore.application import Application
from eventstore.errors import NotApplicable, NotFound
from eventstore.models import Rebuild, StoredEvent
from eventstore.rebuild_log import Order
from eventstore.wakeups import Work

#: In place of an error that may tell of rows which are not the reader's.
NOT_YOURS = "It may quote another tenant's rows, so its error is not shown here. The log has it."

#: Errors of ours that quote no row, by the names with which they are on record.
QUOTES_NO_ROW = re.compile(
    r"(NotRebuildable|ProjectionModeDiffers|AlreadyRunning|KeyboardInterrupt|SystemExit):|Whoever "
)
AT_AN_EVENT = re.compile(r"ReplayFailed: \S+ failed at position (\d{1,18}):")


@dataclass(frozen=True, slots=True)
class ShownRebuild:
    """A run as somebody may see it. `user` and `reason` are None where they are not for him.

    `hidden` counts the differences of other tenants among those that are told one by one.
    """

    run: Rebuild
    user: str | None
    reason: str | None
    error: str
    differences: list[dict[str, Any]]
    hidden: int


def ask(application: Application, kind: str, name: str, *, user: str, reason: str) -> Rebuild:
    """Put it down for the background, and call it; raises NotFound, and NotApplicable.

    Not while another run of the same projection waits or is at work.
    """
    if application.projections.named(name) is None:
        raise NotFound(f"projection {name}")
    order = Order(kind, name, user=user, reason=reason)
    number = application.rebuilding.log.ask_alone(order)
    if number is None:
        raise NotApplicable(
            f"A run of {name} is waiting or at work already. Wait until it has ended, then ask "
            "again."
        )
    application.wakeups.wake(Work.REBUILDS)
    return runs(application).get(pk=number)


def runs(application: Application, tenants: Collection[UUID] | None = None) -> QuerySet[Rebuild]:
    """Of these tenants, and of all rows at once; None: all that there are."""
    rows = Rebuild.objects.using(application.database.alias)
    if tenants is None:
        return rows
    return rows.filter(Q(tenant_id=None) | Q(("tenant_id__in", tenants)))


def shown(
    application: Application, rows: Sequence[Rebuild], tenants: Collection[UUID] | None
) -> list[ShownRebuild]:
    """With what the operators of these tenants may see; None: everything."""
    if tenants is None:
        return [
            ShownRebuild(run, run.user, run.reason, run.error, run.differences, 0) for run in rows
        ]
    mine = {str(tenant) for tenant in tenants}
    known = colleagues(application, tenants, {run.user for run in rows})
    failed_at = [at for run in rows if (at := failed_position(run)) is not None]
    own = own_positions(application, tenants, failed_at)
    found = []
    for run in rows:
        is_known = run.user in known or is_of_the_machine(run.user)
        user, reason = (run.user, run.reason) if is_known else (None, None)
        seen = [each for each in run.differences if each["tenant_id"] in mine]
        hidden = len(run.differences) - len(seen)
        found.append(ShownRebuild(run, user, reason, _error(run, own), seen, hidden))
    return found


def _error(run: Rebuild, own: Collection[int]) -> str:
    is_own = run.tenant_id is not None or failed_position(run) in own
    is_shown = is_own or not run.error or QUOTES_NO_ROW.match(run.error)
    return run.error if is_shown else NOT_YOURS


def failed_position(run: Rebuild) -> int | None:
    """Of the event at which a projection has raised."""
    found = AT_AN_EVENT.match(run.error)
    return int(found[1]) if found else None


def is_of_the_machine(user: str) -> bool:
    """Whether it names no user of Django's, none of whose names has brackets."""
    return user.startswith(f"{COMMAND_LINE} (")


def colleagues(
    application: Application, tenants: Collection[UUID], names: Collection[str]
) -> set[str]:
    """Those of the users who belong to one of the tenants, and superusers, who belong to all."""
    users = get_user_model()
    name = users.USERNAME_FIELD
    found = users._default_manager.using(application.database.alias)
    mine = found.filter(Q(("membership__tenant__in", tenants)) | Q(is_superuser=True))
    return set(mine.filter(Q((f"{name}__in", names))).values_list(name, flat=True))


def own_positions(
    application: Application, tenants: Collection[UUID], positions: Iterable[int]
) -> set[int]:
    """Those of the positions whose events are the tenants'."""
    events = StoredEvent.objects.using(application.database.alias)
    found = events.filter(position__in=list(positions), tenant__in=tenants)
    return set(found.values_list("position", flat=True))
