"""What the tests of the backbone share: calls at the same time, raw connections, a small world."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from threading import Barrier
from typing import Any, TypeVar
from uuid import UUID, uuid4

import psycopg
from django.db import connection, connections, transaction

from eventstore.application import Application
from eventstore.boxed_events import BoxedEvents
from eventstore.commands import Command, Result
from eventstore.drafts import Recording
from eventstore.events import Event, Origin, RecordedEvent
from eventstore.hash_chain import GENESIS
from eventstore.models import StoredCommand, StoredEvent, StoredStream
from eventstore.reading import EventReader
from eventstore.store import EventStore
from eventstore.tenancy import Actor
from ledger.accounts.commands import DepositMoney, OpenAccount, WithdrawMoney
from ledger.persons.commands import RegisterPerson
from projections.models import AccountSummary

T = TypeVar("T")

#: How long a test waits for another thread before it gives up, in seconds.
PATIENCE = 30


def at_once(*calls: Callable[[], T]) -> list[T | Exception]:
    """Run each call in a thread with a database connection of its own, all from one barrier.

    Returns what each returned or raised, in the order of the calls.
    """
    barrier = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | Exception:
        try:
            connection.ensure_connection()
            barrier.wait(PATIENCE)
            return call()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def raw_connection(**options: Any) -> psycopg.Connection[Any]:
    """A plain psycopg connection to the test database, as psql would have it."""
    settings = connection.settings_dict
    return psycopg.connect(
        dbname=settings["NAME"],
        user=settings.get("USER") or None,
        password=settings.get("PASSWORD") or None,
        host=settings.get("HOST") or None,
        port=settings.get("PORT") or None,
        **options,
    )


@dataclass(frozen=True)
class World:
    """An application and someone who uses it."""

    application: Application
    actor: Actor

    def send(self, command: Command, **options: Any) -> Result:
        return self.application.bus.send(command, actor=self.actor, **options)

    def person(self, first_name: str = "Alice", last_name: str = "Cooper") -> UUID:
        """The id of a new person."""
        person_id = uuid4()
        self.send(
            RegisterPerson(aggregate_id=person_id, first_name=first_name, last_name=last_name)
        )
        return person_id

    def account(self, holding: str = "0.00", owner_id: UUID | None = None) -> UUID:
        """The id of a new account that holds so much."""
        account_id = uuid4()
        owner_id = owner_id or self.person()
        self.send(OpenAccount(aggregate_id=account_id, owner_id=owner_id, code="1"))
        if Decimal(holding):
            self.deposit(account_id, holding)
        return account_id

    def deposit(self, account_id: UUID, amount: str = "1.00", **options: Any) -> Result:
        return self.send(DepositMoney(aggregate_id=account_id, amount=Decimal(amount)), **options)

    def withdraw(self, account_id: UUID, amount: str = "1.00", **options: Any) -> Result:
        return self.send(WithdrawMoney(aggregate_id=account_id, amount=Decimal(amount)), **options)

    def balance(self, account_id: UUID) -> Decimal:
        """What the read model says."""
        summary = AccountSummary.objects.get(tenant_id=self.actor.tenant_id, account_id=account_id)
        return summary.balance


def recording(tenant_id: UUID) -> Recording:
    """The circumstances of an append outside a command, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    origin = Origin(user="mary", correlation_id=uuid4(), causation_id=None)
    return Recording(tenant_id=tenant_id, origin=origin, recorded_at=now)


def append(
    store: EventStore,
    tenant_id: UUID,
    aggregate_id: UUID,
    *events: Event,
    category: str = "account",
    expected_version: int = 0,
    head_hash: bytes = GENESIS,
) -> list[RecordedEvent[Event]]:
    """Append in a transaction of its own."""
    with transaction.atomic():
        return store.append(
            category,
            aggregate_id,
            events,
            expected_version=expected_version,
            head_hash=head_hash,
            recording=recording(tenant_id),
        )


def reader_of(application: Application, page_size: int) -> EventReader:
    """One that reads so many events at once."""
    boxed = BoxedEvents(application.database, application.cold_storage)
    return EventReader(application.database, application.events, boxed, page_size=page_size)


def stored_counts() -> tuple[int, int, int]:
    """How many streams, events and commands there are."""
    return (
        StoredStream.objects.count(),
        StoredEvent.objects.count(),
        StoredCommand.objects.count(),
    )
