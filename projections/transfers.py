"""`transfer_summary`: each transfer, how far it has come and how it ended."""

from datetime import datetime
from typing import assert_never, get_args

from eventstore.events import RecordedEvent
from eventstore.projections import Latest, Projection, Rows, Table
from ledger.transfers.events import (
    TransferCompleted,
    TransferEvent,
    TransferFailed,
    TransferStarted,
    TransferUpdated,
)
from projections.models import TransferSummary


def project_transfer_summary(recorded: RecordedEvent[TransferEvent], rows: Rows) -> None:
    event = recorded.event
    match event:
        case TransferStarted():
            rows.insert(
                TransferSummary,
                recorded.aggregate_id,
                from_account_id=event.from_account_id,
                to_account_id=event.to_account_id,
                amount=event.amount,
                started_at=recorded.recorded_at,
                version=recorded.version,
                updated_at=recorded.recorded_at,
            )
        case TransferUpdated():
            # Credited comes with completed, in one append, so that nobody sees it here.
            _change(recorded, rows, status=TransferSummary.Status.DEBITED.value)
        case TransferCompleted():
            status = TransferSummary.Status.COMPLETED.value
            _change(recorded, rows, status=status, ended_at=recorded.recorded_at)
        case TransferFailed():
            _change(
                recorded,
                rows,
                status=TransferSummary.Status.FAILED.value,
                reason=event.reason,
                ended_at=recorded.recorded_at,
            )
        case _:
            assert_never(event)


def _change(recorded: RecordedEvent[TransferEvent], rows: Rows, **changes: str | datetime) -> None:
    rows.update(
        TransferSummary,
        recorded.aggregate_id,
        version=recorded.version,
        updated_at=Latest(recorded.recorded_at),
        **changes,
    )


TRANSFER_SUMMARY = Projection(
    name="transfer_summary",
    project=project_transfer_summary,
    events=get_args(TransferEvent),
    tables=(Table(TransferSummary, key=("transfer_id",)),),
)
