"""An aggregate goes into cold storage and comes back as it was."""

import json
from uuid import UUID, uuid4

import pytest

from eventstore.application import Application, get_application
from eventstore.models import Box, Snapshot, StoredCommand, StoredEvent, StoredStream, Tenant
from eventstore.tenancy import Role
from tests.http import Api, api_for


@pytest.fixture
def operator(tenant: Tenant) -> Api:
    return api_for(tenant, role=Role.OPERATOR)


def exported(aggregate_id: str) -> list[tuple[object, ...]]:
    """All that is stored of a stream's events, and of its commands' content."""
    fields = [field.attname for field in StoredEvent._meta.concrete_fields]
    events = StoredEvent.objects.filter(stream__aggregate_id=aggregate_id).order_by("version")
    commands = StoredCommand.objects.filter(aggregate_id=aggregate_id).exclude(
        type__in=("box-aggregate", "unbox-aggregate")
    )
    return [*events.values_list(*fields), *commands.order_by("id").values_list("id", "data")]


def renamed_person(api: Api, renames: int = 7) -> str:
    person = api.registered_person()
    for number in range(renames):
        fields = {"aggregate_id": person, "first_name": "Ada", "last_name": f"King {number}"}
        assert api.send("rename-person", fields).status == 200
    return person


def box(api: Api, aggregate_id: str, category: str = "person", **headers: str):
    fields = {"aggregate_id": aggregate_id, "category": category, "reason": "it has ended"}
    return api.send("box-aggregate", fields, **headers)


def unbox(api: Api, aggregate_id: str, category: str = "person", **headers: str):
    fields = {"aggregate_id": aggregate_id, "category": category, "reason": "it goes on"}
    return api.send("unbox-aggregate", fields, **headers)


def test_an_aggregate_is_boxed_and_comes_back_byte_for_byte(operator: Api) -> None:
    person = renamed_person(operator)
    before = exported(person)

    boxed = box(operator, person)

    assert boxed.status == 200, boxed.raw
    assert not StoredEvent.objects.filter(stream__aggregate_id=person).exists()
    assert not Snapshot.objects.filter(stream__aggregate_id=person).exists()
    registered = Box.objects.get()
    path = get_application().cold_storage.root / registered.path
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [next(iter(line)) for line in lines] == [
        "box",
        *["event"] * 8,
        *["command"] * 8,
        "snapshot",
        "end",
    ]
    fields = {"aggregate_id": person, "first_name": "Ada", "last_name": "Byron"}
    operator.send("rename-person", fields).refused(410, "boxed")
    operator.send("register-person", fields).refused(410, "boxed")

    back = unbox(operator, person)

    assert back.status == 200, back.raw
    StoredCommand.objects.filter(status="refused").delete()
    assert exported(person) == before
    assert operator.send("rename-person", fields).body["version"] == 9
