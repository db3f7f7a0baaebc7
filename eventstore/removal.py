"""Removes a tenant: every row of it, everywhere, in one transaction that leaves a certificate.

First the tenant is switched off, so that nobody begins anything in it, and whoever was at work is
waited for. The transaction then deletes while all other tenants go on; only for its last moment it
locks the tables, to delete what somebody has added meanwhile. Whoever dies anywhere leaves the
tenant as it was, switched off at most, or removed with its certificate; the same again finishes.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, transaction

from eventstore.certificates import Certificates, NewCertificate
from eventstore.cold_ownership import Ownership
from eventstore.cold_storage import ColdStorage
from eventstore.database import LOCK_TIMEOUT, Database, sqlstate
from eventstore.errors import AlreadyRunning, Busy, NotApplicable
from eventstore.fault_points import reach
from eventstore.models import StoredStream, Tenant
from eventstore.pending_work import IS_REPLAYED
from eventstore.removal_tables import TenantTables, users_without_tenant

# Of two who remove a tenant one is told so. What is deleted may be much, and the file large.
BEGIN = """
SELECT pg_try_advisory_xact_lock(3503, hashtext(%s)),
       set_config('idle_in_transaction_session_timeout', '0', true),
       set_config('lock_timeout', '60s', true)
"""
# What the guards of events and streams look for.
DECLARE = """
SELECT set_config('eventstore.removed_tenant', pg_current_xact_id()::text || ':' || %s, true)
"""
HOLD_TENANT = "SELECT clock_timestamp() FROM eventstore_tenant WHERE id = %s FOR UPDATE"

# Shorter than the time after which PostgreSQL looks for deadlocks: we give way before.
TRY_SHORTLY = "SELECT set_config('lock_timeout', '300ms', true)"
#: In seconds: how long those at work are waited for, and between two tries.
PATIENCE, PAUSE = 60.0, 0.1

STREAMS = """
SELECT s.id, s.category, s.aggregate_id::text, s.status, s.version, encode(s.head_hash, 'hex'),
       coalesce((
           SELECT json_agg(json_build_object(
               'path', b.path, 'size', b.size, 'sha256', encode(b.digest, 'hex'),
               'events', b.event_count, 'boxed_at', b.boxed_at, 'unboxed_at', b.unboxed_at
           ) ORDER BY b.boxed_at)
           FROM eventstore_box AS b WHERE b.stream_id = s.id), '[]')
FROM eventstore_stream AS s
WHERE s.tenant_id = %s AND s.id > %s ORDER BY s.id LIMIT 500
"""

# So that what a commit would refuse is refused while there is no certificate.
CHECK_NOW = "SET CONSTRAINTS ALL IMMEDIATE"


class Wish(NamedTuple):
    """By whom and why; whether events may go that lie nowhere else, and files of boxes too."""

    user: str
    reason: str
    discard_events: bool = False
    with_boxes: bool = False


class Removed(NamedTuple):
    """`certificate`: its content; `path`: below the root; `files`: of boxes that were removed."""

    certificate: dict[str, Any]
    path: str
    files: int


class _AnotherIsAtIt(AlreadyRunning):
    def __init__(self, tenant: Tenant) -> None:
        super().__init__(f"The removal of tenant {tenant.slug}")


class Removal:
    def __init__(self, database: Database, storage: ColdStorage) -> None:
        self._database = database
        self._storage = storage
        self._certificates = Certificates(storage)
        self._ownership = Ownership(database, storage)

    def remove(self, tenant: Tenant, wish: Wish) -> Removed:
        """Raises NotApplicable while streams are online, AlreadyRunning, ColdStorageFailed, Busy.

        Then nothing was changed.
        """
        self._refuse(tenant, wish)
        # Its certificate, and perhaps files of boxes: not in another database's folder.
        self._ownership.claim()
        tables = TenantTables(self._database, tenant.pk, tenant.slug)
        was_active = tenant.active
        self._begin(tenant)
        try:
            reach("removal.begun")
            with self._database.transaction():
                self._lock(tables)  # Whoever was at work has ended.
            certificate, content = self._delete(tenant, tables, wish)
        except _AnotherIsAtIt:
            raise
        except BaseException:
            with suppress(DatabaseError, InterfaceError):
                self._switch(tenant, active=was_active)
            raise
        reach("removal.committed")
        path = certificate.keep()
        reach("removal.kept")
        return Removed(content, path, self._clear_up(tables, content, wish))

    def finish(self, slug: str, wish: Wish) -> Removed | None:
        """What is left to do of a tenant that is gone; None where none had this slug.

        `wish.with_boxes`: files of boxes that were left go now. Of several tenants that had the
        slug one after the other, those of the last.
        """
        gone = [
            (name, content)
            for name, content in self._certificates.all()
            if content["tenant"]["slug"] == slug
            and not self._tenants().filter(pk=content["tenant"]["id"]).exists()
        ]
        if not gone:
            return None
        self._ownership.claim()
        found = None
        for number, (name, content) in enumerate(gone, 1):
            path = self._certificates.keep(name)
            tables = TenantTables(self._database, UUID(content["tenant"]["id"]), slug)
            of_this = wish if number == len(gone) else wish._replace(with_boxes=False)
            found = Removed(content, path, self._clear_up(tables, content, of_this))
        return found

    def files(self, tenant_id: UUID | str) -> Iterator[str]:
        """Paths of the files of a tenant's boxes, whether the registry knows them or not."""
        return self._storage.paths(str(tenant_id))

    # Before --------------------------------------------------------------------------------------

    def _refuse(self, tenant: Tenant, wish: Wish) -> None:
        if self._database.rows(IS_REPLAYED)[0][0]:
            raise AlreadyRunning("A rebuild, check or copy of rows")
        streams = StoredStream.objects.using(self._database.alias).filter(tenant=tenant)
        online = streams.filter(status=StoredStream.Status.ACTIVE).count()
        if online and not wish.discard_events:
            raise NotApplicable(
                f"{online:,} streams of tenant {tenant.slug} are online, and their events lie "
                f"nowhere else. `manage.py box --tenant {tenant.slug}` takes them into cold "
                "storage; --discard-events deletes them for ever. Nothing was changed."
            )

    def _begin(self, tenant: Tenant) -> None:
        """Let nobody begin anything in it."""
        with self._database.transaction():
            self._be_alone(tenant)
            self._switch(tenant, active=False)

    def _be_alone(self, tenant: Tenant) -> None:
        """Until the transaction ends."""
        ((is_alone, *_),) = self._database.rows(BEGIN, (str(tenant.pk),))
        if not is_alone:
            raise _AnotherIsAtIt(tenant)

    def _switch(self, tenant: Tenant, *, active: bool) -> None:
        self._tenants().filter(pk=tenant.pk).update(active=active)

    def _tenants(self) -> Any:
        return Tenant.objects.using(self._database.alias)

    # The transaction -----------------------------------------------------------------------------

    def _delete(
        self, tenant: Tenant, tables: TenantTables, wish: Wish
    ) -> tuple[NewCertificate, dict[str, Any]]:
        certificate, is_written = None, False
        try:
            with self._database.transaction():
                self._be_alone(tenant)
                content = self._begun(tenant, wish)
                certificate = self._certificates.new(tenant.pk)
                tables.forget()
                tables.delete()
                reach("removal.deleted")
                self._lock(tables)
                self._refuse(tenant, wish)
                tables.delete()
                self._write(certificate, content, tables)
                is_written = True
                reach("removal.certified")
        except BaseException:
            # At a COMMIT whose answer is lost nobody knows; the next one finds out by the tenant.
            if certificate and not is_written:
                certificate.discard()
            raise
        return certificate, content

    def _begun(self, tenant: Tenant, wish: Wish) -> dict[str, Any]:
        self._database.execute(DECLARE, (str(tenant.pk),))
        row = self._database.row(HOLD_TENANT, (tenant.pk,))
        if row is None:
            raise _AnotherIsAtIt(tenant)
        return {
            "format": "daybook: a removed tenant, 1",
            "tenant": {"id": str(tenant.pk), "slug": tenant.slug, "name": tenant.name},
            "removed_at": row[0].isoformat(),
            "removed_by": wish.user,
            "reason": wish.reason,
            "discard_events": wish.discard_events,
            "with_boxes": wish.with_boxes,
            "users_without_tenant": users_without_tenant(self._database, tenant.pk),
        }

    def _write(
        self, certificate: NewCertificate, content: dict[str, Any], tables: TenantTables
    ) -> None:
        head = dict(content)

        def tail() -> dict[str, Any]:
            tables.delete_last()
            self._database.execute(CHECK_NOW)
            content["tables"] = {name: n for name, n in sorted(tables.removed.items()) if n}
            content["cleared"] = {name: n for name, n in sorted(tables.cleared.items()) if n}
            return {name: content[name] for name in ("tables", "cleared")}

        certificate.write(head, self._streams(content["tenant"]["id"]), tail)

    def _streams(self, tenant_id: str) -> Iterator[dict[str, Any]]:
        names = ("category", "aggregate_id", "status", "last_version", "head_hash", "boxes")
        after = 0
        while page := self._database.rows(STREAMS, (tenant_id, after)):
            for number, *columns in page:
                after = number
                yield dict(zip(names, columns, strict=True))

    def _lock(self, tables: TenantTables) -> None:
        """Wait until nobody writes to them; raises AlreadyRunning and Busy."""
        give_up = time.monotonic() + PATIENCE
        while True:
            if self._database.rows(IS_REPLAYED)[0][0]:
                raise AlreadyRunning("A rebuild, check or copy of rows")
            try:
                with transaction.atomic(using=self._database.alias):
                    self._database.execute(TRY_SHORTLY)
                    tables.lock()
                return
            except OperationalError as error:
                if sqlstate(error) != LOCK_TIMEOUT or time.monotonic() > give_up:
                    raise Busy(type(error.__cause__).__name__) from error
            time.sleep(PAUSE)

    # Afterwards ----------------------------------------------------------------------------------

    def _clear_up(self, tables: TenantTables, content: dict[str, Any], wish: Wish) -> int:
        """Rows of those who had begun before and came too late; files; how many files it were."""
        with self._database.transaction():
            self._lock(tables)
            tables.delete()
        if not (wish.with_boxes or content["with_boxes"]):
            return 0
        return sum(
            self._storage.remove(path) for path in list(self.files(content["tenant"]["id"]))
        )
