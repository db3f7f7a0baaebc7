"""What the domain refuses. Each is stored as the command's answer and replayed with its id."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from uuid import UUID

from eventstore.errors import DaybookError, Refusal
from eventstore.process_managers import CommandRefused


class NotRenamed(Refusal):
    """The person has this very name already."""

    code = "not_renamed"

    def __init__(self, person_id: UUID) -> None:
        self.person_id = person_id
        # Not which: an answer stays in the log when the person's own data is boxed.
        super().__init__(f"Person {person_id} has this name already. Send another one.")


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


class SameAccount(Refusal):
    """Source and target of the transfer are one account."""

    code = "same_account"

    def __init__(self, account_id: UUID) -> None:
        self.account_id = account_id
        super().__init__(f"Money goes from account {account_id} to itself. Name another target.")


class TransferEnded(Refusal):
    """The transfer has ended, so nothing can happen to it any more."""

    code = "transfer_ended"

    def __init__(self, transfer_id: UUID, status: str) -> None:
        self.transfer_id = transfer_id
        self.status = status
        super().__init__(f"Transfer {transfer_id} has {status}. Start another one.")


# Not refused, but tried again --------------------------------------------------------------------


class StepNotDone(DaybookError):
    """A step of a process that has no other way on, so that nobody may refuse it."""

    code = "step_not_done"

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(f"{refusal} This step has to be done, so it is tried again.")


@contextmanager
def never_refused() -> Iterator[None]:
    """What would be a command's refusal, such as Boxed, becomes a fault, and is tried again.

    A refusal is final. A fault stands in the command log as `failed` after five attempts, and an
    operator can remove the cause and retry.
    """
    try:
        yield
    except Refusal as refusal:
        raise StepNotDone(refusal) from refusal


class ProcessStuck(DaybookError):
    """A process manager's command was refused that has to be done; only an override can do that.

    Raised by `react`, it sets the reaction aside, for everybody to see.
    """

    code = "process_stuck"

    def __init__(self, what: str, refused: CommandRefused) -> None:
        self.refused = refused
        super().__init__(
            f"{what} cannot end, since {refused.command} was refused ({refused.code}). Remove the "
            "cause, an override for one, and retry this step: the command is then sent again."
        )
