"""Aggregates into cold storage and back, by the bus: for tests of those who read all events."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from eventstore.application import Application
from eventstore.box_commands import BoxAggregate, UnboxAggregate
from eventstore.commands import Result
from eventstore.models import Box, StoredStream
from eventstore.tenancy import Actor, Role
from tests.replay import live_rows


def stow(application: Application, *aggregate_ids: UUID) -> list[Path]:
    """Box them; the files."""
    for aggregate_id in aggregate_ids:
        _send(application, BoxAggregate, aggregate_id)
    return [file_of(application, aggregate_id) for aggregate_id in aggregate_ids]


def bring_back(application: Application, *aggregate_ids: UUID) -> None:
    """Unbox them."""
    for aggregate_id in aggregate_ids:
        _send(application, UnboxAggregate, aggregate_id)


def file_of(application: Application, aggregate_id: UUID) -> Path:
    """The file of its open box."""
    box = Box.objects.get(stream__aggregate_id=aggregate_id, unboxed_at=None)
    return application.cold_storage.root / box.path


def _send(
    application: Application, command: type[BoxAggregate | UnboxAggregate], aggregate_id: UUID
) -> Result:
    stream = StoredStream.objects.get(aggregate_id=aggregate_id)
    operator = Actor(tenant_id=stream.tenant_id, user="olga", role=Role.OPERATOR)
    asked = command(aggregate_id=aggregate_id, category=stream.category, reason="it has ended")
    return application.bus.send(asked, actor=operator)


def rows_of(application: Application, names: Iterable[str] = ()) -> dict[str, Any]:
    """The live rows of each table of these projections; none: of all."""
    wanted = set(names) or {projection.name for projection in application.projections}
    return {
        table.model.__name__: live_rows(table)
        for projection in application.projections
        if projection.name in wanted
        for table in projection.tables
    }
