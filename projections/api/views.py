"""A list and a detail view, the same for every read model."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.api.views import DaybookView
from eventstore.application import get_application
from eventstore.errors import NotFound, ValidationFailed
from eventstore.input.values import read_uuid
from eventstore.tenancy import EVERYONE
from projections.api.parameters import (
    WantedPosition,
    read_detail_parameters,
    read_list_parameters,
)
from projections.queries import Query


class QueryView(DaybookView):
    """What both have in common. `query` comes from `as_view()` in urls.py."""

    roles = EVERYONE
    query: Query | None = None

    def asked(self) -> Query:
        assert self.query is not None, "urls.py passes the query to as_view()"
        return self.query

    @staticmethod
    def position(wanted: WantedPosition) -> str:
        """For the header X-Position: what is read after this call contains all events up to it.

        Raises ValidationFailed where the caller wants more than there is.
        """
        mark = get_application().high_water_mark
        if wanted.minimum is not None:
            wanted.check(mark.ceiling())
        return str(mark.settled())


class ListView(QueryView):
    """`GET /api/persons?page=2&ordering=-name`: as many statements for any page's size."""

    def get(self, request: Request) -> Response:
        query = self.asked()
        rows = query.rows(self.actor(request).tenant_id)
        parameters = read_list_parameters(request.query_params, query, rows)
        position = self.position(parameters.wanted)
        rows = rows.filter(**parameters.filters).order_by(*parameters.ordering)
        first = (parameters.page - 1) * parameters.page_size
        body = {
            "count": rows.count(),
            "page": parameters.page,
            "page_size": parameters.page_size,
            "results": list(rows.values(*query.columns)[first : first + parameters.page_size]),
        }
        return Response(body, headers={"X-Position": position})


class DetailView(QueryView):
    """`GET /api/persons/<id>`: one row; unknown and other tenants' ids answer alike."""

    def get(self, request: Request, key: str) -> Response:
        query = self.asked()
        wanted = read_detail_parameters(request.query_params)
        try:
            identity = read_uuid(key)
        except ValueError as error:
            raise ValidationFailed({query.key: [str(error)]}) from None
        position = self.position(wanted)
        rows = query.rows(self.actor(request).tenant_id).filter(**{query.key: identity})
        row: dict[str, Any] | None = rows.values(*query.columns).first()
        if row is None:
            raise NotFound(f"{query.category} with id {identity}")
        return Response(row, headers={"X-Position": position})
