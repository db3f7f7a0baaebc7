"""A list and a detail view, the same for every read model, and the few that are unlike them."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.api.views import DaybookView
from eventstore.application import get_application
from eventstore.errors import NotFound
from eventstore.models import RowCopy
from eventstore.projections import Mode
from eventstore.read_models import Freshness
from eventstore.tenancy import EVERYONE
from projections.api.parameters import (
    ListParameters,
    Wanted,
    read_balance_parameters,
    read_detail_parameters,
    read_key,
    read_list_parameters,
)
from projections.queries import (
    ACCOUNTS,
    Query,
    account_exists,
    balance_booked,
    balance_recorded,
    empty_overview,
)


class QueryView(DaybookView):
    """What all have in common. `query` comes from `as_view()` in urls.py."""

    roles = EVERYONE
    query: Query | None = None

    def asked(self) -> Query:
        assert self.query is not None, "urls.py passes the query to as_view()"
        return self.query

    def source(self, request: Request, wanted: Wanted) -> AbstractContextManager[RowCopy | None]:
        """Where rows are read within the block: in the copy that is wanted, or live (None).

        Raises NotFound where there is no such copy, or another tenant's, or one without what the
        query reads.
        """
        if wanted.snapshot is None:
            return nullcontext()
        tenant_id = self.actor(request).tenant_id
        return get_application().copies.used(wanted.snapshot, tenant_id, self.asked().reads)

    def freshness(self, wanted: Wanted, copy: RowCopy | None) -> Freshness:
        """What rows that are read after this call contain, at least.

        Raises ValidationFailed where the caller wants more than there is, NotCaughtUp where it is
        not there in time, NotWaitable, and ProjectionModeDiffers.
        """
        application, name = get_application(), self.asked().projection
        if copy is not None:
            mode = application.projections.mode_of(name)
            return Freshness(mode, copy.position, copy.as_of)
        return application.read_models.freshness(name, wanted.minimum, wanted.wait)

    @staticmethod
    def told(fresh: Freshness, body: dict[str, Any]) -> Response:
        """The answer, with its position, and with the time from which scheduled rows are."""
        if fresh.mode is Mode.SCHEDULED:
            body = {"as_of": fresh.as_of, **body}
        return Response(body, headers={"X-Position": str(fresh.position)})


class ListView(QueryView):
    """`GET /api/persons?page=2&ordering=-name`: as many statements for any page's size."""

    def get(self, request: Request) -> Response:
        query = self.asked()
        rows = query.rows(self.actor(request).tenant_id)
        parameters = read_list_parameters(request.query_params, query, rows)
        with self.source(request, parameters.wanted) as copy:
            fresh = self.freshness(parameters.wanted, copy)
            return self.told(fresh, page_of(query, rows, parameters))


class DetailView(QueryView):
    """`GET /api/persons/<id>`: one row; unknown and other tenants' ids answer alike."""

    def get(self, request: Request, key: str) -> Response:
        query = self.asked()
        wanted = read_detail_parameters(request.query_params)
        identity = read_key(query, key)
        rows = query.rows(self.actor(request).tenant_id).filter(**{query.key: identity})
        with self.source(request, wanted) as copy:
            fresh = self.freshness(wanted, copy)
            row: dict[str, Any] | None = rows.values(*query.columns).first()
        if row is None:
            raise _not_found(query, identity)
        return self.told(fresh, row)


class StatementView(QueryView):
    """`GET /api/accounts/<id>/statement`: the lines of one account, a page at a time."""

    def get(self, request: Request, key: str) -> Response:
        query = self.asked()
        tenant_id, account_id = self.actor(request).tenant_id, read_key(ACCOUNTS, key)
        rows = query.rows(tenant_id).filter(account_id=account_id)
        parameters = read_list_parameters(request.query_params, query, rows)
        with self.source(request, parameters.wanted) as copy:
            check_account(tenant_id, account_id)
            fresh = self.freshness(parameters.wanted, copy)
            return self.told(fresh, page_of(query, rows, parameters))


class BalanceView(QueryView):
    """`GET /api/accounts/<id>/balance?booked_on=1994-03-31`, or `recorded_on`."""

    def get(self, request: Request, key: str) -> Response:
        tenant_id, account_id = self.actor(request).tenant_id, read_key(ACCOUNTS, key)
        asked = read_balance_parameters(request.query_params)
        balance_on = balance_booked if asked.name == "booked_on" else balance_recorded
        with self.source(request, asked.wanted) as copy:
            check_account(tenant_id, account_id)
            fresh = self.freshness(asked.wanted, copy)
            balance = balance_on(tenant_id, account_id, asked.day)
        body = {"account_id": account_id, asked.name: asked.day, "balance": balance}
        return self.told(fresh, body)


class OverviewView(QueryView):
    """`GET /api/overview`: one row, also for a tenant in which nothing has happened."""

    def get(self, request: Request) -> Response:
        query = self.asked()
        wanted = read_detail_parameters(request.query_params)
        with self.source(request, wanted) as copy:
            fresh = self.freshness(wanted, copy)
            row = query.rows(self.actor(request).tenant_id).values(*query.columns).first()
        return self.told(fresh, row or empty_overview())


def page_of(query: Query, rows: QuerySet[Any], parameters: ListParameters) -> dict[str, Any]:
    rows = rows.filter(**parameters.filters).order_by(*parameters.ordering)
    first = (parameters.page - 1) * parameters.page_size
    return {
        "count": rows.count(),
        "page": parameters.page,
        "page_size": parameters.page_size,
        "results": list(rows.values(*query.columns)[first : first + parameters.page_size]),
    }


def check_account(tenant_id: UUID, account_id: UUID) -> None:
    """Raises NotFound: the same for an unknown account and another tenant's."""
    if not account_exists(tenant_id, account_id):
        raise _not_found(ACCOUNTS, account_id)


def _not_found(query: Query, identity: UUID) -> NotFound:
    return NotFound(f"{query.category} with id {identity}")
