"""What boxing or unboxing an aggregate would do, as far as can be told without doing it."""

from typing import Any, NamedTuple

from eventstore.application import Application
from eventstore.cold_storage import StoredFile
from eventstore.errors import BoxDamaged
from eventstore.management.box_choice import Target
from eventstore.models import Box, StoredStream
from eventstore.pending_work import UNREAD_BY, PendingWorkOf


class Plan(NamedTuple):
    """`forbidden_by`: why it would be refused now; empty: it would be done."""

    target: Target
    would: str
    forbidden_by: list[str]


def boxing(application: Application, target: Target) -> Plan:
    if target.status == StoredStream.Status.BOXED:
        return Plan(target, "stays in cold storage, where it is already", [])
    assert target.last_position is not None, "a stream that is online has its events"
    pending = _pending(application, target)
    found = pending.of_the_stream() + pending.replays()
    found += _cannot_go_on(application, target.last_position)
    return Plan(target, f"{target.version:,} events would go into cold storage", found)


def _cannot_go_on(application: Application, last_position: int) -> list[str]:
    """Projections that are behind, and that boxing would not bring level before."""
    return [
        f"projection {name} has read up to position {position} of {last_position} and is {status}"
        for name, status, position in application.database.rows(UNREAD_BY, (last_position,))
        if status != "active" or application.projections.named(name) is None
    ]


def unboxing(application: Application, target: Target) -> Plan:
    if target.status != StoredStream.Status.BOXED:
        return Plan(target, "stays online, where it is already", [])
    boxes = Box.objects.using(application.database.alias)
    box = boxes.filter(stream=target.stream_id, unboxed_at=None).first()
    would = f"{target.version:,} events would come back from cold storage"
    if box is None:
        return Plan(target, would, ["its box is not registered"])
    pending = _pending(application, target)
    found = pending.replays() + pending.projections(box.last_position)
    stored = StoredFile(box.path, box.size, bytes(box.digest))
    try:
        with application.cold_storage.opened(stored):
            pass
    except BoxDamaged as error:
        found.append(f"the file {error.path} {error.problem}")
    return Plan(target, would, found)


def _pending(application: Application, target: Target) -> PendingWorkOf:
    whose = (target.tenant_id, target.aggregate_id, target.stream_id)
    return PendingWorkOf(application.database, *whose)


def line(plan: Plan) -> str:
    target = plan.target
    since = target.last_recorded_at
    last = f", the last at {since:%Y-%m-%dT%H:%M:%SZ}" if since else ""
    told = f"{target.tenant} {target.name}: {plan.would}{last}"
    if plan.forbidden_by:
        told += f"; refused now: {'; '.join(plan.forbidden_by)}"
    return told


def plain(plan: Plan) -> dict[str, Any]:
    """For programs."""
    target = plan.target
    since = target.last_recorded_at
    return {
        "tenant": target.tenant,
        "stream": target.name,
        "events": target.version,
        "last_recorded_at": since.isoformat() if since else None,
        "would": plan.would,
        "forbidden_by": plan.forbidden_by,
    }
