"""Fills the event store with a long history in seconds, through its triggers and constraints.

The streams take turns, each event has metadata of its own as if a command had caused it alone.
Only the hashes are none: nobody who measures follows the chain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connections

from tests.benchmarks.measuring import Booking, Size

STREAMS = """
INSERT INTO eventstore_stream
    (tenant_id, category, aggregate_id, version, head_hash, status, incarnation)
SELECT %(tenant_id)s, 'account', aggregate_id, %(versions)s, decode(repeat('00', 32), 'hex'),
       'active', 0
FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS new(aggregate_id, number)
ORDER BY number
"""

EVENTS = """
INSERT INTO eventstore_event
    (stream_id, version, tenant_id, type, schema_version, data, metadata, recorded_at, hash)
SELECT s.id, v, s.tenant_id, 'account.money_deposited', %(schema_version)s,
       format('{"amount":"%%s","booked_on":null,"reference":"Salary","transfer_id":null,'
              '"is_refund":false}', ((100 + v %% 900) / 100.0)::numeric(9, 2))::json,
       format('{"user":"mary","correlation_id":"%%s","causation_id":"%%s"}',
              gen_random_uuid(), gen_random_uuid())::json,
       clock_timestamp(), s.head_hash
FROM generate_series(1, %(versions)s) AS v
JOIN eventstore_stream AS s ON s.tenant_id = %(tenant_id)s
ORDER BY v, s.id
"""


def fill(
    alias: str, tenant_id: UUID, aggregate_ids: Sequence[UUID], versions: int, schema_version: int
) -> None:
    """Give a tenant without streams these ones, each with so many deposits."""
    parameters: dict[str, Any] = {
        "tenant_id": tenant_id,
        "ids": list(aggregate_ids),
        "versions": versions,
        "schema_version": schema_version,
    }
    with connections[alias].cursor() as cursor:
        cursor.execute(STREAMS, parameters)
        cursor.execute(EVENTS, parameters)
        # As autovacuum would, which would otherwise do it while somebody measures.
        cursor.execute("VACUUM ANALYZE eventstore_event, eventstore_stream")


@dataclass(frozen=True, slots=True)
class History(Size):
    """`prior` deposits of each account, which take turns; a round reads them all once."""

    def scaled(self, scale: float) -> "History":
        smaller = Size.scaled(self, scale)
        return History(accounts=smaller.accounts, prior=smaller.prior, bookings=0)

    def batch(self) -> list[Booking]:
        """What `fill` writes, in its order, for those that do not read SQL."""
        return [
            Booking(number, Decimal(100 + version % 900) / 100)
            for version in range(1, self.prior + 1)
            for number in range(self.accounts)
        ]
