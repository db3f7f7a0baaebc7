"""The transfer of money between two accounts: a state machine, one command at a time.

    new -> debiting -> crediting -> completing -> ended
              |            |
              |            +-> refunding -> failing -> ended
              +---------------------------> failing -> ended

Each state is left once, by the one message that belongs to it, and every other message changes
nothing. So no command is sent twice, whatever comes again or late.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from uuid import UUID

from eventstore.commands import Command
from eventstore.process_managers import CommandRefused, Effect, Outcome, ProcessManager
from ledger.accounts.commands import DepositMoney, RefundMoney, WithdrawMoney
from ledger.accounts.events import MoneyDeposited, MoneyWithdrawn
from ledger.errors import ProcessStuck
from ledger.money import ZERO
from ledger.transfers.commands import CompleteTransfer, FailTransfer, UpdateTransfer
from ledger.transfers.events import TransferCompleted, TransferFailed, TransferStarted

TransferProcessEvent = (
    TransferStarted
    | MoneyWithdrawn
    | MoneyDeposited
    | TransferCompleted
    | TransferFailed
    | Outcome
)

#: Before the transfer has started.
NO_ACCOUNT = UUID(int=0)


@dataclass(slots=True)
class TransferProcessState:
    """`id` is the transfer's, `reason` the code of the refusal for which it fails."""

    id: UUID
    status: Literal[
        "new", "debiting", "crediting", "refunding", "completing", "failing", "ended"
    ] = "new"
    from_account_id: UUID = NO_ACCOUNT
    to_account_id: UUID = NO_ACCOUNT
    amount: Decimal = ZERO
    reason: str = ""


class TransferProcess(ProcessManager[TransferProcessState]):
    """Takes the money out of the source, then puts it into the target, or back where it was."""

    name = "transfer"
    state_type = TransferProcessState

    def react(
        self, state: TransferProcessState, event: TransferProcessEvent
    ) -> list[Command | Effect]:
        match state.status, event:
            case "new", TransferStarted():
                return _debit(state, event)
            case "debiting", MoneyWithdrawn():
                return _credit(state)
            case "crediting", MoneyDeposited(is_refund=False):
                state.status = "completing"
                return [CompleteTransfer(aggregate_id=state.id)]
            case "refunding", MoneyDeposited(is_refund=True):
                return _fail(state, state.reason)
            case ("completing", TransferCompleted()) | ("failing", TransferFailed()):
                state.status = "ended"
                return []
            case _, CommandRefused():
                return _other_way(state, event)
            case _:
                return []

    def waits_for(self, state: TransferProcessState) -> str:
        match state.status:
            case "new":
                return "the start of the transfer"
            case "debiting":
                return f"the debit of account {state.from_account_id}"
            case "crediting":
                return f"the credit of account {state.to_account_id}"
            case "refunding":
                return f"the refund to account {state.from_account_id}"
            case "completing":
                return "the note that the transfer is completed"
            case "failing":
                return "the note that the transfer has failed"
            case "ended":
                return ""


def _debit(state: TransferProcessState, event: TransferStarted) -> list[Command | Effect]:
    state.status = "debiting"
    state.from_account_id = event.from_account_id
    state.to_account_id = event.to_account_id
    state.amount = event.amount
    return [
        WithdrawMoney(
            aggregate_id=state.from_account_id, amount=state.amount, transfer_id=state.id
        )
    ]


def _credit(state: TransferProcessState) -> list[Command | Effect]:
    state.status = "crediting"
    return [
        UpdateTransfer(aggregate_id=state.id, status="debited"),
        DepositMoney(aggregate_id=state.to_account_id, amount=state.amount, transfer_id=state.id),
    ]


def _other_way(state: TransferProcessState, refused: CommandRefused) -> list[Command | Effect]:
    """What follows from a refusal; raises ProcessStuck where nothing does.

    That `update-transfer` was refused does not matter: the money goes on.
    """
    match state.status, refused.command:
        case "debiting", "withdraw-money":
            return _fail(state, refused.code)
        case "crediting", "deposit-money":
            return _refund(state, refused.code)
        case (
            ("refunding", "refund-money")
            | ("completing", "complete-transfer")
            | ("failing", "fail-transfer")
        ):
            raise ProcessStuck(f"Transfer {state.id}", refused)
        case _:
            return []


def _refund(state: TransferProcessState, reason: str) -> list[Command | Effect]:
    state.status = "refunding"
    state.reason = reason
    return [
        RefundMoney(aggregate_id=state.from_account_id, amount=state.amount, transfer_id=state.id)
    ]


def _fail(state: TransferProcessState, reason: str) -> list[Command | Effect]:
    state.status = "failing"
    state.reason = reason
    return [FailTransfer(aggregate_id=state.id, reason=reason)]
