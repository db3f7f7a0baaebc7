"""Invariant 5: after random bookings, rows equal a replay, in whichever mode they are written."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

import ledger.registration
from eventstore.application import Application, pipeline_from_settings
from eventstore.commands import Command
from eventstore.errors import Refusal
from eventstore.models import Subscription, Tenant
from eventstore.projections import Mode
from eventstore.tenancy import Actor, Role
from ledger.accounts.commands import CloseAccount, DepositMoney, OpenAccount, WithdrawMoney
from ledger.persons.commands import RegisterPerson, RenamePerson
from ledger.transfers.commands import StartTransfer
from projections.accounts import ACCOUNT_SUMMARY
from projections.models import AccountStatementLine, DailyTotals, TenantOverview
from projections.overviews import TENANT_OVERVIEW
from projections.persons import PERSON_SUMMARY
from projections.registration import register
from projections.statements import ACCOUNT_STATEMENT
from projections.totals import DAILY_TOTALS
from projections.transfers import TRANSFER_SUMMARY
from projections.users import USER_SUMMARY
from tests.replay import assert_rows_equal_a_replay

SHIPPED = (
    USER_SUMMARY,
    ACCOUNT_SUMMARY,
    PERSON_SUMMARY,
    TRANSFER_SUMMARY,
    ACCOUNT_STATEMENT,
    TENANT_OVERVIEW,
    DAILY_TOTALS,
)
STEPS = 60


def application_in(mode: Mode) -> Application:
    """The sample domain with every read model in this mode."""
    application = Application(pipeline=pipeline_from_settings())
    ledger.registration.register(application)
    for projection in SHIPPED:
        match mode:
            case Mode.INLINE:
                application.projections.inline(projection)
            case Mode.ASYNC:
                application.projections.asynchronous(projection)
            case Mode.ON_DEMAND:
                application.projections.on_demand(projection)
            case Mode.SCHEDULED:
                application.projections.scheduled(projection, every=0.001)
    return application


class Bookings:
    """Random commands of two tenants that use the same ids."""

    def __init__(self, application: Application, tenants: list[Tenant], seed: str) -> None:
        self._application = application
        self._actors = [
            Actor(tenant_id=tenant.id, user="mary", role=Role.MEMBER) for tenant in tenants
        ]
        self._random = random.Random(seed)
        self._person = uuid4()
        self._accounts = [uuid4() for _ in range(3)]

    def play(self) -> None:
        for actor in self._actors:
            self._send(actor, self._registered())
            for account in self._accounts:
                self._send(actor, self._opened(account))
        makers: list[Callable[[UUID], Command]] = [
            self._deposited, self._deposited, self._withdrawn, self._withdrawn, self._renamed,
            self._transferred, self._closed,
        ]  # fmt: skip
        for _ in range(STEPS):
            make = self._random.choice(makers)
            self._send(
                self._random.choice(self._actors), make(self._random.choice(self._accounts))
            )
            if self._random.random() < 0.15:
                self._application.subscriptions.work()

    def _send(self, actor: Actor, command: Command) -> None:
        with suppress(Refusal):  # part of any history
            self._application.bus.send(command, actor=actor)

    def _registered(self) -> Command:
        return RegisterPerson(aggregate_id=self._person, first_name="Ada", last_name="X")

    def _opened(self, account: UUID) -> Command:
        return OpenAccount(aggregate_id=account, owner_id=self._person, code="1")

    def _closed(self, account: UUID) -> Command:
        return CloseAccount(aggregate_id=account)

    def _renamed(self, _: UUID) -> Command:
        return RenamePerson(
            aggregate_id=self._person, first_name=str(self._random.random()), last_name="X"
        )

    def _deposited(self, account: UUID) -> Command:
        return DepositMoney(aggregate_id=account, amount=self._amount(), booked_on=self._day())

    def _withdrawn(self, account: UUID) -> Command:
        return WithdrawMoney(aggregate_id=account, amount=self._amount(), booked_on=self._day())

    def _transferred(self, account: UUID) -> Command:
        target = self._random.choice(self._accounts)
        return StartTransfer(
            aggregate_id=uuid4(),
            from_account_id=account,
            to_account_id=target,
            amount=self._amount(),
        )

    def _amount(self) -> Decimal:
        return Decimal(self._random.randint(1, 9999)) / 100

    def _day(self) -> date | None:
        """None: the present day. Else a late booking."""
        return self._random.choice([None, date(1994, 3, self._random.randint(1, 5))])


@pytest.mark.parametrize("seed", ["1", "1887"])
@pytest.mark.parametrize("mode", list(Mode))
def test_rows_equal_a_replay_after_random_bookings_in_each_mode(
    mode: Mode, seed: str, tenant: Tenant, other_tenant: Tenant
) -> None:
    print(f"seed {seed}")
    application = application_in(mode)

    Bookings(application, [tenant, other_tenant], seed).play()

    assert assert_rows_equal_a_replay(application) > 40
    assert set(Subscription.objects.values_list("mode", flat=True)) == {mode.value}
    for model in (AccountStatementLine, DailyTotals, TenantOverview):
        assert model.objects.values("tenant_id").distinct().count() == 2


def test_every_shipped_read_model_is_tried_and_has_its_mode() -> None:
    application = Application(pipeline=[])
    register(application, totals_every=7)

    modes = {p: application.projections.mode_of(p.name) for p in application.projections}

    assert set(modes) == set(SHIPPED)
    assert {p.name: mode for p, mode in modes.items() if mode is not Mode.INLINE} == {
        "transfer_summary": Mode.ASYNC,
        "account_statement": Mode.ASYNC,
        "tenant_overview": Mode.ON_DEMAND,
        "daily_totals": Mode.SCHEDULED,
    }
    assert application.projections.intervals == {"daily_totals": 7}
