"""What a command makes under another tenant's id is ours; theirs stays, and nobody meets it."""

import pytest
from django.db.models import QuerySet

from eventstore.models import StoredStream
from eventstore.tenancy import Role
from tests.tenants.findings import UUIDS
from tests.tenants.matrix import leaks, tell, unchanged, without
from tests.tenants.seeding import (
    SHARED_ACCOUNT,
    SHARED_BOXED,
    SHARED_OTHER_ACCOUNT,
    SHARED_PERSON,
    SHARED_TRANSFER,
    SHARED_USER,
    Side,
)
from tests.tenants.tables import COMMANDS, NEW, filled
from tests.tenants.world import KEY, World

MAKERS = [name for name, body in COMMANDS.items() if body.get("aggregate_id") == NEW]

#: The persons that `play` boxes: one is still in cold storage, one came back.
WERE_BOXED = 2


@pytest.mark.long
@pytest.mark.parametrize("name", MAKERS)
def test_under_another_tenants_id_a_command_makes_ours(world: World, name: str) -> None:
    """Under those of their ids that are UUIDs; each maker takes others, since ours are taken."""
    api = world.ours.api(Role.MEMBER)
    uuids = [finding for finding in world.ids if finding.kind == UUIDS]
    with unchanged(world):
        for finding in uuids[MAKERS.index(name) :: len(MAKERS)]:
            answer = api.send(name, filled(COMMANDS[name], world) | {"aggregate_id": finding.text})
            assert answer.status == 201, f"{finding.column}: {answer.raw!r}"
            assert streams_of(world.ours).filter(aggregate_id=finding.value).exists()
            location = answer.headers["Location"]
            page = without(finding.text, world.callers[KEY][0].ask(location))
            told = tell(leaks(world, page, location))
            assert not told, told


def test_their_aggregates_are_among_the_ids_that_makers_take(world: World) -> None:
    uuids = [finding for finding in world.ids if finding.kind == UUIDS]
    taken = {finding.value for finding in uuids}
    shared = (
        SHARED_PERSON,
        SHARED_ACCOUNT,
        SHARED_OTHER_ACCOUNT,
        SHARED_TRANSFER,
        SHARED_USER,
        SHARED_BOXED,
    )
    streams = streams_of(world.theirs).exclude(aggregate_id__in=shared)
    assert streams.count() == len(MAKERS) + WERE_BOXED
    assert taken >= set(streams.values_list("aggregate_id", flat=True))
    assert len(uuids) > 5 * len(MAKERS)


def streams_of(side: Side) -> QuerySet:
    return StoredStream.objects.filter(tenant=side.tenant)


def test_under_another_tenants_command_id_ours_is_done_and_kept_apart(world: World) -> None:
    api, theirs = world.ours.api(Role.MEMBER), world.theirs.api(Role.MEMBER)
    body = filled(COMMANDS["register-person"], world)
    with unchanged(world):
        first = api.send("register-person", body, Idempotency_Key=world.theirs.command_id)
        again = api.send("register-person", body, Idempotency_Key=world.theirs.command_id)
        assert (first.status, again.status) == (201, 201)
        assert again.headers["Idempotent-Replayed"] == "true"
    command = {"aggregate_id": world.theirs.account_id, "amount": "5000000.00"}
    answer = theirs.send("withdraw-money", command, Idempotency_Key=world.theirs.command_id)
    answer.refused(422, "insufficient_funds")
    assert answer.headers["Idempotent-Replayed"] == "true"
