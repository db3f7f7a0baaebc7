"""Every command of an account, and every reason to refuse it. No database."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from eventstore.commands import Command
from eventstore.errors import AggregateNotFound, AlreadyExists
from eventstore.testing import Stream, given
from ledger import errors
from ledger.accounts.aggregate import BALANCE_LIMIT, Account, AccountState
from ledger.accounts.commands import (
    CloseAccount,
    DepositMoney,
    OpenAccount,
    RefundMoney,
    WithdrawMoney,
)
from ledger.accounts.events import AccountClosed, AccountOpened, MoneyDeposited, MoneyWithdrawn
from ledger.accounts.handlers import (
    close_account,
    deposit_money,
    open_account,
    refund_money,
    withdraw_money,
)
from ledger.persons.aggregate import Person
from ledger.persons.events import PersonRegistered

ALICE, ACCOUNT, TRANSFER = uuid4(), uuid4(), uuid4()
PERSON = Stream(Person, ALICE, PersonRegistered(first_name="Alice", last_name="Cooper"))
OPENED = AccountOpened(owner_id=ALICE, code="4711")
OPEN = OpenAccount(aggregate_id=ACCOUNT, owner_id=ALICE, code="4711")
CLOSE = CloseAccount(aggregate_id=ACCOUNT)


def paid_in(amount: str) -> MoneyDeposited:
    return MoneyDeposited(amount=Decimal(amount))


def paid_out(amount: str) -> MoneyWithdrawn:
    return MoneyWithdrawn(amount=Decimal(amount))


def deposit(amount: str) -> DepositMoney:
    return DepositMoney(aggregate_id=ACCOUNT, amount=Decimal(amount))


def withdraw(amount: str) -> WithdrawMoney:
    return WithdrawMoney(aggregate_id=ACCOUNT, amount=Decimal(amount))


def refund(amount: str) -> RefundMoney:
    return RefundMoney(aggregate_id=ACCOUNT, amount=Decimal(amount), transfer_id=TRANSFER)


def paid_back(amount: str) -> MoneyDeposited:
    return MoneyDeposited(amount=Decimal(amount), transfer_id=TRANSFER, is_refund=True)


def account(*events: object) -> Stream:
    return Stream(Account, ACCOUNT, OPENED, *events)


CLOSED = account(AccountClosed())


def test_an_account_is_opened_for_a_person() -> None:
    given(PERSON).when(OPEN, open_account).then(OPENED)


def test_an_account_is_not_opened_for_nobody() -> None:
    given().when(OPEN, open_account).then_refused(AggregateNotFound)


def test_an_account_is_not_opened_for_an_account() -> None:
    given(Stream(Account, ALICE, OPENED)).when(OPEN, open_account).then_refused(AggregateNotFound)


def test_an_account_is_not_opened_twice() -> None:
    given(PERSON, account()).when(OPEN, open_account).then_refused(AlreadyExists)


def test_a_person_may_have_several_accounts() -> None:
    other = Stream(Account, uuid4(), OPENED)

    given(PERSON, other).when(OPEN, open_account).then(OPENED)


def test_money_is_deposited() -> None:
    given(account()).when(deposit("0.01"), deposit_money).then(paid_in("0.01"))


def test_a_booking_keeps_its_day_and_its_reference() -> None:
    booked = {"amount": Decimal("5.00"), "booked_on": date(2024, 2, 29), "reference": "Rent"}

    given(account()).when(DepositMoney(aggregate_id=ACCOUNT, **booked), deposit_money).then(
        MoneyDeposited(**booked)
    )
    given(account(paid_in("5.00"))).when(
        WithdrawMoney(aggregate_id=ACCOUNT, **booked), withdraw_money
    ).then(MoneyWithdrawn(**booked))


def test_a_deposit_may_fill_an_account_almost_to_its_limit() -> None:
    almost = account(*[paid_in("999999999999999.99")] * 10)

    given(almost).when(deposit("0.09"), deposit_money).then(paid_in("0.09"))


def test_a_deposit_that_reaches_the_limit_is_refused() -> None:
    almost = account(*[paid_in("999999999999999.99")] * 10)

    given(almost).when(deposit("0.10"), deposit_money).then_refused(errors.BalanceTooLarge)
    assert Decimal("999999999999999.99") * 10 + Decimal("0.10") == BALANCE_LIMIT


def test_money_is_withdrawn_down_to_nothing() -> None:
    given(account(paid_in("10.00"))).when(withdraw("10.00"), withdraw_money).then(
        paid_out("10.00")
    )


@pytest.mark.parametrize(
    ("history", "amount"),
    [
        ([], "0.01"),
        ([paid_in("10.00")], "10.01"),
        ([paid_in("10.00"), paid_out("4.00")], "6.01"),
        ([paid_in("0.10")] * 3, "0.31"),
    ],
)
def test_more_than_an_account_holds_is_not_withdrawn(history: list[object], amount: str) -> None:
    given(account(*history)).when(withdraw(amount), withdraw_money).then_refused(
        errors.InsufficientFunds
    )


def test_an_empty_account_is_closed() -> None:
    given(account()).when(CLOSE, close_account).then(AccountClosed())
    given(account(paid_in("1.00"), paid_out("1.00"))).when(CLOSE, close_account).then(
        AccountClosed()
    )


def test_an_account_that_holds_money_is_not_closed() -> None:
    given(account(paid_in("0.01"))).when(CLOSE, close_account).then_refused(errors.BalanceNotZero)


@pytest.mark.parametrize(
    ("command", "handler"),
    [
        (deposit("1.00"), deposit_money),
        (withdraw("1.00"), withdraw_money),
        (CLOSE, close_account),
    ],
)
def test_a_closed_account_takes_no_command(command: Command, handler: object) -> None:
    given(CLOSED).when(command, handler).then_refused(errors.AccountClosed)


def test_bookings_of_a_transfer_name_it() -> None:
    booked = {"amount": Decimal("5.00"), "transfer_id": TRANSFER}

    given(account()).when(DepositMoney(aggregate_id=ACCOUNT, **booked), deposit_money).then(
        MoneyDeposited(**booked)
    )
    given(account(paid_in("5.00"))).when(
        WithdrawMoney(aggregate_id=ACCOUNT, **booked), withdraw_money
    ).then(MoneyWithdrawn(**booked))


def test_a_refund_reaches_an_account_whatever_its_state() -> None:
    full = account(*[paid_in("999999999999999.99")] * 10)

    for state in (account(), CLOSED, full):
        given(state).when(refund("69.00"), refund_money).then(paid_back("69.00"))


def test_a_refund_is_never_refused_but_tried_again() -> None:
    with pytest.raises(errors.StepNotDone, match="There is no account"):
        given().when(refund("69.00"), refund_money)


def test_a_refund_can_be_withdrawn_from_a_closed_account_and_nothing_beyond_it() -> None:
    refunded = account(AccountClosed(), paid_back("69.00"))

    given(refunded).when(withdraw("69.00"), withdraw_money).then(paid_out("69.00"))
    given(refunded).when(withdraw("69.01"), withdraw_money).then_refused(errors.InsufficientFunds)
    emptied = account(AccountClosed(), paid_back("69.00"), paid_out("69.00"))
    given(emptied).when(withdraw("0.01"), withdraw_money).then_refused(errors.AccountClosed)


def test_a_closed_account_with_a_refund_stays_closed() -> None:
    refunded = account(AccountClosed(), paid_back("69.00"))

    given(refunded).when(deposit("1.00"), deposit_money).then_refused(errors.AccountClosed)
    given(refunded).when(CLOSE, close_account).then_refused(errors.AccountClosed)


@pytest.mark.parametrize(
    ("command", "handler"),
    [
        (deposit("1.00"), deposit_money),
        (withdraw("1.00"), withdraw_money),
        (CLOSE, close_account),
    ],
)
def test_an_account_that_is_not_there_takes_no_command(command: Command, handler: object) -> None:
    given().when(command, handler).then_refused(AggregateNotFound)


def test_a_refused_command_leaves_the_state_as_it_was() -> None:
    subject = Account(ACCOUNT)
    subject.replay([OPENED, paid_in("10.00")])

    with pytest.raises(errors.InsufficientFunds):
        subject.withdraw(Decimal("11.00"), None, "")

    assert subject.state == AccountState(balance=Decimal("10.00"))
    assert subject.pending == []


def test_a_refusal_names_values_and_remedy() -> None:
    refusal = errors.InsufficientFunds(ACCOUNT, Decimal("1.00"), Decimal("2.00"))

    assert (refusal.balance, refusal.amount) == (Decimal("1.00"), Decimal("2.00"))
    assert str(refusal) == (
        f"Account {ACCOUNT} holds 1.00, which is less than 2.00. "
        "Deposit money first, or withdraw less."
    )
