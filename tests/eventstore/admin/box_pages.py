"""Aggregates in cold storage, and the addresses of their pages."""

from uuid import UUID

from eventstore.box_commands import BoxAggregate, UnboxAggregate
from eventstore.models import Box, StoredStream
from eventstore.tenancy import Actor, Role
from ledger.persons.commands import RenamePerson
from tests.eventstore.support import World

BOXES = "/admin/eventstore/box/"
STREAMS = "/admin/eventstore/storedstream/"


def boxed(world: World, *, renames: int = 0, reason: str = "the contract has ended") -> Box:
    """A new person's, boxed by Olive."""
    person_id = world.person("Ada", "Lovelace")
    for number in range(renames):
        world.send(
            RenamePerson(aggregate_id=person_id, first_name="Ada", last_name=f"King {number}")
        )
    return box(world, person_id, reason=reason)


def box(world: World, person_id: UUID, *, reason: str = "the contract has ended") -> Box:
    world.application.bus.send(
        BoxAggregate(aggregate_id=person_id, category="person", reason=reason),
        actor=operator_of(world),
    )
    return Box.objects.get(stream__aggregate_id=person_id, unboxed_at=None)


def unbox(world: World, box: Box) -> None:
    world.application.bus.send(
        UnboxAggregate(
            aggregate_id=box.stream.aggregate_id, category="person", reason="it goes on"
        ),
        actor=operator_of(world),
    )


def operator_of(world: World) -> Actor:
    return Actor(tenant_id=world.actor.tenant_id, user="olive", role=Role.OPERATOR)


def stream_of(person_id: UUID) -> StoredStream:
    return StoredStream.objects.get(aggregate_id=person_id)


def page(box: Box, end: str = "") -> str:
    return f"{BOXES}{box.pk}/{end}"


def timeline(stream: StoredStream, end: str = "") -> str:
    return f"{STREAMS}{stream.pk}/{end}"
