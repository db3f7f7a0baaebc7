"""The queries, under `/api/`; one pair of lines for each read model."""

from django.urls import path

from projections.api.views import DetailView, ListView
from projections.queries import ACCOUNTS, PERSONS

urlpatterns = [
    path("persons", ListView.as_view(query=PERSONS), name="persons"),
    path("persons/<str:key>", DetailView.as_view(query=PERSONS), name="person"),
    path("accounts", ListView.as_view(query=ACCOUNTS), name="accounts"),
    path("accounts/<str:key>", DetailView.as_view(query=ACCOUNTS), name="account"),
]
