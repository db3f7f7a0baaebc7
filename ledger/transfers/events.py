"""What has happened to a transfer."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from uuid import UUID

from eventstore.events import Event

#: Debited: the money has left the source. Credited: it has reached the target.
Progress = Literal["debited", "credited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStarted(Event):
    from_account_id: UUID
    to_account_id: UUID
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferUpdated(Event):
    status: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferCompleted(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFailed(Event):
    """The money is where it was. `reason` is the code of the refusal that stopped the transfer."""

    reason: str


TransferEvent = TransferStarted | TransferUpdated | TransferCompleted | TransferFailed
