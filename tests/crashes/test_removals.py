"""Whoever removes a tenant dies at each step: the same again ends well, with a certificate."""

import json
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from uuid import UUID, uuid4

import pytest

from eventstore import fault_points
from eventstore.application import Application, get_application
from eventstore.box_commands import BoxAggregate
from eventstore.fault_points import POINTS
from eventstore.models import StoredStream, Tenant
from eventstore.removal import Removal, Removed, Wish
from eventstore.tenancy import Actor, Role
from ledger.persons.commands import RegisterPerson
from tests.crashes.bank import Bank
from tests.crashes.processes import start
from tests.crashes.striking import Place, Strike
from tests.eventstore.boxes.support import below, cold_root
from tests.eventstore.removal_world import tables_with

WISH = Wish("olga", "the contract has ended", discard_events=True, with_boxes=True)
STEPS = [point for point in POINTS if point.startswith("removal.")]
#: From here on the tenant is gone.
COMMITTED = STEPS.index("removal.committed")


def remove(tell: Connection, slug: str, place: Place) -> None:
    """What runs in the process that dies."""
    fault_points.arm(Strike(place, tell.send))
    removal(get_application()).remove(Tenant.objects.get(slug=slug), WISH)


def removal(application: Application) -> Removal:
    return Removal(application.database, application.cold_storage)


def settled(application: Application, slug: str) -> Tenant:
    """A tenant with somebody online and somebody in cold storage, whose names hold its slug."""
    tenant = Tenant.objects.create(slug=slug, name=slug)
    actor = Actor(tenant_id=tenant.pk, user="olga", role=Role.OPERATOR)
    for is_boxed in (True, False):
        person = uuid4()
        application.bus.send(
            RegisterPerson(aggregate_id=person, first_name=slug, last_name=slug), actor=actor
        )
        if is_boxed:
            box = BoxAggregate(aggregate_id=person, category="person", reason=slug)
            application.bus.send(box, actor=actor)
    return tenant


def remover_dies_at(application: Application, point: str) -> UUID:
    slug = f"wombat-{uuid4().hex[:8]}"
    tenant = settled(application, slug)
    died = start(remove, slug, Place(point, 1))
    assert died.ended() == -signal.SIGKILL, f"not met: {point}"
    assert died.told() == [point]

    is_gone = STEPS.index(point) >= COMMITTED
    assert StoredStream.objects.filter(tenant=tenant).count() == (0 if is_gone else 2)
    assert not Tenant.objects.filter(pk=tenant.pk, active=True).exists()
    removed = tried_again(application, slug)

    assert tables_with(slug) == set()
    assert tables_with(str(tenant.pk)) == set()
    assert removed.path == f"removed/{tenant.pk}.json"
    content = json.loads((cold_root() / removed.path).read_text())
    assert (content["tenant"]["slug"], len(content["streams"])) == (slug, 2)
    assert [path for path in below(cold_root()) if str(tenant.pk) in path] == [removed.path]
    return tenant.pk


def tried_again(application: Application, slug: str) -> Removed:
    tenant = Tenant.objects.filter(slug=slug).first()
    done = removal(application).finish(slug, WISH)
    assert (done is None) is (tenant is not None), "only what is gone can be finished"
    if tenant is not None:
        done = removal(application).remove(tenant, WISH)
    assert done is not None
    return done


def removers_that_die(application: Application) -> Iterator[str]:
    for point in STEPS:
        remover_dies_at(application, point)
        yield point


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.soak)])
def test_who_dies_at_any_step_leaves_a_tenant_that_the_next_one_removes(
    rounds: int, application: Application, bank: Bank
) -> None:
    bank.send(bank.registration("stays").command)
    for _ in range(rounds):
        assert list(removers_that_die(application)) == STEPS
    assert StoredStream.objects.filter(tenant_id=bank.actor.tenant_id).exists()
