"""Rows of projections as of a time or a position, kept in a schema of their own and only read.

A copy is made by a replay, like a rebuild's rows, while everybody goes on; see `copying`. Queries
read it in place of the live rows within `Copies.used`, whose transaction is read-only and finds no
other table: what a copy lacks is an error, never a live row. Nothing else writes there.
"""

import logging
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, InterfaceError, ProgrammingError
from django.db.models import F, Q, QuerySet

from eventstore.copying import Copying
from eventstore.database import Database, sqlstate
from eventstore.errors import NotApplicable, NotFound, ValidationFailed
from eventstore.models import RowCopy
from eventstore.projections import Projection, Projections
from eventstore.rebuild_log import RebuildLog
from eventstore.replaying import Progress, Report
from eventstore.shadow_tables import drop_schema, run

logger = logging.getLogger("daybook.projections")

NEXT_ID = "SELECT nextval(pg_get_serial_sequence('eventstore_row_copy', 'id'))"

# Until the transaction ends: no other schema, so that a table which is not there is an error, and
# no writing.
ENTER = """
SELECT set_config('search_path', quote_ident(%s), true),
       set_config('transaction_read_only', 'on', true)
"""
TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s) AND relkind = 'r'
"""

LABEL = re.compile(r"[a-z0-9-]{1,50}", re.ASCII)

#: PostgreSQL's codes for a schema or table, and for a column, that is not there.
NO_TABLE = ("3F000", "42P01")
NO_COLUMN = "42703"


class Copies:
    """The register of copies is the table eventstore_row_copy; each lies in `copy_<id>`."""

    def __init__(
        self, database: Database, projections: Projections, copying: Copying, log: RebuildLog
    ) -> None:
        self._database = database
        self._projections = projections
        self._copying = copying
        self._log = log

    # Making --------------------------------------------------------------------------------------

    def make(
        self,
        label: str,
        *,
        position: int | None = None,
        as_of: datetime | None = None,
        names: Collection[str] = (),
        tenant_id: UUID | None = None,
        user: str,
        reason: str = "",
        report: Report = lambda progress: None,
    ) -> RowCopy:
        """Copy the rows of these projections (none: of all) as of a position, a time, or now.

        `as_of`, an aware time: the copy ends before the first event that was recorded later. Times
        may go backwards between positions, where a command waited in line, so there may be events
        behind that one which were recorded earlier: they are not in it. What has not settled, that
        is lies above the high-water mark, is in no copy.

        `tenant_id`: of this tenant's events, and for it alone. None: of all tenants, each of which
        sees its own rows in it. What operators have skipped is left out. The numbers that `report`
        gets are those of all projections, added up.

        Raises ValidationFailed (a label of other than 1 to 50 of a-z, 0-9 and -; a time that is to
        come; a position beyond the mark; both), NotFound for an unknown projection, NotApplicable
        for a label that is taken, AlreadyRunning, NotRebuildable, and ReplayFailed.
        """
        if not LABEL.fullmatch(label):
            raise ValidationFailed({"label": ["must have 1 to 50 of a to z, 0 to 9 and -"]})
        projections = self._named(names)
        with self._log.alone("copies"):
            self._copying.drop_left_behind()
            self._refuse_taken(label, tenant_id)
            copy = RowCopy(label=label, tenant_id=tenant_id, as_of=as_of, user=user, reason=reason)
            copy.position = self._copying.last_position(position, as_of)
            self._make(copy, projections, report)
        logger.info("copy_made", extra=_line(copy, user, reason))
        return copy

    def _named(self, names: Collection[str]) -> list[Projection]:
        """In the order of their registration."""
        for name in names:
            if self._projections.named(name) is None:
                raise NotFound(f"projection {name}")
        return [each for each in self._projections if not names or each.name in names]

    def _refuse_taken(self, label: str, tenant_id: UUID | None) -> None:
        if self._rows().filter(Q(("label", label), ("tenant_id", tenant_id))).exists():
            raise NotApplicable(
                f"There is a copy with label {label} already. Drop it, or choose another label."
            )

    def _make(self, copy: RowCopy, projections: list[Projection], report: Report) -> None:
        ((copy.id,),) = self._database.rows(NEXT_ID)
        copy.schema = f"copy_{copy.id}"

        def told(progress: Progress) -> None:
            self._log.see_that_it_is_alone()
            report(progress)

        copy.projections = [projection.name for projection in projections]
        try:
            copy.rows = self._copying.fill(copy, projections, told)
            # Nothing was boxed between its parts, nor was another one made in its place.
            self._log.see_that_it_is_alone()
            # Now it is there, for all or for nobody: what has no row can be read by none.
            copy.save(using=self._database.alias, force_insert=True)
        except BaseException:
            # Also Ctrl-C. Not where the row has come to be committed nevertheless.
            with suppress(DatabaseError, InterfaceError):
                self._copying.drop_left_behind()
            raise
        copy.refresh_from_db(using=self._database.alias)

    # Listing and dropping ------------------------------------------------------------------------

    def all(self, tenant_id: UUID | None = None) -> list[RowCopy]:
        """Every copy, newest first; `tenant_id`: those that this tenant's queries can read."""
        rows = self._rows() if tenant_id is None else self._rows().filter(_seen_by(tenant_id))
        return list(rows.order_by("-pk"))

    def drop(
        self,
        label: str,
        tenant_id: UUID | None,
        *,
        user: str,
        reason: str,
        number: int | None = None,
    ) -> None:
        """Drop a tenant's own copy; None: one of all tenants. Raises NotFound.

        `number`: only this one, not another that was made since under its label. Whoever reads it
        just now is waited for, up to the database's `lock_timeout`.
        """
        whose = (
            Q(("tenant_id", tenant_id)) if number is None else Q(tenant_id=tenant_id, pk=number)
        )
        with self._database.transaction():
            copy = self._rows().select_for_update().filter(_is_label(label), whose).first()
            if copy is None:
                raise _not_found(label)
            tables = {name for (name,) in self._database.rows(TABLES, (copy.schema,))}
            self._lock(copy, tables, "ACCESS EXCLUSIVE")
            self._rows().filter(pk=copy.pk).delete()
            drop_schema(self._database, copy.schema)
        logger.info("copy_dropped", extra=_line(copy, user, reason))

    # Reading -------------------------------------------------------------------------------------

    @contextmanager
    def used(
        self, label: str, tenant_id: UUID | None, projections: Collection[str]
    ) -> Iterator[RowCopy]:
        """A read-only transaction in which the ORM finds the rows of these projections' copy.

        And no other table: a query has to say of which projections it reads rows. The tenant's own
        copy comes before one of all tenants with that label. Nobody can drop it meanwhile.

        Raises NotFound where there is no such copy, or another tenant's, or one without one of
        the projections; NotApplicable where it was made before their tables were changed.
        """
        with self._database.transaction():
            copy = self._found(label, tenant_id)
            if not set(projections) <= set(copy.projections):
                raise _not_found(label)
            self._database.execute(ENTER, (copy.schema,))
            try:
                self._keep(copy, projections)
                yield copy
            except ProgrammingError as error:
                if sqlstate(error) != NO_COLUMN:
                    raise
                raise NotApplicable(
                    f"The copy with label {label} was made before its tables were changed. Drop "
                    "it, and make it anew."
                ) from error

    def _found(self, label: str, tenant_id: UUID | None) -> RowCopy:
        own_first = F("tenant_id").asc(nulls_last=True)
        found = self._rows().filter(_is_label(label), _seen_by(tenant_id))
        copy = found.order_by(own_first).first()
        if copy is None:
            raise _not_found(label)
        return copy

    def _keep(self, copy: RowCopy, projections: Collection[str]) -> None:
        """Hold its tables until the transaction ends; raises NotFound where they are gone."""
        read = [self._projections.named(name) for name in projections]
        tables = {table.model._meta.db_table for each in read if each for table in each.tables}
        try:
            self._lock(copy, tables, "ACCESS SHARE")
        except ProgrammingError as error:
            if sqlstate(error) not in NO_TABLE:
                raise
            raise _not_found(copy.label) from error

    def _lock(self, copy: RowCopy, tables: Collection[str], mode: str) -> None:
        # In one order, so that who reads it and who drops it never wait for each other.
        names = ", ".join(f'"{copy.schema}"."{name}"' for name in sorted(tables))
        if names:
            run(self._database, f"LOCK TABLE {names} IN {mode} MODE")

    def _rows(self) -> QuerySet[RowCopy]:
        return RowCopy.objects.using(self._database.alias)


def _seen_by(tenant_id: UUID | None) -> Q:
    """What one tenant's queries can read: its own copies, and those of all tenants."""
    return Q(("tenant_id", tenant_id)) | Q(("tenant_id", None))


def _is_label(label: str) -> Q:
    """That of no row where it is none: it may hold what PostgreSQL does not take."""
    return Q(("label", label if LABEL.fullmatch(label) else ""))


def _not_found(label: str) -> NotFound:
    return NotFound(f"copy with label {label}")


def _line(copy: RowCopy, user: str, reason: str) -> dict[str, object]:
    tenant = str(copy.tenant_id) if copy.tenant_id else None
    told = {"label": copy.label, "tenant": tenant, "position": copy.position}
    return {**told, "rows": copy.rows, "user": user, "reason": reason}
