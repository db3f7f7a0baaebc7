"""Streams that cannot be read as they should: refused whole, never given in part."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import connection

from eventstore.application import Application
from eventstore.database import Database
from eventstore.errors import CorruptStream, UnknownEventType
from eventstore.event_types import EventTypes
from eventstore.events import Event
from eventstore.models import StoredStream, Tenant
from eventstore.store import EventStore
from ledger.accounts.events import AccountOpened, MoneyDeposited
from tests.eventstore.forgery import forge
from tests.eventstore.support import append

OPENED = AccountOpened(owner_id=UUID(int=7), code="1")
PAID_IN = MoneyDeposited(amount=Decimal("12.30"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten(Event):
    """An event that only an older version of the code knew."""


@pytest.fixture
def store(application: Application) -> EventStore:
    return application.store


def test_a_stream_with_an_unknown_event_type_refuses_to_load(tenant: Tenant) -> None:
    older = EventTypes()
    older.name(Forgotten, "account.forgotten")
    account = uuid4()
    append(EventStore(Database(), older), tenant.id, account, Forgotten())

    with pytest.raises(UnknownEventType, match=r"account\.forgotten, schema version 1"):
        EventStore(Database(), EventTypes()).load(tenant.id, account)


def test_a_stream_with_an_unknown_schema_version_refuses_to_load(
    store: EventStore, tenant: Tenant
) -> None:
    newer = EventTypes()
    newer.name(AccountOpened, "account.opened", schema_version=2)
    account = uuid4()
    append(EventStore(Database(), newer), tenant.id, account, OPENED)

    with pytest.raises(UnknownEventType, match="schema version 2"):
        store.load(tenant.id, account)


@pytest.mark.parametrize("lost_version", [1, 2, 3])
def test_a_stream_with_a_lost_event_refuses_to_load(
    store: EventStore, tenant: Tenant, lost_version: int
) -> None:
    account = uuid4()
    append(store, tenant.id, account, OPENED, PAID_IN, PAID_IN)
    delete_as_the_owner_could(lost_version)

    with pytest.raises(CorruptStream, match=r"manage\.py verify"):
        store.load(tenant.id, account)


def test_a_stream_that_lost_all_its_events_refuses_to_load(
    store: EventStore, tenant: Tenant
) -> None:
    account = uuid4()
    append(store, tenant.id, account, OPENED)
    delete_as_the_owner_could(1)

    with pytest.raises(CorruptStream, match="at version 1, but its events end at 0"):
        store.load(tenant.id, account)


def test_events_are_loaded_by_version_wherever_their_rows_lie(
    store: EventStore, tenant: Tenant
) -> None:
    account = uuid4()
    stream = StoredStream.objects.create(
        tenant=tenant, category="account", aggregate_id=account, version=3, head_hash=b""
    )
    amounts = {3: "3.00", 1: "1.00", 2: "2.00"}
    with connection.cursor() as cursor:
        for version, amount in amounts.items():
            cursor.execute(
                "INSERT INTO eventstore_event (stream_id, version, tenant_id, type,"
                " schema_version, data, metadata, recorded_at, hash) VALUES (%s, %s, %s,"
                " 'account.money_deposited', 1, %s::json, '{}', now(), '')",
                [stream.id, version, tenant.id, f'{{"amount":"{amount}"}}'],
            )

    events = store.load(tenant.id, account).events

    assert events == [MoneyDeposited(amount=Decimal(amounts[n])) for n in (1, 2, 3)]


def delete_as_the_owner_could(version: int) -> None:
    """Damage the table as only its owner can: with the guards taken off on purpose."""
    forge("DELETE FROM eventstore_event WHERE version = %(version)s", version=version)
