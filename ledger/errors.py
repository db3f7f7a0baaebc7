"""What the domain refuses. Each is stored as the command's answer and replayed with its id."""

from decimal import Decimal
from uuid import UUID

from eventstore.errors import Refusal


class NotRenamed(Refusal):
    """The person has this very name already."""

    code = "not_renamed"

    def __init__(self, person_id: UUID, name: str) -> None:
        self.person_id = person_id
        self.name = name
        super().__init__(f"Person {person_id} is called {name} already. Send another name.")


class InsufficientFunds(Refusal):
    """The account holds less than is to be paid out."""

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
    """The account is closed, for good."""

    code = "account_closed"

    def __init__(self, account_id: UUID) -> None:
        self.account_id = account_id
        super().__init__(f"Account {account_id} is closed. Use or open another one.")


class BalanceNotZero(Refusal):
    """The account still holds money, so it cannot be closed."""

    code = "balance_not_zero"

    def __init__(self, account_id: UUID, balance: Decimal) -> None:
        self.account_id = account_id
        self.balance = balance
        super().__init__(
            f"Account {account_id} still holds {balance}. Withdraw it before closing the account."
        )


class BalanceTooLarge(Refusal):
    """The account would hold more than any account may."""

    code = "balance_too_large"

    def __init__(self, account_id: UUID, limit: Decimal) -> None:
        self.account_id = account_id
        self.limit = limit
        super().__init__(f"Account {account_id} may not hold {limit} or more. Deposit less.")
