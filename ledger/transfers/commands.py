"""What can be asked of a transfer. All but the first is what only its process sends."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from eventstore.commands import Command
from eventstore.fields import Text
from ledger.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTransfer(Command):
    """Move `amount` from one account to another.

    It answers once the transfer is started; how that ends is told by the transfer itself.
    """

    from_account_id: UUID
    to_account_id: UUID
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateTransfer(Command):
    """Note that the money has left the source."""

    status: Literal["debited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteTransfer(Command):
    """Note that the money has reached the target, which ends the transfer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailTransfer(Command):
    """Note that the money is where it was, and why; that ends the transfer."""

    reason: Annotated[str, Text(minimum=1, maximum=100, example="insufficient_funds")]
