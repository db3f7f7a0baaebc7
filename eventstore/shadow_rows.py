"""Rows of a replay: kept in memory over many batches, then copied into tables that were empty.

A row that a thousand events change is written once. Where there are more rows than memory should
hold they are written in between, and changed in their tables afterwards.
"""

from collections.abc import Iterable
from uuid import UUID

from eventstore.database import Database
from eventstore.pending_rows import PendingRow
from eventstore.projections import Projection, Table
from eventstore.row_statements import copy_statement
from eventstore.rows import BatchRows, Key

#: Rows in memory at most, between two batches: some 60 MB.
MOST_ROWS = 50_000


class ShadowRows(BatchRows):
    """The rows of a replay from the first event on."""

    def __init__(self, database: Database, projection: Projection) -> None:
        super().__init__(database, projection)
        self._is_empty = True

    def read_ahead(self, places: Iterable[tuple[UUID, UUID]]) -> None:
        """Only what is not in memory; before anything was written that is everything."""
        if self._is_empty:
            return
        tables = [table for table in self._projection.tables if table.by_aggregate]
        unknown = {
            (tenant_id, aggregate_id)
            for tenant_id, aggregate_id in places
            if any(
                (aggregate_id,) not in self.of(tenant_id).pending[table.model] for table in tables
            )
        }
        super().read_ahead(unknown)

    def spare_memory(self) -> None:
        """After each batch: keep one value for each column, and not too many rows."""
        for of_tenant in self._of_tenant.values():
            of_tenant.fold()
        if sum(rows.kept() for rows in self._of_tenant.values()) > MOST_ROWS:
            self.flush()

    def flush(self) -> None:
        super().flush()
        self._is_empty = False

    def _insert(
        self, table: Table, names: tuple[str, ...], alike: list[tuple[Key, PendingRow]]
    ) -> None:
        connection = self._database.connection
        with (
            connection.wrap_database_errors,
            connection.cursor() as cursor,
            cursor.copy(copy_statement(table, names)) as copy,
        ):
            for place, row in alike:
                copy.write_row((*place, *row.values.values()))
