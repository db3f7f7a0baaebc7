"""What can be asked of an account."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from eventstore.commands import Command
from eventstore.fields import ProcessOnly, Text
from ledger.money import Money

Code = Annotated[str, Text(minimum=1, maximum=50, example="CZ-1001")]
Reference = Annotated[str, Text(minimum=0, maximum=140, example="Rent for March")]
#: The transfer that sends the command; None: somebody else does.
TransferId = Annotated[UUID | None, ProcessOnly()]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount(Command):
    """Open an account, empty, for a person."""

    owner_id: UUID
    code: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositMoney(Command):
    """Pay `amount` in.

    `booked_on` is the day it counts for: without one, the day it is recorded.
    """

    amount: Money
    booked_on: date | None = None
    reference: Reference = ""
    transfer_id: TransferId = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawMoney(Command):
    """Pay `amount` out, if the account holds it.

    `booked_on` is the day it counts for: without one, the day it is recorded.
    """

    amount: Money
    booked_on: date | None = None
    reference: Reference = ""
    transfer_id: TransferId = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundMoney(Command):
    """Take back what a transfer has withdrawn and could not deposit.

    Only its process sends this. It is a command of its own because it must not be refused, also
    where a tenant has its own way with deposits.
    """

    amount: Money
    transfer_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseAccount(Command):
    """Close an account for good; its balance must be zero."""
