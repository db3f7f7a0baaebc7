"""The event store's own calls, under `/api/`."""

from django.urls import path

from eventstore.api.views import CommandView

urlpatterns = [path("commands/<str:name>", CommandView.as_view(), name="command")]
