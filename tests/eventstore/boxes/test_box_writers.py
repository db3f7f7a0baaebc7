"""Ten write to one aggregate while it is boxed, and while it is unboxed: no write is lost."""

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Event
from uuid import UUID

import pytest

import ledger.registration
from eventstore.application import Application, pipeline_from_settings
from eventstore.box_commands import BoxAggregate, UnboxAggregate
from eventstore.errors import Boxed
from eventstore.models import StoredEvent, StoredStream, Subscription, Tenant
from eventstore.tenancy import Actor, Role
from ledger.accounts.aggregate import Account
from ledger.accounts.commands import DepositMoney
from projections.accounts import ACCOUNT_SUMMARY
from projections.models import AccountSummary
from projections.persons import PERSON_SUMMARY
from projections.users import USER_SUMMARY
from tests.eventstore.boxes.support import cold_root, file_of
from tests.eventstore.support import PATIENCE, World, at_once

WRITERS, WRITES = 10, 5
ONE = Decimal("1.00")

#: More than anybody waits for: who is told so often that it is boxed gives up.
TRIES = 2_000


def another_process() -> Application:
    """With a cache of its own. Nothing is projected in the background: that would have to read
    each write before the stream is boxed, and whoever boxes would be refused while they come."""
    application = Application(pipeline=pipeline_from_settings(), cold_storage=cold_root())
    ledger.registration.register(application)
    for projection in (USER_SUMMARY, ACCOUNT_SUMMARY, PERSON_SUMMARY):
        application.projections.inline(projection)
    return application


@dataclass
class Crowd:
    """Writers in three processes, and what was acknowledged to them."""

    actor: Actor
    account: UUID
    processes: list[Application] = field(default_factory=list)
    acknowledged: list[tuple[str, int]] = field(default_factory=list)
    #: Tries of the round, and after how many of them somebody comes who boxes or unboxes.
    tries: list[int] = field(default_factory=list)
    after: int = 0
    begin: Event = field(default_factory=Event)

    def next_round(self, after: int) -> None:
        self.tries.clear()
        self.after = after
        self.begin.clear()

    def write_until_boxed(self, writer: int) -> None:
        for number in range(WRITES):
            try:
                self.write(writer, f"{writer}.{number}")
            except Boxed:
                return
            finally:
                self.note_try(writer)

    def write_once_unboxed(self, writer: int) -> None:
        for _ in range(TRIES):
            try:
                self.write(writer, f"{writer} afterwards")
                return
            except Boxed:
                self.note_try(writer)
        raise AssertionError("it stays boxed")

    def write(self, writer: int, reference: str) -> None:
        process = self.processes[writer % len(self.processes)]
        deposit = DepositMoney(aggregate_id=self.account, amount=ONE, reference=reference)
        result = process.bus.send(deposit, actor=self.actor)
        self.acknowledged.append((reference, result.version or 0))

    def note_try(self, writer: int) -> None:
        self.tries.append(writer)
        if len(self.tries) > self.after:
            self.begin.set()

    def cold(self, command: type[BoxAggregate] | type[UnboxAggregate]) -> None:
        """Box or unbox once so much has been tried."""
        assert self.begin.wait(PATIENCE)
        sent = command(aggregate_id=self.account, category="account", reason="meanwhile")
        operator = Actor(tenant_id=self.actor.tenant_id, user="olga", role=Role.OPERATOR)
        random.choice(self.processes).bus.send(sent, actor=operator)


@pytest.fixture
def crowd(application: Application, member: Actor) -> Crowd:
    # No background at all: also another release's projections would be waited for.
    application.modes.inline()
    Subscription.objects.exclude(mode="inline").delete()
    processes = [another_process() for _ in range(3)]
    return Crowd(member, World(processes[0], member).account(), processes)


@pytest.mark.parametrize("rounds", [3, pytest.param(30, marks=pytest.mark.soak)])
def test_each_acknowledged_write_is_there_exactly_once(
    crowd: Crowd, tenant: Tenant, rounds: int
) -> None:
    for number in range(rounds):
        crowd.account = World(crowd.processes[0], crowd.actor).account()
        crowd.acknowledged.clear()

        box_meanwhile(crowd, after=random.randrange(WRITERS * 3))
        if number % 2:
            write_too_late(crowd)
        unbox_meanwhile(crowd, tenant, after=random.randrange(WRITERS))


def box_meanwhile(crowd: Crowd, after: int) -> None:
    """Two box it, whatever the writers do; the events are in the file, and nowhere else."""
    calls = [lambda writer=writer: crowd.write_until_boxed(writer) for writer in range(WRITERS)]
    boxers = [lambda: crowd.cold(BoxAggregate)] * 2
    crowd.next_round(after)

    outcomes = at_once(*calls, *boxers)

    assert outcomes == [None] * len(outcomes)
    assert not StoredEvent.objects.filter(stream__aggregate_id=crowd.account).exists()
    lines = [json.loads(line) for line in file_of(str(crowd.account)).read_text().splitlines()]
    found = [
        (json.loads(line["event"]["data"])["reference"], line["event"]["version"])
        for line in lines
        if "event" in line and line["event"]["version"] > 1
    ]
    assert Counter(found) == Counter(crowd.acknowledged)
    assert [version for _, version in found] == list(range(2, len(found) + 2))


def write_too_late(crowd: Crowd) -> None:
    """Nothing but an unbox brings it back."""
    with pytest.raises(Boxed):
        crowd.write(0, "too late")


def unbox_meanwhile(crowd: Crowd, tenant: Tenant, after: int) -> None:
    calls = [lambda writer=writer: crowd.write_once_unboxed(writer) for writer in range(WRITERS)]
    crowd.next_round(after)

    outcomes = at_once(*calls, lambda: crowd.cold(UnboxAggregate))

    assert outcomes == [None] * len(outcomes)
    stored = StoredEvent.objects.filter(stream__aggregate_id=crowd.account, version__gt=1)
    found = [
        (json.loads(data)["reference"], version)
        for data, version in stored.order_by("position").values_list("data", "version")
    ]
    assert Counter(found) == Counter(crowd.acknowledged)
    assert [version for _, version in found] == list(range(2, len(found) + 2))
    assert StoredStream.objects.get(aggregate_id=crowd.account).version == len(found) + 1
    assert AccountSummary.objects.get(account_id=crowd.account).balance == len(found)
    for process in (*crowd.processes, another_process()):
        loaded = process.loader.load(tenant.id, Account, crowd.account)
        assert loaded is not None
        assert loaded.aggregate.state.balance == len(found)
