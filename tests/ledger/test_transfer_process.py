"""The transfer's process manager: each step, each ending, and whatever comes twice or too late.

No database, no handlers: messages in, commands out.
"""

from collections.abc import Iterator
from copy import copy
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventstore.commands import Command
from eventstore.process_managers import CommandRefused, EffectDone, EffectRefused
from ledger.accounts.commands import DepositMoney, RefundMoney, WithdrawMoney
from ledger.accounts.events import MoneyDeposited, MoneyWithdrawn
from ledger.errors import ProcessStuck
from ledger.registration import of_own_stream, of_transfer
from ledger.transfers.commands import (
    CompleteTransfer,
    FailTransfer,
    UpdateTransfer,
)
from ledger.transfers.events import (
    TransferCompleted,
    TransferFailed,
    TransferStarted,
    TransferUpdated,
)
from ledger.transfers.process_manager import (
    TransferProcess,
    TransferProcessState,
)

SOURCE, TARGET, TRANSFER = uuid4(), uuid4(), uuid4()
AMOUNT = Decimal("69.00")

STARTED = TransferStarted(from_account_id=SOURCE, to_account_id=TARGET, amount=AMOUNT)
WITHDRAWN = MoneyWithdrawn(amount=AMOUNT, transfer_id=TRANSFER)
DEPOSITED = MoneyDeposited(amount=AMOUNT, transfer_id=TRANSFER)
REFUNDED = MoneyDeposited(amount=AMOUNT, transfer_id=TRANSFER, is_refund=True)
COMPLETED = TransferCompleted()
FAILED = TransferFailed(reason="account_closed")

WITHDRAW = WithdrawMoney(aggregate_id=SOURCE, amount=AMOUNT, transfer_id=TRANSFER)
UPDATE = UpdateTransfer(aggregate_id=TRANSFER, status="debited")
DEPOSIT = DepositMoney(aggregate_id=TARGET, amount=AMOUNT, transfer_id=TRANSFER)
REFUND = RefundMoney(aggregate_id=SOURCE, amount=AMOUNT, transfer_id=TRANSFER)
COMPLETE = CompleteTransfer(aggregate_id=TRANSFER)


def fail(reason: str) -> FailTransfer:
    return FailTransfer(aggregate_id=TRANSFER, reason=reason)


def refused(command: str, aggregate_id: UUID, code: str = "account_closed") -> CommandRefused:
    return CommandRefused(command=command, aggregate_id=aggregate_id, code=code, detail="No.")


NO_WITHDRAWAL = refused("withdraw-money", SOURCE)
NO_DEPOSIT = refused("deposit-money", TARGET)
NO_REFUND = refused("refund-money", SOURCE, "overridden")
NO_UPDATE = refused("update-transfer", TRANSFER)
NO_COMPLETION = refused("complete-transfer", TRANSFER, "overridden")
NO_FAILURE = refused("fail-transfer", TRANSFER, "overridden")

PROCESS = TransferProcess()


def after(*messages: Any) -> tuple[TransferProcessState, list[Any]]:
    """The state after these messages, and what the last one of them made the process send."""
    state, sent = TransferProcessState(TRANSFER), []
    for message in messages:
        sent = PROCESS.react(state, message)
    return state, sent


#: What was told to the process so far, what it sends then, and what it waits for.
STEPS: dict[str, tuple[list[Any], list[Command], str]] = {
    "not started": ([], [], "the start of the transfer"),
    "started": ([STARTED], [WITHDRAW], f"the debit of account {SOURCE}"),
    "debited": ([STARTED, WITHDRAWN], [UPDATE, DEPOSIT], f"the credit of account {TARGET}"),
    "credited": (
        [STARTED, WITHDRAWN, DEPOSITED],
        [COMPLETE],
        "the note that the transfer is completed",
    ),
    "completed": ([STARTED, WITHDRAWN, DEPOSITED, COMPLETED], [], ""),
    "debit refused": (
        [STARTED, NO_WITHDRAWAL],
        [fail("account_closed")],
        "the note that the transfer has failed",
    ),
    "failed": ([STARTED, NO_WITHDRAWAL, FAILED], [], ""),
    "credit refused": (
        [STARTED, WITHDRAWN, NO_DEPOSIT],
        [REFUND],
        f"the refund to account {SOURCE}",
    ),
    "refunded": (
        [STARTED, WITHDRAWN, NO_DEPOSIT, REFUNDED],
        [fail("account_closed")],
        "the note that the transfer has failed",
    ),
    "failed after a refund": ([STARTED, WITHDRAWN, NO_DEPOSIT, REFUNDED, FAILED], [], ""),
}


@pytest.mark.parametrize(("told", "sent", "waits_for"), STEPS.values(), ids=STEPS.keys())
def test_each_step_sends_its_commands_and_says_what_it_waits_for(
    told: list[Any], sent: list[Command], waits_for: str
) -> None:
    state, last_sent = after(*told)

    assert last_sent == sent
    assert PROCESS.waits_for(state) == waits_for


@pytest.mark.parametrize("code", ["insufficient_funds", "not_found", "boxed", "overridden"])
def test_a_transfer_fails_for_the_code_of_the_refusal_that_stopped_it(code: str) -> None:
    _, sent = after(STARTED, refused("withdraw-money", SOURCE, code))
    assert sent == [fail(code)]

    _, sent = after(STARTED, WITHDRAWN, refused("deposit-money", TARGET, code), REFUNDED)
    assert sent == [fail(code)]


def test_the_money_goes_on_where_the_update_is_refused() -> None:
    state, sent = after(STARTED, WITHDRAWN, NO_UPDATE)

    assert (state.status, sent) == ("crediting", [])
    assert PROCESS.react(state, DEPOSITED) == [COMPLETE]


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        ([STARTED, WITHDRAWN, DEPOSITED], NO_COMPLETION),
        ([STARTED, NO_WITHDRAWAL], NO_FAILURE),
        ([STARTED, WITHDRAWN, NO_DEPOSIT], NO_REFUND),
        ([STARTED, WITHDRAWN, NO_DEPOSIT, REFUNDED], NO_FAILURE),
    ],
    ids=["completion", "failure", "refund", "failure after a refund"],
)
def test_the_refusal_of_what_must_not_be_refused_is_raised_and_changes_nothing(
    told: list[Any], refusal: CommandRefused
) -> None:
    state, _ = after(*told)
    before = copy(state)

    with pytest.raises(ProcessStuck) as caught:
        PROCESS.react(state, refusal)

    assert state == before
    assert str(caught.value) == (
        f"Transfer {TRANSFER} cannot end, since {refusal.command} was refused (overridden). "
        "Remove the cause, an override for one, and retry this step: the command is then sent "
        "again."
    )


#: Everything that may reach an instance, also what never should.
MESSAGES = (
    STARTED, WITHDRAWN, DEPOSITED, REFUNDED, COMPLETED, FAILED,
    NO_WITHDRAWAL, NO_DEPOSIT, NO_REFUND, NO_UPDATE, NO_COMPLETION, NO_FAILURE,
    refused("send-money-elsewhere", SOURCE),
    TransferUpdated(status="debited"),
    EffectDone(effect="send-mail", effect_id=uuid4()),
    EffectRefused(effect="send-mail", effect_id=uuid4(), code="no_such_address"),
)  # fmt: skip

Sent = tuple[type[Command], ...]


def histories() -> Iterator[tuple[TransferProcessState, Sent, frozenset[int]]]:
    """Every state with all that was sent and told until then, for messages in any order and
    number: nothing is left out, since there are only so many of them."""
    start = (TransferProcessState(TRANSFER), (), frozenset[int]())
    open_ones, known = [start], [start]
    while open_ones:
        state, sent, told = open_ones.pop()
        for number, message in enumerate(MESSAGES):
            following = copy(state)
            try:
                commands = PROCESS.react(following, message)
            except ProcessStuck:
                commands = []
            history = (following, sent + tuple(map(type, commands)), told | {number})
            assert len(history[1]) < 10, f"{history[1]} has no end"
            if history[0] != state or commands:
                open_ones.append(history)
                known.append(history)
    yield from known


def test_no_command_is_sent_twice_nor_one_forgotten_whatever_comes_in_whatever_order() -> None:
    seen = set()
    for state, sent, told in histories():
        heard = {id(MESSAGES[number]) for number in told}
        seen.add(state.status)
        assert len(set(sent)) == len(sent), sent
        assert not {CompleteTransfer, RefundMoney} <= set(sent)
        assert not {CompleteTransfer, FailTransfer} <= set(sent)
        if DepositMoney in sent:
            assert id(WITHDRAWN) in heard
        if RefundMoney in sent:
            assert {id(WITHDRAWN), id(NO_DEPOSIT)} <= heard
        if CompleteTransfer in sent:
            assert {id(WITHDRAWN), id(DEPOSITED)} <= heard
        if FailTransfer in sent:
            assert id(REFUNDED if RefundMoney in sent else NO_WITHDRAWAL) in heard
        if state.status == "ended":
            assert {CompleteTransfer, FailTransfer} & set(sent)
    assert len(seen) == 7


def test_each_event_finds_its_instance() -> None:
    assert of_own_stream(STARTED, TRANSFER) == TRANSFER
    assert of_transfer(WITHDRAWN, SOURCE) == of_transfer(REFUNDED, SOURCE) == TRANSFER
    assert of_transfer(MoneyDeposited(amount=AMOUNT), SOURCE) is None
