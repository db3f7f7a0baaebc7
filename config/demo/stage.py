"""What every scenario needs: a tenant, its operator's way in, and a place to compare."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from config.demo.callers import HttpCaller
from eventstore.models import StoredCommand, StoredStream, Tenant


@dataclass
class Stage:
    """Where a scenario is played. `write` prints a line; `api` is called by an operator."""

    write: Callable[[str], object]
    tenant: Tenant
    api: HttpCaller
    differences: int = field(default=0, init=False)

    def expect(self, what: str, expected: object, got: object) -> None:
        """Compare, print both, and count the difference."""
        if expected == got:
            self.write(f"    ok    {what}: {got}")
        else:
            self.differences += 1
            self.write(f"    DIFFERS  {what}: expected {expected}, got {got}")

    def events_of(self, aggregate_id: UUID | str) -> list[str]:
        """The types in an aggregate's stream, in order."""
        stream = StoredStream.objects.get(tenant=self.tenant, aggregate_id=aggregate_id)
        return list(stream.events.order_by("version").values_list("type", flat=True))

    def history_of(self, category: str, aggregate_id: UUID | str) -> list[dict[str, Any]]:
        """The events of an aggregate, as the API gives them to an operator."""
        answer = self.api.get(f"/api/streams/{category}/{aggregate_id}")
        return list(answer.body["events"])

    def commands_of(self, aggregate_id: UUID | str) -> list[str]:
        """Type and status of each command in the log, oldest first."""
        log = StoredCommand.objects.filter(tenant=self.tenant, aggregate_id=aggregate_id)
        return [f"{entry.type} {entry.status}" for entry in log.order_by("number")]
