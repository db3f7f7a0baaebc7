"""`daily_totals`: what was booked for each day. A late booking corrects the day it counts for."""

from typing import assert_never

from eventstore.events import RecordedEvent
from eventstore.projections import Latest, Plus, Projection, Rows, Table
from ledger.accounts.events import MoneyDeposited, MoneyWithdrawn
from projections.bookings import Booking, day_of
from projections.models import DailyTotals


def project_daily_totals(recorded: RecordedEvent[Booking], rows: Rows) -> None:
    event = recorded.event
    match event:
        case MoneyDeposited():
            _add(recorded, rows, deposit_count=Plus(1), deposited=Plus(event.amount))
        case MoneyWithdrawn():
            _add(recorded, rows, withdrawal_count=Plus(1), withdrawn=Plus(event.amount))
        case _:
            assert_never(event)


def _add(recorded: RecordedEvent[Booking], rows: Rows, **sums: Plus) -> None:
    rows.upsert(
        DailyTotals,
        day_of(recorded.event, recorded.recorded_at),
        version=Plus(1),
        updated_at=Latest(recorded.recorded_at),
        **sums,
    )


DAILY_TOTALS = Projection(
    name="daily_totals",
    project=project_daily_totals,
    events=(MoneyDeposited, MoneyWithdrawn),
    tables=(Table(DailyTotals, key=("booked_on",)),),
)
