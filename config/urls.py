"""Every URL of the project."""

from django.contrib import admin
from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from config.api_docs import DocsView, SchemaView
from config.health import metrics, readyz


def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Asks nothing else, so that a slow database kills no web process."""
    return JsonResponse({"status": "ok"})


urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/", RedirectView.as_view(pattern_name="api-docs")),
    # They change nothing, and other methods shall get their 405 as everywhere under /api/.
    path("api/docs", csrf_exempt(DocsView.as_view()), name="api-docs"),
    path("api/schema", csrf_exempt(SchemaView.as_view()), name="api-schema"),
    path("api/", include("eventstore.api.urls")),
    path("api/", include("projections.api.urls")),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
]

handler400 = "config.api_errors.bad_request"
handler404 = "config.api_errors.not_found"
handler500 = "config.api_errors.server_error"
