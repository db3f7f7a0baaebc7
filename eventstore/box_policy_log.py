"""Policies of cold storage in the database: what each says, and how far a worker is with it.

Times are the database's, as are all that decide what is due.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from eventstore.database import Database
from eventstore.models import BoxPolicy

#: How many aggregates of one policy are boxed before it is another one's turn.
TURN = 200
#: For so long a worker has a policy to himself: to report of millions takes a while, and that one
#: who has died is waited for harms nobody.
LEASE_SECONDS = 120.0

# All that was noted of a policy that says something else now is void: it reports anew.
PUT = """
INSERT INTO eventstore_box_policy AS p (tenant_id, category, idle_days, "user", reason)
VALUES (%(tenant_id)s, %(category)s, %(idle_days)s, %(user)s, %(reason)s)
ON CONFLICT (tenant_id, category) DO UPDATE
SET idle_days = excluded.idle_days, "user" = excluded."user", reason = excluded.reason,
    made_at = DEFAULT, due_at = DEFAULT, lease_until = NULL, reported_at = NULL,
    reported = DEFAULT, reported_position = DEFAULT, tried_to = DEFAULT, acted_at = NULL,
    boxed = DEFAULT, refused = DEFAULT
WHERE (p.idle_days, p.reason) <> (excluded.idle_days, excluded.reason)
"""
DROP = "DELETE FROM eventstore_box_policy WHERE tenant_id = %s AND category = %s"

# The next one that is due and nobody's: of the tenant that has waited longest, so that one with
# many aggregates, or many policies, does not keep the others waiting.
CLAIM = """
UPDATE eventstore_box_policy
SET lease_until = statement_timestamp() + %(lease)s * interval '1 second'
WHERE id = (
    SELECT p.id FROM eventstore_box_policy AS p
    JOIN eventstore_tenant AS t ON t.id = p.tenant_id AND t.active
    WHERE p.due_at <= statement_timestamp()
      AND (p.lease_until IS NULL OR p.lease_until <= statement_timestamp())
    ORDER BY (SELECT max(q.lease_until) FROM eventstore_box_policy AS q
              WHERE q.tenant_id = p.tenant_id) NULLS FIRST,
             p.lease_until NULLS FIRST, p.id
    LIMIT 1
    FOR UPDATE OF p SKIP LOCKED)
RETURNING id, tenant_id, category, idle_days, "user", reason, reported_at, reported_position,
          tried_to, lease_until,
          reported > 0 AND (acted_at IS NULL OR acted_at < reported_at)
"""

# Streams whose last event is that old at a time. One that was brought back from cold storage is
# wanted: its days count from then.
IDLE = """
FROM eventstore_stream AS s
JOIN eventstore_event AS e ON e.stream_id = s.id AND e.version = s.version
WHERE s.tenant_id = %(tenant_id)s AND s.category = %(category)s AND s.status = 'active'
  AND e.recorded_at <= {time} - %(idle_days)s * interval '24 hours'
  AND NOT EXISTS (
    SELECT FROM eventstore_box AS b
    WHERE b.stream_id = s.id
      AND b.unboxed_at > {time} - %(idle_days)s * interval '24 hours')
"""
IDLE_NOW = IDLE.format(time="statement_timestamp()")
WERE_IDLE = IDLE.format(time="%(reported_at)s")

# Whoever writes to a policy has its lease: the time that it ends tells that it is still his.
REPORT = f"""
WITH idle AS (SELECT count(*) AS found, coalesce(max(e.position), 0) AS position {IDLE_NOW})
UPDATE eventstore_box_policy
SET reported_at = statement_timestamp(), reported = idle.found, reported_position = idle.position,
    due_at = statement_timestamp() + %(notice)s * interval '1 second',
    lease_until = statement_timestamp(), tried_to = 0
FROM idle WHERE id = %(id)s AND lease_until = %(lease_until)s
RETURNING reported, reported_position, due_at
"""

# Those of the report that come next, and are idle still: what was not idle by then is not in it.
NEXT = f"""
SELECT s.id, s.aggregate_id, s.version {WERE_IDLE}
  AND s.id > %(tried_to)s AND e.position <= %(reported_position)s
ORDER BY s.id LIMIT %(turn)s
"""

# What came of one aggregate; the first one begins the counts anew.
NOTE = """
UPDATE eventstore_box_policy
SET boxed = CASE WHEN tried_to = 0 THEN 0 ELSE boxed END + %(boxed)s,
    refused = CASE WHEN tried_to = 0 THEN 0 ELSE refused END + %(refused)s,
    tried_to = %(stream_id)s,
    lease_until = statement_timestamp() + %(lease)s * interval '1 second'
WHERE id = %(id)s AND lease_until = %(lease_until)s
  AND EXISTS (SELECT FROM eventstore_tenant AS t WHERE t.id = tenant_id AND t.active)
RETURNING lease_until
"""

# No aggregate of the report is left. The policy is still due: the next report follows at once.
END = """
UPDATE eventstore_box_policy
SET boxed = CASE WHEN tried_to = 0 THEN 0 ELSE boxed END,
    refused = CASE WHEN tried_to = 0 THEN 0 ELSE refused END,
    acted_at = statement_timestamp(), lease_until = statement_timestamp()
WHERE id = %(id)s AND lease_until = %(lease_until)s
RETURNING boxed, refused
"""

RELEASE = """
UPDATE eventstore_box_policy SET lease_until = statement_timestamp()
WHERE id = %(id)s AND lease_until = %(lease_until)s
"""


class ClaimedPolicy(NamedTuple):
    """A policy that is this worker's until `lease_until`."""

    id: int
    tenant_id: UUID
    category: str
    idle_days: int
    user: str
    reason: str
    reported_at: datetime | None
    reported_position: int
    tried_to: int
    lease_until: datetime
    is_reported: bool


class Report(NamedTuple):
    """How many aggregates are idle, up to which event, and from when on they are boxed."""

    found: int
    position: int
    due_at: datetime


class Idle(NamedTuple):
    """An aggregate that a policy would box, as it was when it was found."""

    stream_id: int
    aggregate_id: UUID
    version: int


class BoxPolicyLog:
    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> QuerySet[BoxPolicy]:
        policies = BoxPolicy.objects.using(self._database.alias).select_related("tenant")
        return policies.order_by("tenant__slug", "category")

    def put(
        self, tenant_id: UUID, category: str, idle_days: int, *, user: str, reason: str
    ) -> bool:
        """False where it says just that already."""
        parameters = {
            "tenant_id": tenant_id,
            "category": category,
            "idle_days": idle_days,
            "user": user,
            "reason": reason,
        }
        return bool(self._database.execute(PUT, parameters).rowcount)

    def drop(self, tenant_id: UUID, category: str) -> bool:
        return bool(self._database.execute(DROP, (tenant_id, category)).rowcount)

    def claim(self) -> ClaimedPolicy | None:
        """The next one that is due, if any."""
        row = self._database.row(CLAIM, {"lease": LEASE_SECONDS})
        return None if row is None else ClaimedPolicy(*row)

    # None says that the policy is not this worker's any more: it was changed or dropped, its
    # tenant was switched off, or its lease is over and another one has it.

    def report(self, policy: ClaimedPolicy, notice_seconds: float) -> Report | None:
        """Look, note what there is, and give the policy back until it may be acted on."""
        row = self._database.row(REPORT, {**policy._asdict(), "notice": notice_seconds})
        return None if row is None else Report(*row)

    def next(self, policy: ClaimedPolicy) -> list[Idle]:
        """A turn's aggregates; none: the report has been acted on."""
        rows = self._database.rows(NEXT, {**policy._asdict(), "turn": TURN})
        return [Idle(*row) for row in rows]

    def note(
        self, policy: ClaimedPolicy, stream_id: int, *, boxed: bool, refused: bool
    ) -> ClaimedPolicy | None:
        """What came of an aggregate; the policy with its lease renewed."""
        parameters = {
            "id": policy.id,
            "lease_until": policy.lease_until,
            "stream_id": stream_id,
            "boxed": int(boxed),
            "refused": int(refused),
            "lease": LEASE_SECONDS,
        }
        row = self._database.row(NOTE, parameters)
        return None if row is None else policy._replace(lease_until=row[0], tried_to=stream_id)

    def end(self, policy: ClaimedPolicy) -> tuple[int, int] | None:
        """How many were boxed, and how many refused."""
        row = self._database.row(END, policy._asdict())
        return None if row is None else (row[0], row[1])

    def release(self, policy: ClaimedPolicy) -> None:
        """Its turn is over; it goes on where it is."""
        self._database.execute(RELEASE, policy._asdict())
