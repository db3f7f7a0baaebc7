"""Fills the event store with whole histories in seconds: persons, their accounts, and bookings.

What projections read of an event is as a command would have written it. The accounts take turns,
so that no two bookings of one follow each other: the hardest order for whoever keeps rows.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import connections

from eventstore.application import Application
from ledger.accounts.events import AccountOpened, MoneyDeposited, MoneyWithdrawn
from ledger.persons.events import PersonRegistered
from tests.benchmarks.measuring import Booking, Size

#: Every fifth booking of an account is a withdrawal.
WITHDRAWN = 5

STREAMS = """
INSERT INTO eventstore_stream
    (tenant_id, category, aggregate_id, version, head_hash, status, incarnation)
SELECT %(tenant_id)s, %(category)s, aggregate_id, 1, decode(repeat('00', 32), 'hex'), 'active', 0
FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS new(aggregate_id, number)
ORDER BY number
"""

COLUMNS = "stream_id, version, tenant_id, type, schema_version, data, metadata, recorded_at, hash"
METADATA = """
format('{"user":"mary","correlation_id":"%%s","causation_id":"%%s"}',
       gen_random_uuid(), gen_random_uuid())::json
"""

# The first event of each stream; the owner of an account stands beside it.
FIRST_EVENTS = f"""
INSERT INTO eventstore_event ({COLUMNS})
SELECT s.id, 1, s.tenant_id, %(type)s, %(schema_version)s,
       CASE s.category
       WHEN 'person' THEN format('{{"first_name":"Client","last_name":"%%s"}}', number)
       ELSE format('{{"owner_id":"%%s","code":"CZ-%%s"}}', owner_id, number) END::json,
       {METADATA}, clock_timestamp(), s.head_hash
FROM ROWS FROM (unnest(%(ids)s::uuid[]), unnest(%(owners)s::uuid[]))
     WITH ORDINALITY AS new(aggregate_id, owner_id, number)
JOIN eventstore_stream AS s USING (aggregate_id)
WHERE s.tenant_id = %(tenant_id)s
ORDER BY number
"""

BOOKINGS = f"""
INSERT INTO eventstore_event ({COLUMNS})
SELECT s.id, 1 + v, s.tenant_id,
       CASE WHEN v %% {WITHDRAWN} = 0 THEN %(withdrawn)s ELSE %(deposited)s END,
       CASE WHEN v %% {WITHDRAWN} = 0 THEN %(withdrawn_schema)s ELSE %(deposited_schema)s END,
       format(CASE WHEN v %% {WITHDRAWN} = 0
              THEN '{{"amount":"%%s","booked_on":null,"reference":"Rent","transfer_id":null}}'
              ELSE '{{"amount":"%%s","booked_on":null,"reference":"Salary","transfer_id":null,'
                   '"is_refund":false}}' END,
              ((100 + v %% 900) / 100.0)::numeric(9, 2))::json,
       {METADATA}, clock_timestamp(), s.head_hash
FROM generate_series(1, %(versions)s) AS v
JOIN eventstore_stream AS s ON s.tenant_id = %(tenant_id)s AND s.category = 'account'
ORDER BY v, s.id
"""
BOOKED = """
UPDATE eventstore_stream SET version = 1 + %(versions)s
WHERE tenant_id = %(tenant_id)s AND category = 'account'
"""
# As autovacuum would, which would otherwise do it while somebody measures.
VACUUM = "VACUUM ANALYZE eventstore_event, eventstore_stream"


@dataclass(frozen=True, slots=True)
class Lives(Size):
    """`accounts`, each with an owner of its own, are opened, and then booked on `prior` times."""

    def scaled(self, scale: float) -> "Lives":
        accounts = max(2, round(self.accounts * scale))
        events = accounts * (2 + self.prior)
        # One turn: who rebuilds does it as a whole.
        return Lives(accounts=accounts, prior=self.prior, bookings=events, run=events)

    def batch(self) -> list[Booking]:
        """One for each event, so that rates are events a second."""
        return [Booking(0, Decimal(0))] * self.bookings


def open_accounts(application: Application, tenant_id: UUID, number: int) -> None:
    """Give a tenant without streams so many persons, each with an account."""
    persons, accounts = ([uuid4() for _ in range(number)] for _ in range(2))
    for category, ids, event in (
        ("person", persons, PersonRegistered),
        ("account", accounts, AccountOpened),
    ):
        event_type = application.events.of(event)
        parameters: dict[str, Any] = {
            "tenant_id": tenant_id,
            "category": category,
            "ids": ids,
            "owners": persons,
            "type": event_type.name,
            "schema_version": event_type.schema_version,
        }
        _execute(application, STREAMS, parameters)
        _execute(application, FIRST_EVENTS, parameters)
    _execute(application, VACUUM)


def book(application: Application, tenant_id: UUID, versions: int) -> None:
    """Book on each of these accounts so many times."""
    deposited = application.events.of(MoneyDeposited)
    withdrawn = application.events.of(MoneyWithdrawn)
    parameters = {
        "tenant_id": tenant_id,
        "versions": versions,
        "deposited": deposited.name,
        "deposited_schema": deposited.schema_version,
        "withdrawn": withdrawn.name,
        "withdrawn_schema": withdrawn.schema_version,
    }
    _execute(application, BOOKINGS, parameters)
    _execute(application, BOOKED, parameters)
    _execute(application, VACUUM)


def _execute(application: Application, statement: str, parameters: Any = None) -> None:
    with connections[application.database.alias].cursor() as cursor:
        cursor.execute(statement, parameters)
