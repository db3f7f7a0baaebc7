"""The read models in Django's admin: read-only, with a line that says how fresh the rows are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from eventstore.admin.access import visible_tenants
from eventstore.admin.filters import ListFilters, TenantBySlug, slugs
from eventstore.admin.pages import ListAdmin
from eventstore.application import get_application
from eventstore.errors import Busy, NotCaughtUp, ProjectionModeDiffers
from eventstore.models import Tenant
from eventstore.projections import Mode
from eventstore.tenancy import EVERYONE
from projections.models import (
    AccountStatementLine,
    AccountSummary,
    DailyTotals,
    PersonSummary,
    TenantOverview,
    TransferSummary,
    UserSummary,
)
from projections.queries import ACCOUNTS, OVERVIEW, PERSONS, STATEMENT, TOTALS, TRANSFERS, USERS

#: How rows come up to date, by the mode.
_WAYS = {
    Mode.INLINE: "Written with each command",
    Mode.ASYNC: "Written by a worker, right after each command",
    Mode.ON_DEMAND: "Brought up to date when this page was opened",
    Mode.SCHEDULED: "Brought up to date at intervals",
}


class ReadModelFilters(ListFilters):
    tenant = TenantBySlug()

    def suggestions(self, tenants: QuerySet[Tenant]) -> dict[str, list[str]]:
        return {"tenant": slugs(tenants)}

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        tenant = self.cleaned_data["tenant"]
        return rows.filter(tenant_id=tenant.pk) if tenant else rows


@dataclass(frozen=True, slots=True)
class Row:
    """A row in its tenant, with the values of the columns in their order."""

    tenant: str
    values: list[tuple[str, Any]]


class ReadModelAdmin(ListAdmin):
    """A list of a read model's rows, of the tenants that the user may read."""

    list_template = "read_model.html"
    filters = ReadModelFilters
    roles = EVERYONE
    projection: str
    columns: tuple[str, ...]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        # First, since it says what the rows that are read after it contain.
        freshness = sentence_about(self.projection)
        page = super().list_page(request)
        assert isinstance(page, TemplateResponse)
        assert page.context_data is not None
        page.context_data |= {
            "freshness": freshness,
            "labels": [_label(column) for column in self.columns],
        }
        return page

    def visible_rows(self, request: HttpRequest) -> QuerySet[Any]:
        rows = self.rows()
        if request.user.is_superuser:
            return rows
        tenants = visible_tenants(request.user, self.roles)
        return rows.filter(tenant_id__in=tenants.values("pk"))

    def shown(self, rows: Sequence[Any]) -> Sequence[Any]:
        tenants = Tenant.objects.using(get_application().database.alias)
        slug_of = dict(
            tenants.filter(pk__in={row.tenant_id for row in rows}).values_list("pk", "slug")
        )
        return [
            Row(
                tenant=slug_of.get(row.tenant_id, str(row.tenant_id)),
                values=[(_label(column), getattr(row, column)) for column in self.columns],
            )
            for row in rows
        ]


class PersonAdmin(ReadModelAdmin):
    projection = PERSONS.projection
    columns = PERSONS.columns


class AccountAdmin(ReadModelAdmin):
    """Without the owner's name, which stands in another table."""

    projection = ACCOUNTS.projection
    columns = tuple(name for name in ACCOUNTS.columns if name != "owner_name")


class TransferAdmin(ReadModelAdmin):
    projection = TRANSFERS.projection
    columns = TRANSFERS.columns


class UserAdmin(ReadModelAdmin):
    projection = USERS.projection
    columns = USERS.columns


class StatementAdmin(ReadModelAdmin):
    projection = STATEMENT.projection
    columns = ("account_id", *STATEMENT.columns)


class TotalsAdmin(ReadModelAdmin):
    projection = TOTALS.projection
    columns = TOTALS.columns


class OverviewAdmin(ReadModelAdmin):
    projection = OVERVIEW.projection
    columns = OVERVIEW.columns


def sentence_about(projection: str) -> str:
    """How fresh the rows of a read model are that are read after this call."""
    try:
        fresh = get_application().read_models.freshness(projection)
    except (Busy, NotCaughtUp, ProjectionModeDiffers) as error:
        return f"These rows may be old. {error}"
    if fresh.mode is not Mode.SCHEDULED:
        return f"{_WAYS[fresh.mode]}: all events up to position {fresh.position} are in the rows."
    if fresh.as_of is None:
        return f"{_WAYS[fresh.mode]}: not yet for the first time."
    return f"{_WAYS[fresh.mode]}: as of {fresh.as_of:%Y-%m-%dT%H:%M:%SZ}."


def _label(column: str) -> str:
    return column.replace("_", " ").capitalize()


admin.site.register(PersonSummary, PersonAdmin)
admin.site.register(AccountSummary, AccountAdmin)
admin.site.register(TransferSummary, TransferAdmin)
admin.site.register(UserSummary, UserAdmin)
admin.site.register(AccountStatementLine, StatementAdmin)
admin.site.register(TenantOverview, OverviewAdmin)
admin.site.register(DailyTotals, TotalsAdmin)
