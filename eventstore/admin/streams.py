"""The list of streams, and a stream's timeline with its events."""

from typing import Any

from django import forms
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern

from eventstore.admin.box_acts import BoxActs, open_box, operator_in
from eventstore.admin.filters import ListFilters, StreamName, TenantBySlug, categories, slugs
from eventstore.admin.pages import ListAdmin
from eventstore.admin.paging import keyset_page
from eventstore.admin.states import StatePages
from eventstore.admin.timeline import timeline
from eventstore.application import get_application
from eventstore.models import Snapshot, StoredEvent, StoredStream, Tenant

STATUSES = [("", "any"), *StoredStream.Status.choices]


class StreamFilters(ListFilters):
    tenant = TenantBySlug()
    category = forms.CharField(required=False, max_length=50)
    status = forms.ChoiceField(required=False, choices=STATUSES)
    stream = StreamName(required=False, max_length=100, label="Stream or aggregate id")

    def suggestions(self, tenants: QuerySet[Tenant]) -> dict[str, list[str]]:
        return {"tenant": slugs(tenants), "category": categories()}

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.cleaned_data
        if wanted["tenant"]:
            rows = rows.filter(tenant=wanted["tenant"])
        if wanted["category"]:
            rows = rows.filter(category=wanted["category"])
        if wanted["status"]:
            rows = rows.filter(status=wanted["status"])
        if wanted["stream"]:
            category, aggregate_id = wanted["stream"]
            rows = rows.filter(aggregate_id=aggregate_id)
            rows = rows.filter(category=category) if category else rows
        return rows


class TimelineFilters(ListFilters):
    order = forms.ChoiceField(
        required=False, choices=[("", "newest first"), ("oldest", "oldest first")]
    )


class StreamAdmin(ListAdmin):
    list_template = "streams.html"
    filters = StreamFilters

    def get_urls(self) -> list[URLPattern]:
        return [
            *super().get_urls(),
            self.reading_url("<int:pk>/", self.timeline_page, "change"),
            *StatePages(self).urls(),
            *BoxActs(self).urls(),
        ]

    def rows(self) -> QuerySet[Any]:
        last_event = StoredEvent.objects.filter(stream=OuterRef("pk"), version=OuterRef("version"))
        rows: QuerySet[Any] = (
            super()
            .rows()
            .select_related("tenant")
            .annotate(
                last_event_type=Subquery(last_event.values("type")),
                last_event_at=Subquery(last_event.values("recorded_at")),
            )
        )
        return rows

    def timeline_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The timeline: the stream's head, then its events by version."""
        stream = self.one_row(request, pk)
        filters = TimelineFilters(request.GET, Tenant.objects.none())
        if not filters.is_valid():
            raise Http404
        oldest_first = filters.cleaned_data["order"] == "oldest"
        alias = get_application().database.alias
        events = StoredEvent.objects.using(alias).filter(stream=stream)
        snapshots = Snapshot.objects.using(alias).filter(stream=stream)
        page = keyset_page(events, "version" if oldest_first else "-version", filters.cursor())
        is_boxed = stream.status == StoredStream.Status.BOXED
        context = {
            "title": str(stream),
            "stream": stream,
            "oldest_first": oldest_first,
            "page": page,
            "last_snapshot": snapshots.order_by("-version").first(),
            "timeline": timeline(stream, page.rows),
            "box": open_box(stream) if is_boxed else None,
            "may_box": operator_in(request, stream.tenant) is not None,
        }
        return self.render(request, "stream.html", context)
