"""Every command of a transfer, and every reason to refuse it. No database."""

from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from eventstore.command_types import Handler
from eventstore.commands import Command
from eventstore.errors import AggregateNotFound, AlreadyExists, ValidationFailed
from eventstore.events import Event
from eventstore.testing import Stream, given
from eventstore.validation import validated
from ledger import errors
from ledger.accounts.aggregate import Account
from ledger.accounts.events import AccountOpened
from ledger.transfers.aggregate import Transfer, TransferState
from ledger.transfers.commands import (
    CompleteTransfer,
    FailTransfer,
    StartTransfer,
    UpdateTransfer,
)
from ledger.transfers.events import (
    TransferCompleted,
    TransferFailed,
    TransferStarted,
    TransferUpdated,
)
from ledger.transfers.handlers import (
    complete_transfer,
    fail_transfer,
    start_transfer,
    update_transfer,
)

SOURCE, TARGET, TRANSFER = uuid4(), uuid4(), uuid4()
OPENED = AccountOpened(owner_id=uuid4(), code="4711")
ACCOUNTS = (Stream(Account, SOURCE, OPENED), Stream(Account, TARGET, OPENED))
STARTED = TransferStarted(from_account_id=SOURCE, to_account_id=TARGET, amount=Decimal("69.00"))
DEBITED = TransferUpdated(status="debited")

UPDATE = UpdateTransfer(aggregate_id=TRANSFER, status="debited")
COMPLETE = CompleteTransfer(aggregate_id=TRANSFER)
FAIL = FailTransfer(aggregate_id=TRANSFER, reason="account_closed")
MUSTS = [(COMPLETE, complete_transfer), (FAIL, fail_transfer)]


def start(source: UUID = SOURCE, target: UUID = TARGET, amount: str = "69.00") -> StartTransfer:
    return StartTransfer(
        aggregate_id=TRANSFER,
        from_account_id=source,
        to_account_id=target,
        amount=Decimal(amount),
    )


def transfer(*events: object) -> Stream:
    return Stream(Transfer, TRANSFER, STARTED, *events)


def test_a_transfer_starts_between_two_accounts_also_where_the_source_holds_nothing() -> None:
    given(*ACCOUNTS).when(start(), start_transfer).then(STARTED)


def test_a_transfer_does_not_start_within_one_account() -> None:
    within_one = start(target=SOURCE)

    given(*ACCOUNTS).when(within_one, start_transfer).then_refused(errors.SameAccount)
    given().when(within_one, start_transfer).then_refused(errors.SameAccount)


@pytest.mark.parametrize("there", [[], ACCOUNTS[:1], ACCOUNTS[1:]])
def test_a_transfer_does_not_start_where_an_account_is_missing(there: list[Stream]) -> None:
    given(*there).when(start(), start_transfer).then_refused(AggregateNotFound)


def test_a_transfer_does_not_start_from_or_to_what_is_no_account() -> None:
    for source, target in ((TRANSFER, TARGET), (SOURCE, TRANSFER)):
        command = StartTransfer(
            aggregate_id=uuid4(), from_account_id=source, to_account_id=target, amount=Decimal(1)
        )
        given(*ACCOUNTS, transfer()).when(command, start_transfer).then_refused(AggregateNotFound)


def test_a_transfer_does_not_start_twice() -> None:
    given(*ACCOUNTS, transfer()).when(start(), start_transfer).then_refused(AlreadyExists)


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity", "0.001", "1000000000000000"])
def test_an_amount_that_is_none_does_not_reach_the_handler(amount: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        validated(start(amount=amount))

    assert set(caught.value.errors) == {"amount"}


def test_a_transfer_is_debited_then_credited_and_completed_at_once() -> None:
    given(transfer()).when(UPDATE, update_transfer).then(DEBITED)
    given(transfer(DEBITED)).when(COMPLETE, complete_transfer).then(
        TransferUpdated(status="credited"), TransferCompleted()
    )


def test_a_transfer_fails_for_a_reason_before_and_after_its_debit() -> None:
    failed = TransferFailed(reason="account_closed")

    given(transfer()).when(FAIL, fail_transfer).then(failed)
    given(transfer(DEBITED)).when(FAIL, fail_transfer).then(failed)


ENDED = [TransferCompleted(), TransferFailed(reason="boxed")]


@pytest.mark.parametrize("ended", ENDED)
def test_an_update_that_comes_too_late_is_refused(ended: Event) -> None:
    given(transfer(ended)).when(UPDATE, update_transfer).then_refused(errors.TransferEnded)


@pytest.mark.parametrize("ended", ENDED)
@pytest.mark.parametrize(("command", "handler"), MUSTS)
def test_nothing_happens_to_a_transfer_that_has_ended(
    command: Command, handler: Handler, ended: Event
) -> None:
    with pytest.raises(errors.StepNotDone, match=r"has (completed|failed)\."):
        given(transfer(ended)).when(command, handler)


@pytest.mark.parametrize(("command", "handler"), MUSTS)
def test_the_end_of_a_transfer_is_never_refused_but_tried_again(
    command: Command, handler: Handler
) -> None:
    with pytest.raises(errors.StepNotDone) as caught:
        given().when(command, handler)

    assert str(caught.value) == (
        f"There is no transfer with id {TRANSFER}. Check the id. "
        "This step has to be done, so it is tried again."
    )
    assert isinstance(caught.value.refusal, AggregateNotFound)


def test_the_state_tells_what_a_transfer_is_about_and_how_it_ended() -> None:
    subject = Transfer(TRANSFER)
    subject.replay([STARTED, DEBITED])
    about = {"from_account_id": SOURCE, "to_account_id": TARGET, "amount": Decimal("69.00")}
    assert subject.state == TransferState(**about, status="debited")

    subject.fail("account_closed")
    assert subject.state == TransferState(**about, status="failed", reason="account_closed")


def test_a_refusal_names_values_and_remedy() -> None:
    assert str(errors.SameAccount(SOURCE)) == (
        f"Money goes from account {SOURCE} to itself. Name another target."
    )
    assert str(errors.TransferEnded(TRANSFER, "completed")) == (
        f"Transfer {TRANSFER} has completed. Start another one."
    )
