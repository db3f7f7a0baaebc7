"""Every ending of a transfer: process manager, handlers and aggregates together, in memory."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventstore.application import Application
from eventstore.commands import Command
from eventstore.errors import Refusal
from eventstore.events import Event
from eventstore.process_managers import CommandRefused
from eventstore.testing import Stream
from eventstore.testing.given import MemoryRepository
from ledger.accounts.aggregate import BALANCE_LIMIT, Account
from ledger.accounts.commands import DepositMoney, WithdrawMoney
from ledger.accounts.events import AccountClosed, AccountOpened, MoneyDeposited
from ledger.registration import register
from ledger.transfers.aggregate import Transfer, TransferState
from ledger.transfers.commands import StartTransfer, UpdateTransfer
from ledger.transfers.process_manager import TransferProcess, TransferProcessState

SOURCE, TARGET, TRANSFER = uuid4(), uuid4(), uuid4()
AMOUNT = Decimal("69.00")
OPENED = AccountOpened(owner_id=uuid4(), code="4711")


@pytest.fixture(scope="module")
def application() -> Application:
    application = Application(pipeline=[])
    register(application)
    return application


class Play:
    """Runs a transfer to its end in memory, as the engine does it in the database."""

    def __init__(
        self,
        application: Application,
        streams: tuple[Stream, ...],
        refusals: Mapping[type[Command], str],
    ) -> None:
        """`refusals`: commands that are refused with a code instead of being handled."""
        self._commands = application.commands
        self._processes = application.processes
        self._repository = MemoryRepository(streams, {})
        self._refusals = refusals
        self._process = TransferProcess()
        self._state = TransferProcessState(TRANSFER)

    def start(self) -> str:
        """What the process waits for in the end."""
        messages = self._handle(
            StartTransfer(
                aggregate_id=TRANSFER, from_account_id=SOURCE, to_account_id=TARGET, amount=AMOUNT
            )
        )
        while messages:
            for command in self._process.react(self._state, messages.pop(0)):
                messages += self._handle(command)
        return self._process.waits_for(self._state)

    def _handle(self, command: Any) -> list[Event | CommandRefused]:
        entry = self._commands.of(type(command))
        before = len(self._repository.saved)
        code = self._refusals.get(type(command), "")
        if not code:
            try:
                entry.handler(command, self._repository)
            except Refusal as refusal:
                code = refusal.code
        if code:
            return [
                CommandRefused(command=entry.name, aggregate_id=command.aggregate_id, code=code)
            ]
        return self._due(command.aggregate_id, self._repository.saved[before:])

    def _due(self, aggregate_id: UUID, events: list[Event]) -> list[Event]:
        due = self._processes.due(uuid4(), aggregate_id, events)
        assert {reaction.instance[1:] for reaction in due} <= {("transfer", TRANSFER)}
        return [events[reaction.number - 1] for reaction in due]

    def balances(self) -> tuple[Decimal, Decimal]:
        load = self._repository.load
        return load(Account, SOURCE).state.balance, load(Account, TARGET).state.balance

    def transfer(self) -> TransferState:
        return self._repository.load(Transfer, TRANSFER).state


def account(account_id: UUID, *events: Event) -> Stream:
    return Stream(Account, account_id, OPENED, *events)


HUNDRED = MoneyDeposited(amount=Decimal("100.00"))
RICH, OTHER = account(SOURCE, HUNDRED), account(TARGET, HUNDRED)
POOR = account(SOURCE, MoneyDeposited(amount=Decimal("68.99")))
CLOSED = account(TARGET, AccountClosed())
ALMOST_FULL = account(TARGET, MoneyDeposited(amount=BALANCE_LIMIT - 1))

#: Two accounts, what is refused though it could be done, and how the transfer ends.
ENDINGS: dict[str, tuple[Stream, Stream, dict[type[Command], str], str, str]] = {
    "completed": (RICH, OTHER, {}, "completed", ""),
    "too little": (POOR, OTHER, {}, "failed", "insufficient_funds"),
    "source closed": (account(SOURCE, AccountClosed()), OTHER, {}, "failed", "account_closed"),
    "source boxed": (RICH, OTHER, {WithdrawMoney: "boxed"}, "failed", "boxed"),
    "target closed": (RICH, CLOSED, {}, "failed", "account_closed"),
    "target too full": (RICH, ALMOST_FULL, {}, "failed", "balance_too_large"),
    "target boxed": (RICH, OTHER, {DepositMoney: "boxed"}, "failed", "boxed"),
    "deposit overridden": (RICH, OTHER, {DepositMoney: "overridden"}, "failed", "overridden"),
    "update refused": (RICH, OTHER, {UpdateTransfer: "overridden"}, "completed", ""),
}


@pytest.mark.parametrize(
    ("source", "target", "refusals", "status", "reason"), ENDINGS.values(), ids=ENDINGS.keys()
)
def test_a_transfer_ends_and_the_money_is_in_one_of_the_two_accounts(
    source: Stream,
    target: Stream,
    refusals: dict[type[Command], str],
    status: str,
    reason: str,
    application: Application,
) -> None:
    play = Play(application, (source, target), refusals)
    before = play.balances()

    assert play.start() == ""

    moved = AMOUNT if status == "completed" else Decimal(0)
    assert play.balances() == (before[0] - moved, before[1] + moved)
    assert (play.transfer().status, play.transfer().reason) == (status, reason)
