"""Commands, with another tenant's ids in every field and header: refused as random ids are.

Commands that make something come last: once it is made, another tenant's id is ours as well.
"""

from collections.abc import Iterable, Iterator

import pytest

from config.composition import build_application
from eventstore.input.commands import fields_of
from eventstore.input.values import read_uuid
from tests.tenants.classification import AGGREGATE, COMMAND_ID, TENANT, looked_up, reads
from tests.tenants.findings import NUMBERS, TEXTS, UUIDS
from tests.tenants.matrix import (
    FIELD,
    HEADER,
    PATH,
    Request,
    Slot,
    differences,
    leaks,
    tell,
    unchanged,
)
from tests.tenants.tables import COMMANDS, NEW, filled
from tests.tenants.world import KEY, SESSION, World

#: Thousands of requests, through code that has tests of its own.
pytestmark = pytest.mark.no_cover

ROUTE = "api/commands/<str:name>"
FIELDS = {command.name: fields_of(command) for command in build_application().commands.offered()}

#: What every command has beside its fields.
COMMON = (
    Slot(PATH, "name", reads(TEXTS)),
    Slot(HEADER, "Idempotency-Key", COMMAND_ID),
    Slot(HEADER, "If-Match", looked_up(NUMBERS, "StoredEvent.position"), form='"{}"'),
    Slot(HEADER, "X-Correlation-ID", looked_up(UUIDS, "StoredCommand.correlation_id")),
    Slot(HEADER, "Authorization", looked_up(TEXTS, "ApiKey.prefix"), form="Bearer {}"),
    Slot(HEADER, "X-Tenant", TENANT),
)


def command(world: World, name: str) -> Request:
    """A command with a good body."""
    return Request(ROUTE, {"name": name}, "POST", lambda: filled(COMMANDS[name], world))


def slots_of(name: str) -> Iterator[Slot]:
    for field in FIELDS[name]:
        if COMMANDS[name][field.name] == NEW:
            continue  # Whatever is free there is taken: see test_creating.py.
        is_id = field.read is read_uuid
        yield Slot(FIELD, field.name, AGGREGATE if is_id else reads())


def test_another_tenants_scheduled_command_cannot_be_cancelled(world: World) -> None:
    """Operators may; what they try it on is unknown here, as any other id is."""
    route = "api/commands/<any_case_uuid:command_id>"
    request = Request(route, {"command_id": world.samples()["scheduled_id"]}, "DELETE")
    told = tell(sentences(world, request, [Slot(PATH, "command_id", COMMAND_ID)]))
    assert not told, told


def sentences(
    world: World, request: Request, slots: Iterable[Slot], *, in_full: bool = False
) -> Iterator[str]:
    callers = world.callers[KEY] + world.callers[SESSION]
    with unchanged(world):
        for caller in callers:
            yield from leaks(world, request.ask(caller), f"{request} as {caller}")
        yield from differences(world, request, slots, callers, in_full=in_full)


@pytest.mark.parametrize("name", FIELDS)
def test_a_command_takes_another_tenants_ids_for_random_ones(world: World, name: str) -> None:
    told = tell(sentences(world, command(world, name), slots_of(name)))
    assert not told, told


@pytest.mark.long
@pytest.mark.parametrize("slot", COMMON, ids=lambda slot: slot.name)
def test_the_path_and_the_headers_take_another_tenants_ids_for_random_ones(
    world: World, slot: Slot
) -> None:
    for name in ("deposit-money", "withdraw-money"):
        told = tell(sentences(world, command(world, name), [slot]))
        assert not told, told


@pytest.mark.soak
@pytest.mark.parametrize("name", FIELDS)
def test_a_command_takes_all_of_another_tenants_ids_for_random_ones(
    world: World, name: str
) -> None:
    slots = [*slots_of(name), *COMMON]
    told = tell(sentences(world, command(world, name), slots, in_full=True))
    assert not told, told
