"""The URLs while the benchmark sends requests: the project's own, then the rival's."""

from django.urls import path

from config import urls
from tests.benchmarks.plain_rest import AccountListView, DepositView

urlpatterns = [
    *urls.urlpatterns,
    path("plain/deposit-money", DepositView.as_view()),
    path("plain/accounts", AccountListView.as_view()),
]
