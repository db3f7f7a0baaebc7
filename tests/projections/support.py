"""Events as the store gives them back, made by hand; and a worker beside a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Event as Flag
from threading import Thread
from uuid import UUID, uuid4

from django.db import connections

from eventstore.application import Application
from eventstore.events import Event, RecordedEvent
from ledger.accounts.events import MoneyDeposited, MoneyWithdrawn

TENANT, OTHER_TENANT = UUID(int=1), UUID(int=2)
#: The first event's time; each later one is recorded an hour after the one before.
START = datetime(1994, 3, 31, 12, tzinfo=UTC)


class History:
    """Events in the order of positions, and in each stream of versions."""

    def __init__(self) -> None:
        self.events: list[RecordedEvent[Event]] = []
        self._versions: dict[tuple[UUID, UUID], int] = {}

    def record(self, aggregate_id: UUID, *events: Event, tenant_id: UUID = TENANT) -> None:
        for event in events:
            place = (tenant_id, aggregate_id)
            self._versions[place] = self._versions.get(place, 0) + 1
            number = len(self.events)
            self.events.append(
                RecordedEvent(
                    event=event,
                    position=10 * (number + 1),
                    tenant_id=tenant_id,
                    category="account",
                    aggregate_id=aggregate_id,
                    version=self._versions[place],
                    type="",
                    schema_version=1,
                    recorded_at=START + number * timedelta(hours=1),
                    correlation_id=uuid4(),
                    causation_id=None,
                    user="mary",
                    hash=b"",
                )
            )


def deposit(amount: str, booked_on: str = "", reference: str | None = None) -> MoneyDeposited:
    day = date.fromisoformat(booked_on) if booked_on else None
    return MoneyDeposited(amount=Decimal(amount), booked_on=day, reference=reference)


def withdrawal(amount: str, booked_on: str = "", reference: str | None = None) -> MoneyWithdrawn:
    day = date.fromisoformat(booked_on) if booked_on else None
    return MoneyWithdrawn(amount=Decimal(amount), booked_on=day, reference=reference)


@contextmanager
def working(application: Application) -> Iterator[None]:
    """A worker for as long as this lasts, which looks for work all the time."""
    enough = Flag()

    def work() -> None:
        try:
            while not enough.wait(0.02):
                application.subscriptions.work()
        finally:
            connections.close_all()

    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()
