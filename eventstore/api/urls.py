"""The event store's own calls, under `/api/`."""

from uuid import UUID

from django.urls import path, register_converter
from django.urls.converters import UUIDConverter

from eventstore.api.feed import FeedView
from eventstore.api.projections import ProjectionActView, ProjectionListView
from eventstore.api.rebuilds import RebuildAskView, RebuildListView, RebuildView
from eventstore.api.streams import StateView, StreamListView, StreamView
from eventstore.api.views import CommandLogView, CommandView, LoggedCommandView
from eventstore.subscription_log import PAUSE, RESUME, RETRY, SKIP


class AnyCaseUuid(UUIDConverter):
    """Django's own takes lower case alone."""

    regex = "(?i:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"

    def to_python(self, value: str) -> UUID:
        return UUID(value)


register_converter(AnyCaseUuid, "any_case_uuid")

urlpatterns = [
    path("commands", CommandLogView.as_view(), name="commands"),
    path(
        "commands/<any_case_uuid:command_id>", LoggedCommandView.as_view(), name="logged-command"
    ),
    path("commands/<str:name>", CommandView.as_view(), name="command"),
    path("projections", ProjectionListView.as_view(), name="projections"),
    path("projections/<str:name>/pause", ProjectionActView.as_view(act=PAUSE)),
    path("projections/<str:name>/resume", ProjectionActView.as_view(act=RESUME)),
    path("projections/<str:name>/retry", ProjectionActView.as_view(act=RETRY)),
    path("projections/<str:name>/skip", ProjectionActView.as_view(act=SKIP)),
    path("projections/<str:name>/rebuild", RebuildAskView.as_view()),
    path("projections/<str:name>/rebuilds", RebuildListView.as_view(), name="rebuilds"),
    path("projections/<str:name>/rebuilds/<int:number>", RebuildView.as_view(), name="rebuild"),
    path("feed", FeedView.as_view(), name="feed"),
    path("streams", StreamListView.as_view(), name="streams"),
    path("streams/<str:category>/<str:key>", StreamView.as_view(), name="stream"),
    path("streams/<str:category>/<str:key>/state", StateView.as_view(), name="state"),
]
