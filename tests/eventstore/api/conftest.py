"""Who inspects, and events that no code of today writes."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from eventstore.application import Application
from eventstore.database import Database
from eventstore.event_types import EventTypes
from eventstore.events import Event
from eventstore.models import StoredEvent, StoredStream, Tenant
from eventstore.store import EventStore
from eventstore.tenancy import Role
from ledger.accounts.events import AccountOpened
from tests.eventstore.high_water_mark.scene import Writer
from tests.eventstore.support import append, raw_connection
from tests.http import Api, api_for


@pytest.fixture
def auditor(application: Application, tenant: Tenant) -> Api:
    return api_for(tenant, Role.AUDITOR, "audrey")


@pytest.fixture
def their_auditor(application: Application, other_tenant: Tenant) -> Api:
    return api_for(other_tenant, Role.AUDITOR, "otto")


@pytest.fixture
def writer(tenant: Tenant) -> Generator[Writer]:
    """Somebody whose transaction stays open until the test ends it."""
    with raw_connection() as raw:
        yield Writer(raw, tenant.id)
        raw.rollback()


@pytest.fixture
def their_api(application: Application, other_tenant: Tenant) -> Api:
    return api_for(other_tenant, user_name="max")


@pytest.fixture
def account(api: Api) -> str:
    """The path of an account with eight events: opened, and paid 1.00 to 7.00."""
    account_id = api.opened_account(api.registered_person())
    for amount in range(1, 8):
        api.send("deposit-money", {"aggregate_id": account_id, "amount": amount})
    return f"/api/streams/account/{account_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositedOnce(Event):
    """`account.money_deposited` in schema version 1: no reference was "", now it is None."""

    amount: Decimal
    booked_on: date | None = None
    reference: str = ""


@pytest.fixture
def old_account(application: Application, tenant: Tenant) -> UUID:
    """An account whose second event was stored when there was only schema version 1."""
    events, account_id = EventTypes(), uuid4()
    events.name(AccountOpened, "account.opened")
    events.name(DepositedOnce, "account.money_deposited", schema_version=1)
    append(
        EventStore(Database(), events),
        tenant.id,
        account_id,
        AccountOpened(owner_id=uuid4(), code="1"),
        DepositedOnce(amount=Decimal("12.30")),
    )
    return account_id


def store_raw(stream: StoredStream, data: str, **columns: object) -> int:
    """The position of an event at the stream's end, stored by code that is not here."""
    last = StoredEvent.objects.get(stream=stream, version=stream.version)
    values = {"type": "account.blessed", "schema_version": 7, "metadata": last.metadata} | columns
    stored = StoredEvent.objects.create(
        stream=stream,
        version=stream.version + 1,
        tenant_id=stream.tenant_id,
        data=data,
        recorded_at=last.recorded_at,
        hash=b"\xab" * 32,
        **values,
    )
    StoredStream.objects.filter(pk=stream.pk).update(version=stream.version + 1)
    return stored.position
