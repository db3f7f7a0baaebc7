"""What has happened to an account."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from eventstore.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOpened(Event):
    owner_id: UUID
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyDeposited(Event):
    """`booked_on` None: the UTC day of `recorded_at`. `transfer_id` None: not by a transfer.

    A refund is money of a failed transfer that is back in the account it came from.
    """

    amount: Decimal
    booked_on: date | None = None
    reference: str | None = None
    transfer_id: UUID | None = None
    is_refund: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyWithdrawn(Event):
    """`booked_on` None: the UTC day of `recorded_at`. `transfer_id` None: not by a transfer."""

    amount: Decimal
    booked_on: date | None = None
    reference: str | None = None
    transfer_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountClosed(Event):
    pass


AccountEvent = AccountOpened | MoneyDeposited | MoneyWithdrawn | AccountClosed
