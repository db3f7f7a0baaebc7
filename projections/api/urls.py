"""The queries, under `/api/`: a list and a detail for each of `projections.queries.QUERIES`."""

from django.urls import URLPattern, path

from projections.api.views import DetailView, ListView
from projections.queries import QUERIES

urlpatterns: list[URLPattern] = []
for query in QUERIES:
    urlpatterns += [
        path(query.name, ListView.as_view(query=query), name=query.name),
        path(f"{query.name}/<str:key>", DetailView.as_view(query=query), name=query.category),
    ]
