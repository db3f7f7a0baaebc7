"""What every scenario needs: two tenants with a key each, HTTP, and a place to compare."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model
from django.test import Client

from eventstore.application import get_application
from eventstore.models import StoredCommand, StoredStream, Tenant
from eventstore.tenancy import Role


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]


class HttpCaller:
    """Calls the API with one key: the whole way of a request, without a network between."""

    def __init__(self, key: str) -> None:
        self._client = Client(headers={"authorization": f"Bearer {key}"}, SERVER_NAME="localhost")

    def post(self, name: str, **fields: Any) -> Answer:
        """Send a command under a fresh id."""
        response = self._client.post(
            f"/api/commands/{name}",
            data=json.dumps(fields, default=str),
            content_type="application/json",
            headers={"idempotency-key": str(uuid4())},
        )
        return Answer(response.status_code, response.json())

    def get(self, path: str) -> Answer:
        response = self._client.get(path)
        return Answer(response.status_code, response.json())


@dataclass
class Stage:
    """Where a scenario is played. `write` prints a line."""

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

    def commands_of(self, aggregate_id: UUID | str) -> list[str]:
        """Type and status of each command in the log, oldest first."""
        log = StoredCommand.objects.filter(tenant=self.tenant, aggregate_id=aggregate_id)
        return [f"{entry.type} {entry.status}" for entry in log.order_by("number")]


def make_tenant_with_key(slug: str, user_name: str) -> tuple[Tenant, str]:
    """The tenant, made where there is none, and a new operator's key for it."""
    tenant, _ = Tenant.objects.get_or_create(slug=slug, defaults={"name": slug.capitalize()})
    users = get_user_model()
    user = users.objects.filter(username=user_name).first()
    if user is None:
        user = users.objects.create_user(user_name)
    return tenant, get_application().access.create_key(tenant, user, Role.OPERATOR)
