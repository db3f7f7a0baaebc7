"""An account: never below zero, and closed only when empty; a refund may reach it later."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from eventstore.aggregates import Aggregate
from ledger import errors
from ledger.accounts.events import (
    AccountClosed,
    AccountEvent,
    AccountOpened,
    MoneyDeposited,
    MoneyWithdrawn,
)
from ledger.money import ZERO

#: Keeps every sum far inside the read models' numeric(24, 2); only refunds go beyond.
BALANCE_LIMIT = Decimal(10**16)


@dataclass(slots=True)
class AccountState:
    balance: Decimal = ZERO
    is_closed: bool = False

    def apply(self, event: AccountEvent) -> None:
        match event:
            case MoneyDeposited():
                self.balance += event.amount
            case MoneyWithdrawn():
                self.balance -= event.amount
            case AccountOpened():
                pass
            case AccountClosed():
                self.is_closed = True
            case _:
                assert_never(event)


class Account(Aggregate[AccountState]):
    category = "account"
    state_type = AccountState

    def open(self, owner_id: UUID, code: str) -> None:
        self.record(AccountOpened(owner_id=owner_id, code=code))

    def deposit(
        self,
        amount: Decimal,
        booked_on: date | None,
        reference: str,
        transfer_id: UUID | None = None,
    ) -> None:
        if self.state.is_closed:
            raise errors.AccountClosed(self.id)
        if self.state.balance + amount >= BALANCE_LIMIT:
            raise errors.BalanceTooLarge(self.id, BALANCE_LIMIT)
        self.record(
            MoneyDeposited(
                amount=amount,
                booked_on=booked_on,
                reference=reference or None,
                transfer_id=transfer_id,
            )
        )

    def refund(self, amount: Decimal, transfer_id: UUID) -> None:
        """Take back what a transfer has withdrawn: always, or the money would be nowhere.

        So an account may hold money after it was closed, and a little more than its limit.
        """
        self.record(MoneyDeposited(amount=amount, transfer_id=transfer_id, is_refund=True))

    def withdraw(
        self,
        amount: Decimal,
        booked_on: date | None,
        reference: str,
        transfer_id: UUID | None = None,
    ) -> None:
        """Also from a closed account, as long as it holds money from a refund."""
        if self.state.is_closed and self.state.balance == ZERO:
            raise errors.AccountClosed(self.id)
        if amount > self.state.balance:
            raise errors.InsufficientFunds(self.id, self.state.balance, amount)
        self.record(
            MoneyWithdrawn(
                amount=amount,
                booked_on=booked_on,
                reference=reference or None,
                transfer_id=transfer_id,
            )
        )

    def close(self) -> None:
        if self.state.is_closed:
            raise errors.AccountClosed(self.id)
        if self.state.balance != ZERO:
            raise errors.BalanceNotZero(self.id, self.state.balance)
        self.record(AccountClosed())
