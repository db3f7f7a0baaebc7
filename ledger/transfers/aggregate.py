"""A transfer: money on its way between two accounts, until it has arrived or is back."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, assert_never
from uuid import UUID

from eventstore.aggregates import Aggregate
from ledger import errors
from ledger.money import ZERO
from ledger.transfers.events import (
    Progress,
    TransferCompleted,
    TransferEvent,
    TransferFailed,
    TransferStarted,
    TransferUpdated,
)


@dataclass(slots=True)
class TransferState:
    """What it is about, and how far it has come; the money itself is the accounts' matter."""

    from_account_id: UUID | None = None
    to_account_id: UUID | None = None
    amount: Decimal = ZERO
    status: Literal["started", "debited", "credited", "completed", "failed"] = "started"
    reason: str = ""

    def apply(self, event: TransferEvent) -> None:
        match event:
            case TransferStarted():
                self.from_account_id = event.from_account_id
                self.to_account_id = event.to_account_id
                self.amount = event.amount
            case TransferUpdated():
                self.status = event.status
            case TransferCompleted():
                self.status = "completed"
            case TransferFailed():
                self.status = "failed"
                self.reason = event.reason
            case _:
                assert_never(event)


class Transfer(Aggregate[TransferState]):
    category = "transfer"
    state_type = TransferState

    def start(self, from_account_id: UUID, to_account_id: UUID, amount: Decimal) -> None:
        if from_account_id == to_account_id:
            raise errors.SameAccount(from_account_id)
        self.record(
            TransferStarted(
                from_account_id=from_account_id, to_account_id=to_account_id, amount=amount
            )
        )

    def update(self, status: Progress) -> None:
        self._check_running()
        self.record(TransferUpdated(status=status))

    def complete(self) -> None:
        self._check_running()
        self.record(TransferUpdated(status="credited"))
        self.record(TransferCompleted())

    def fail(self, reason: str) -> None:
        self._check_running()
        self.record(TransferFailed(reason=reason))

    def _check_running(self) -> None:
        if self.state.status in ("completed", "failed"):
            raise errors.TransferEnded(self.id, self.state.status)
