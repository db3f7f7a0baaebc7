"""Where a tenant's rows are: found in the database's own catalog, so that no table is forgotten.

A table with a column `tenant_id` needs no line here. What holds something of a tenant without one
stands in `WITHOUT_TENANT`.
"""

import re
from collections import Counter
from uuid import UUID

from django.apps import apps

from eventstore.database import Database
from eventstore.models import Membership, Rebuild
from eventstore.shadow_tables import drop_schema

# In every schema: live tables, copies, and what a rebuild has left behind.
TABLES = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relname
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.atttypid = 'uuid'::regtype
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1
"""

#: Of these the rows go in an order of their own.
IN_ORDER = ("eventstore_event", "eventstore_box", "eventstore_stream")

SNAPSHOTS = """
DELETE FROM eventstore_snapshot
WHERE stream_id IN (SELECT id FROM eventstore_stream WHERE tenant_id = %(tenant_id)s)
"""

# As the API names its callers: by key, and by user in a tenant.
CALL_COUNTS = """
DELETE FROM eventstore_call_count
WHERE caller IN (SELECT 'key ' || id FROM eventstore_api_key WHERE tenant_id = %(tenant_id)s)
   OR caller LIKE '%% in ' || %(tenant_id)s::uuid::text
"""

# What the admin has kept about the tenant.
ADMIN_LOG = "DELETE FROM django_admin_log WHERE object_id = %(tenant_id)s::uuid::text"

# What was stopped by an event of the tenant goes on, as there is nothing any more to stop at. The
# error may quote the event; one at another tenant's event stays, and one where that may lie in a
# box. (If it does not, the next attempt goes on.)
SUBSCRIPTIONS = """
UPDATE eventstore_subscription AS s
SET error = '', failed_position = NULL, attempts = 0, lease_until = NULL,
    status = CASE s.status WHEN 'stopped' THEN 'active' ELSE s.status END
WHERE s.failed_position IS NOT NULL AND NOT EXISTS (
    SELECT FROM eventstore_event AS e
    WHERE e.position = s.failed_position AND e.tenant_id <> %(tenant_id)s)
AND NOT EXISTS (
    SELECT FROM eventstore_box AS b
    WHERE b.tenant_id <> %(tenant_id)s AND b.unboxed_at IS NULL
      AND s.failed_position BETWEEN b.first_position AND b.last_position)
"""

# Records that have no tenant: who did what stays, errors do not that may quote an event of this
# tenant, which is all but those at an event of another one.
SUBSCRIPTION_ACTIONS = """
UPDATE eventstore_subscription_action AS a SET error = ''
WHERE a.error <> '' AND NOT (a.action = 'skip' AND EXISTS (
    SELECT FROM eventstore_event AS e
    WHERE e.position = a.position AND e.tenant_id <> %(tenant_id)s))
"""
REBUILDS = """
UPDATE eventstore_rebuild SET error = ''
WHERE tenant_id IS NULL AND error <> '' AND status NOT IN ('waiting', 'running')
"""

#: Tables without a column `tenant_id` that may hold something of a tenant, each with a statement.
WITHOUT_TENANT = {
    "eventstore_snapshot": SNAPSHOTS,
    "eventstore_call_count": CALL_COUNTS,
    "django_admin_log": ADMIN_LOG,
    "eventstore_subscription": SUBSCRIPTIONS,
    "eventstore_subscription_action": SUBSCRIPTION_ACTIONS,
    "eventstore_rebuild": REBUILDS,
}

# A batch of a projection first takes the row of its subscription, which only this mode forbids.
LOCK_SUBSCRIPTIONS = "LOCK TABLE eventstore_subscription IN EXCLUSIVE MODE"

# A page of streams, whose events are found by them: no index has the events of a tenant.
STREAMS = """
SELECT id FROM eventstore_stream WHERE tenant_id = %s AND id > %s ORDER BY id LIMIT 500
"""
EVENTS = "DELETE FROM eventstore_event WHERE stream_id = ANY(%s)"

OWN_COPIES = "SELECT schema FROM eventstore_row_copy WHERE tenant_id = %s"
TENANT = "DELETE FROM eventstore_tenant WHERE id = %(tenant_id)s"


def users_without_tenant(database: Database, tenant_id: UUID) -> list[str]:
    """Names of the members who belong to no other tenant. They stay users."""
    members = Membership.objects.using(database.alias)
    elsewhere = members.exclude(tenant=tenant_id).values("user")
    only_here = members.filter(tenant=tenant_id).exclude(user__in=elsewhere)
    return sorted(member.user.get_username() for member in only_here.select_related("user"))


class TenantTables:
    """The statements on one tenant's rows, in the transaction that removes it."""

    def __init__(self, database: Database, tenant_id: UUID, slug: str) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._slug = slug
        #: How many rows went, of each table; and how many have lost what they said of the tenant.
        self.removed: Counter[str] = Counter()
        self.cleared: Counter[str] = Counter()

    def delete(self) -> None:
        """All but the streams, their boxes, and the tenant; what somebody adds meanwhile stays."""
        after = 0
        while page := self._database.rows(STREAMS, (self._tenant_id, after)):
            ids = [number for (number,) in page]
            self.removed["eventstore_event"] += self._database.execute(EVENTS, (ids,)).rowcount
            after = ids[-1]
        for name, statement in WITHOUT_TENANT.items():
            if self._is_there(name):
                counts = self.cleared if statement.lstrip().startswith("UPDATE") else self.removed
                counts[name] += self._run(statement)
        for qualified, name in self._tables():
            if name not in IN_ORDER:
                self._delete_from(qualified)

    def forget(self) -> None:
        """What names the tenant among what is others' too."""
        self._forget_differences()
        self._end_sessions()
        for (schema,) in self._database.rows(OWN_COPIES, (self._tenant_id,)):
            drop_schema(self._database, schema)

    def delete_last(self) -> None:
        """Boxes, then streams, then the tenant."""
        self._delete_from("public.eventstore_box")
        self._delete_from("public.eventstore_stream")
        self.removed["eventstore_tenant"] += self._run(TENANT)

    def lock(self) -> None:
        """Wait for whoever writes to any of the tables, and let nobody until the end."""
        self._run(LOCK_SUBSCRIPTIONS)
        # Each command begins in its log.
        tables = sorted(self._tables(), key=lambda each: each[1] != "eventstore_command")
        names = ", ".join(qualified for qualified, _ in tables)
        self._run(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")

    def _forget_differences(self) -> None:
        """Checks of all tenants have kept the first rows that differed."""
        checks = Rebuild.objects.using(self._database.alias).filter(tenant_id=None)
        for check in checks.exclude(differences=[]).iterator():
            ours = [each for each in check.differences if self._is_ours(each.get("tenant_id"))]
            if ours:
                check.differences = [each for each in check.differences if each not in ours]
                check.save(update_fields=["differences"])
                self.cleared["eventstore_rebuild"] += 1

    def _is_ours(self, tenant_id: object) -> bool:
        return tenant_id == str(self._tenant_id)

    def _end_sessions(self) -> None:
        """Those that name the tenant, as a message may that was not shown yet."""
        if not apps.is_installed("django.contrib.sessions"):
            return
        name = re.compile(rf"(?<![\w-])({re.escape(self._slug)}|{self._tenant_id})(?![\w-])")
        sessions = apps.get_model("sessions", "Session")._default_manager
        for session in sessions.using(self._database.alias).iterator():
            if name.search(repr(session.get_decoded())):
                session.delete()
                self.removed["django_session"] += 1

    def _tables(self) -> list[tuple[str, str]]:
        return [(qualified, name) for qualified, name in self._database.rows(TABLES)]

    def _is_there(self, name: str) -> bool:
        ((is_there,),) = self._database.rows("SELECT to_regclass(%s) IS NOT NULL", (name,))
        return bool(is_there)

    def _delete_from(self, table: str) -> None:
        rows = self._run(f"DELETE FROM {table} WHERE tenant_id = %(tenant_id)s")
        self.removed[table.removeprefix("public.")] += rows

    def _run(self, statement: str) -> int:
        with self._database.connection.cursor() as cursor:
            cursor.execute(statement, {"tenant_id": self._tenant_id})
            return int(cursor.rowcount)
