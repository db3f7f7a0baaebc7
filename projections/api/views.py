"""A list and a detail view, the same for every read model."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.api.values import read_uuid
from eventstore.api.views import DaybookView
from eventstore.errors import NotFound, UnknownParameter, ValidationFailed
from projections.api.parameters import read_list_parameters
from projections.queries import Query


class ListView(DaybookView):
    """`GET /api/persons?page=2&ordering=-name`: two statements, whatever the page's size."""

    query: Query | None = None

    def get(self, request: Request) -> Response:
        query = _given(self.query)
        rows = query.rows(self.actor(request).tenant_id)
        parameters = read_list_parameters(request.query_params, query, rows)
        rows = rows.filter(**parameters.filters).order_by(*parameters.ordering)
        first = (parameters.page - 1) * parameters.page_size
        return Response(
            {
                "count": rows.count(),
                "page": parameters.page,
                "page_size": parameters.page_size,
                "results": list(rows.values(*query.columns)[first : first + parameters.page_size]),
            }
        )


class DetailView(DaybookView):
    """`GET /api/persons/<id>`: one row; unknown and other tenants' ids answer alike."""

    query: Query | None = None

    def get(self, request: Request, key: str) -> Response:
        query = _given(self.query)
        if request.query_params:
            unknown = {name: ["is unknown here"] for name in request.query_params}
            raise UnknownParameter(unknown)
        try:
            identity = read_uuid(key)
        except ValueError as error:
            raise ValidationFailed({query.key: [str(error)]}) from None
        rows = query.rows(self.actor(request).tenant_id).filter(**{query.key: identity})
        row: dict[str, Any] | None = rows.values(*query.columns).first()
        if row is None:
            raise NotFound(f"{query.category} with id {identity}")
        return Response(row)


def _given(query: Query | None) -> Query:
    assert query is not None, "urls.py passes the query to as_view()"
    return query
