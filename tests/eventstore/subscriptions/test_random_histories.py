"""Random histories, modes, deaths and batches: the rows of every projection equal a replay.

Invariant 5, for all that is shipped. A worker dies as its database sees it: its transaction ends
without a commit, and somebody else goes on.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from itertools import cycle
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ledger.registration
import projections.registration
from eventstore import fault_points, subscriptions
from eventstore.application import Application, pipeline_from_settings
from eventstore.errors import Refusal
from eventstore.models import Subscription, Tenant
from eventstore.projections import Mode, Projection
from eventstore.tenancy import Actor, Role
from eventstore.testing import wipe
from ledger.accounts.commands import CloseAccount, OpenAccount
from ledger.persons.commands import RenamePerson
from ledger.transfers.commands import StartTransfer
from ledger.users.commands import StartUserRegistration
from tests.eventstore.subscriptions.domain import MODES
from tests.eventstore.support import World
from tests.replay import assert_rows_equal_a_replay

POINTS = [point for point in fault_points.POINTS if point.startswith("subscription.")]


class Death(BaseException):
    """The end of a process, as far as its database can tell."""


def shipped() -> list[Projection]:
    application = Application(pipeline=[])
    projections.registration.register(application)
    return list(application.projections)


SHIPPED = shipped()


@dataclass(frozen=True)
class Step:
    """What happens next, and with which of the accounts."""

    what: str
    tenant: int
    first: int
    second: int
    amount: Decimal


WHAT = [
    *["deposit", "deposit", "withdraw", "transfer", "transfer", "open", "close", "rename"],
    *["register", "work", "work", "read", "die", "die", "other worker", "batch"],
]
steps = st.builds(
    Step,
    what=st.sampled_from(WHAT),
    tenant=st.integers(0, 1),
    first=st.integers(0, 5),
    second=st.integers(0, 5),
    amount=st.decimals("0.01", "99.99", places=2),
)
modes = st.fixed_dictionaries({p.name: st.sampled_from(list(Mode)) for p in SHIPPED})


def application_in(modes: dict[str, Mode]) -> Application:
    application = Application(
        pipeline=pipeline_from_settings(),
        retry_after=(0,),
        cold_storage=django_settings.EVENTSTORE["COLD_STORAGE_ROOT"],
    )
    ledger.registration.register(application)
    for projection in SHIPPED:
        MODES[modes[projection.name]](application.projections, projection)
    return application


class Play:
    """Two tenants, and processes of which each knows the same modes."""

    def __init__(self, modes: dict[str, Mode], deaths: Counter[str]) -> None:
        self._modes = modes
        self._deaths = deaths
        self._points: Iterator[str] = cycle(POINTS)
        self.application = application_in(modes)
        self._worlds = [self._world(slug) for slug in ("acme", "umbrella")]
        self._persons = [[world.person()] for world in self._worlds]
        self._accounts = [
            [world.account("50.00", owner_id=persons[0]) for _ in range(2)]
            for world, persons in zip(self._worlds, self._persons, strict=True)
        ]

    def _world(self, slug: str) -> World:
        tenant = Tenant.objects.create(slug=slug, name=slug)
        return World(self.application, Actor(tenant_id=tenant.id, user="mary", role=Role.MEMBER))

    def do(self, step: Step) -> None:
        world = self._worlds[step.tenant]
        accounts, persons = self._accounts[step.tenant], self._persons[step.tenant]
        first, second = accounts[step.first % len(accounts)], accounts[step.second % len(accounts)]
        with suppress(Refusal):
            match step.what:
                case "deposit":
                    world.deposit(first, str(step.amount))
                case "withdraw":
                    world.withdraw(first, str(step.amount))
                case "transfer":
                    world.send(self._transfer(first, second, step.amount))
                case "open":
                    account = uuid4()
                    command = OpenAccount(aggregate_id=account, owner_id=persons[0], code="1")
                    world.send(command)
                    accounts.append(account)
                case "close":
                    world.send(CloseAccount(aggregate_id=first))
                case "rename":
                    name = str(step.amount)
                    world.send(
                        RenamePerson(aggregate_id=persons[0], first_name=name, last_name="X")
                    )
                case "register":
                    world.send(self._registration(step.first))
                case _:
                    self._work(step)

    def _transfer(self, source: UUID, target: UUID, amount: Decimal) -> StartTransfer:
        return StartTransfer(
            aggregate_id=uuid4(), from_account_id=source, to_account_id=target, amount=amount
        )

    def _registration(self, number: int) -> StartUserRegistration:
        return StartUserRegistration(
            aggregate_id=uuid4(), login_name=f"user {number}", password="correct horse"
        )

    def _work(self, step: Step) -> None:
        match step.what:
            case "work":
                self._make_due()
                self.application.subscriptions.work()
            case "read":
                for projection in self.application.projections.in_mode(Mode.ON_DEMAND):
                    self.application.read_models.freshness(projection.name)
            case "die":
                self._die(nth=step.first + 1)
            case "other worker":
                self.application = application_in(self._modes)
            case "batch":
                subscriptions.BATCH = step.first * step.second + 1

    def _die(self, nth: int) -> None:
        """A worker dies when it comes to the point for the nth time."""
        point = next(self._points)
        left = [nth]

        def strike(reached: str) -> None:
            if reached == point:
                left[0] -= 1
                if not left[0]:
                    raise Death

        fault_points.arm(strike)
        try:
            self._make_due()
            self.application.subscriptions.work()
            for projection in self.application.projections.in_mode(Mode.ON_DEMAND):
                self.application.subscriptions.catch_up(projection)
        except Death:
            self._deaths[point] += 1
        finally:
            fault_points.arm(None)

    def _make_due(self) -> None:
        Subscription.objects.filter(mode=Mode.SCHEDULED).update(due_at=None)


def play(modes: dict[str, Mode], history: list[Step], deaths: Counter[str]) -> None:
    usual = subscriptions.BATCH
    try:
        play = Play(modes, deaths)
        for step in history:
            play.do(step)
        assert assert_rows_equal_a_replay(play.application)
        assert not Subscription.objects.exclude(status="active", attempts=0).exists()
    finally:
        subscriptions.BATCH = usual
        fault_points.arm(None)
        wipe()


SETTINGS: Any = settings(
    deadline=None, suppress_health_check=list(HealthCheck), database=None, print_blob=True
)


def run(examples: int) -> Counter[str]:
    deaths: Counter[str] = Counter()

    @settings(SETTINGS, max_examples=examples)
    @given(modes, st.lists(steps, min_size=10, max_size=40))
    def histories(modes: dict[str, Mode], history: list[Step]) -> None:
        play(modes, history, deaths)

    histories()
    return deaths


@pytest.mark.long
@pytest.mark.usefixtures("database")
def test_rows_equal_a_replay_after_random_histories_modes_deaths_and_batches() -> None:
    deaths = run(25)
    assert set(deaths) == set(POINTS), deaths


@pytest.mark.soak
@pytest.mark.usefixtures("database")
def test_rows_equal_a_replay_after_many_random_histories_modes_deaths_and_batches() -> None:
    deaths = run(1_000)
    assert min(deaths[point] for point in POINTS) > 20, deaths
