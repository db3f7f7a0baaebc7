"""What the domain refuses. Each is stored as the command's answer and replayed with its id."""

from decimal import Decimal
from uuid import UUID

from eventstore.errors import Refusal


class NotRenamed(Refusal):
    code = "not_renamed"

    def __init__(self, person_id: UUID, name: str) -> None:
        self.person_id = person_id
        self.name = name
        super().__init__(f"Person {person_id} is called {name} already. Send another name.")


class InsufficientFunds(Refusal):
    code = "insufficient_funds"

    def __init__(self, account_id: UUID, balance: Decimal, amount: Decimal) -> None:
        self.account_id = account_id
        self.balance = balance
        self.amount = amount
        super().__init__(
            f"Account {account_id} holds {balance}, which is less than {amount}. "
            "Deposit money first, or withdraw less."
        )


class AccountClosed(Refusal):
    code = "account_closed"

    def __init__(self, account_id: UUID) -> None:
        self.account_id = account_id
        super().__init__(f"Account {account_id} is closed. Use or open another one.")


class BalanceNotZero(Refusal):
    code = "balance_not_zero"

    def __init__(self, account_id: UUID, balance: Decimal) -> None:
        self.account_id = account_id
        self.balance = balance
        super().__init__(
            f"Account {account_id} still holds {balance}. Withdraw it before closing the account."
        )


class BalanceTooLarge(Refusal):
    code = "balance_too_large"

    def __init__(self, account_id: UUID, limit: Decimal) -> None:
        self.account_id = account_id
        self.limit = limit
        super().__init__(f"Account {account_id} may not hold {limit} or more. Deposit less.")
