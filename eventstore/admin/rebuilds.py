"""Rebuilds in the admin: asked for with a reason, followed while the background does them, looked
up later with what they have found.

As with projections, an operator sees nothing here of tenants in which they are none.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse

from eventstore import rebuild_jobs
from eventstore.admin.access import user_of, visible_tenants
from eventstore.admin.fields import ReasonForm
from eventstore.admin.filters import ListFilters
from eventstore.admin.pages import ListAdmin, posted
from eventstore.admin.paging import Page, keyset_page
from eventstore.application import get_application
from eventstore.errors import NotApplicable
from eventstore.models import Rebuild, StoredEvent, Tenant
from eventstore.rebuild_jobs import ShownRebuild
from eventstore.serialization import encode_text
from eventstore.tenancy import OPERATORS

RUN_PAGE = "admin:eventstore_rebuild_change"
#: Seconds after which the page of a run that goes on is loaded again.
REFRESH = 2
#: Runs on a projection's own page.
LAST_RUNS = 5

LIVE = (Rebuild.Status.WAITING, Rebuild.Status.RUNNING)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, as far as its last batch tells. None: that cannot be said yet."""

    percent: int
    rate: int | None
    left: timedelta | None


@dataclass(frozen=True, slots=True)
class ShownDifference:
    """A row that differs; `event` is where to go from the first one that the row does not show."""

    difference: dict[str, Any]
    key: str
    tenant: str
    event: StoredEvent | None

    @property
    def cursor(self) -> int | None:
        """Opens the timeline, newest first, at the event."""
        return self.event.version + 1 if self.event else None


class RunFilters(ListFilters):
    projection = forms.CharField(required=False, max_length=100)

    def suggestions(self, tenants: QuerySet[Tenant]) -> dict[str, list[str]]:
        names = [each.name for each in get_application().projections]
        return {"projection": names if tenants.exists() else []}


class RebuildAdmin(ListAdmin):
    """What was asked for and done about the rows of projections."""

    list_template = "rebuilds.html"
    filters = RunFilters
    roles = OPERATORS

    def get_urls(self) -> list[URLPattern]:
        return [
            *super().get_urls(),
            self.reading_url("<int:pk>/", self.run_page, "change"),
            self.acting_url("ask/<str:name>/<str:kind>/", self.ask_page, "ask"),
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        tenants = seen_tenants(request)
        filters = self.filters(request.GET, visible_tenants(request.user, self.roles))
        page: Page[Rebuild] = Page(rows=[])
        if filters.is_valid() and tenants != set():
            rows = rebuild_jobs.runs(get_application(), tenants)
            if filters.cleaned_data["projection"]:
                rows = rows.filter(projection=filters.cleaned_data["projection"])
            page = keyset_page(rows, self.order, filters.cursor())
        context = {
            "title": "Rebuilds",
            "filters": filters,
            "is_filtered": bool(request.GET),
            "page": page,
            "rows": rebuild_jobs.shown(get_application(), page.rows, tenants),
            "is_shut_out": tenants == set(),
        }
        return self.render(request, self.list_template, context)

    def run_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How far it is, why it failed, what it has found; loaded again while it goes on."""
        tenants = seen_tenants(request)
        run = rebuild_jobs.runs(get_application(), tenants).filter(pk=pk).first()
        if run is None or tenants == set():
            raise Http404
        (found,) = rebuild_jobs.shown(get_application(), [run], tenants)
        is_live = run.status in LIVE
        context = {
            "title": f"{run.get_kind_display()} of {run.projection}",
            "run": run,
            "found": found,
            "progress": progress_of(run),
            "is_live": is_live,
            "is_alone": is_live and get_application().rebuilding.log.is_free(run.projection),
            "refresh": REFRESH if is_live and "still" not in request.GET else None,
            "differences": shown_differences(found),
            "may_fix": run.status == Rebuild.Status.DIFFERS,
        }
        return self.render(request, "rebuild_run.html", context)

    def ask_page(self, request: HttpRequest, name: str, kind: str) -> HttpResponse:
        """Asks for the reason, then puts it down for the background."""
        is_known = get_application().projections.named(name) and kind in Rebuild.Kind.values
        if not is_known or seen_tenants(request) == set():
            raise Http404
        form = ReasonForm(posted(request) if request.method == "POST" else None)
        if not form.is_valid():
            context = {
                "title": f"{kind.capitalize()} {name}",
                "name": name,
                "kind": kind,
                "form": form,
            }
            status = 400 if form.errors else 200
            return self.render(request, "rebuild_ask.html", context, status=status)
        user, reason = user_of(request).get_username(), form.cleaned_data["reason"]
        try:
            run = rebuild_jobs.ask(get_application(), kind, name, user=user, reason=reason)
        except NotApplicable as error:
            messages.warning(request, f"Nothing was asked for: {error}")
            return redirect(f"{reverse('admin:eventstore_rebuild_changelist')}?projection={name}")
        return redirect(RUN_PAGE, run.pk)


def seen_tenants(request: HttpRequest) -> set[UUID] | None:
    """Those that the user operates; None: a superuser, who sees everything."""
    if request.user.is_superuser:
        return None
    return set(visible_tenants(request.user, OPERATORS).values_list("pk", flat=True))


def last_runs(request: HttpRequest, name: str) -> list[ShownRebuild]:
    """For the projection's own page."""
    tenants = seen_tenants(request)
    rows = rebuild_jobs.runs(get_application(), tenants).filter(projection=name)
    last = list(rows.order_by("-pk")[:LAST_RUNS])
    return rebuild_jobs.shown(get_application(), last, tenants)


def progress_of(run: Rebuild) -> Progress:
    """By positions, which run ahead of events where some are missing, but as far as they do."""
    percent = min(99, run.position * 100 // run.head) if run.head else 0
    elapsed = (run.updated_at - run.started_at).total_seconds() if run.started_at else 0
    if elapsed <= 0 or run.position <= 0:
        return Progress(percent, None, None)
    left = max(0, run.head - run.position) * elapsed / run.position
    return Progress(percent, round(run.events / elapsed), timedelta(seconds=round(left)))


def shown_differences(found: ShownRebuild) -> list[ShownDifference]:
    """With the slugs of their tenants, and the events that can be looked at."""
    alias = get_application().database.alias
    wanted = {each["tenant_id"] for each in found.differences}
    slugs = dict(Tenant.objects.using(alias).filter(pk__in=wanted).values_list("pk", "slug"))
    positions = [each["position"] for each in found.differences if each["position"]]
    events = StoredEvent.objects.using(alias).filter(position__in=positions)
    by_place = {
        (event.position, str(event.tenant_id)): event
        for event in events.select_related("stream").defer("data", "metadata", "hash")
    }
    return [
        ShownDifference(
            difference=each,
            key=", ".join(f"{name} {plain(value)}" for name, value in each["key"].items()),
            tenant=slugs.get(UUID(each["tenant_id"]), each["tenant_id"]),
            event=by_place.get((each["position"], each["tenant_id"])),
        )
        for each in found.differences
    ]


def plain(value: object) -> str:
    return value if isinstance(value, str) else encode_text(value)
