"""The queries, under `/api/`: a list and a detail for each of `projections.queries.QUERIES`."""

from django.urls import URLPattern, path

from projections.api.views import (
    BalanceView,
    DetailView,
    ListView,
    OverviewView,
    StatementView,
)
from projections.queries import OVERVIEW, QUERIES, STATEMENT, TOTALS

urlpatterns: list[URLPattern] = [
    path("accounts/<str:key>/statement", StatementView.as_view(query=STATEMENT), name="statement"),
    path("accounts/<str:key>/balance", BalanceView.as_view(query=STATEMENT), name="balance"),
    path(TOTALS.name, ListView.as_view(query=TOTALS), name=TOTALS.name),
    path(OVERVIEW.name, OverviewView.as_view(query=OVERVIEW), name=OVERVIEW.name),
]
for query in QUERIES:
    urlpatterns += [
        path(query.name, ListView.as_view(query=query), name=query.name),
        path(f"{query.name}/<str:key>", DetailView.as_view(query=query), name=query.category),
    ]
