"""What the projections of bookings share."""

from datetime import date, datetime

from ledger.accounts.events import MoneyDeposited, MoneyWithdrawn

Booking = MoneyDeposited | MoneyWithdrawn


def day_of(booking: Booking, recorded_at: datetime) -> date:
    """The day that it counts for: the one it names, else that of its recording, which is UTC."""
    return booking.booked_on or recorded_at.date()
