"""The list of process instances, and an instance's page with all that it did and waits for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Exists, Q, QuerySet, Subquery
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.timesince import timesince

from eventstore.admin.access import operates
from eventstore.admin.filters import ListFilters, TenantBySlug, slugs
from eventstore.admin.json_text import indented
from eventstore.admin.pages import ListAdmin
from eventstore.admin.paging import keyset_page
from eventstore.admin.process_steps import reactions, reactions_of, shown_steps
from eventstore.admin.records import about_process, last_notes
from eventstore.admin.retries import ReactionRetry
from eventstore.admin.standings import Standing, own, set_aside, standings, unfinished
from eventstore.application import get_application
from eventstore.models import ProcessInstance, Reaction, StoredStream, Tenant

OPEN, SET_ASIDE, ENDED = "open", "set-aside", "ended"
STANDINGS = [("", "any"), (OPEN, "open"), (SET_ASIDE, "set aside"), (ENDED, "ended")]

#: Below this, the age of what is open is not told: it would be another at every look.
SHORTEST_AGE = timedelta(minutes=1)


class ProcessFilters(ListFilters):
    tenant = TenantBySlug()
    process = forms.CharField(required=False, max_length=100)
    standing = forms.ChoiceField(required=False, choices=STANDINGS)

    def suggestions(self, tenants: QuerySet[Tenant]) -> dict[str, list[str]]:
        names = sorted(entry.manager.name for entry in get_application().processes)
        return {"tenant": slugs(tenants), "process": names}

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        for field in ("tenant", "process"):
            if value := self.cleaned_data[field]:
                rows = rows.filter((field, value))
        match self.cleaned_data["standing"]:
            case "open":
                return rows.filter(~Q(waits_for="") | Q(pk__in=unfinished()))
            case "set-aside":
                return rows.filter(Exists(own(set_aside())))
            case "ended":
                return rows.filter(waits_for="")
            case _:
                return rows


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """An instance in words; `age` since its start, or of one that has ended how long it took."""

    instance: Any
    age: str
    standing: Standing


class ProcessAdmin(ListAdmin):
    list_template = "processes.html"
    filters = ProcessFilters

    def get_urls(self) -> list[URLPattern]:
        return [
            *super().get_urls(),
            self.reading_url("<int:pk>/", self.instance_page, "change"),
            ReactionRetry(self).url(),
        ]

    def rows(self) -> QuerySet[Any]:
        last_step = own(reactions()).filter(status=Reaction.Status.DONE).order_by("-id")
        rows: QuerySet[Any] = (
            super()
            .rows()
            .select_related("tenant")
            .defer("state")
            .annotate(
                last_step=Subquery(last_step.values("name")[:1]),
                last_step_at=Subquery(last_step.values("ended_at")[:1]),
                seen_at=Now(),
            )
        )
        return rows

    def shown(self, rows: Sequence[Any]) -> Sequence[Any]:
        found = standings(rows)
        return [ProcessLine(each, age_of(each), found[each.pk]) for each in rows]

    def instance_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The state as it is stored, then every reaction with what it sent."""
        instance = self.one_row(request, pk)
        cursors = ListFilters(request.GET, Tenant.objects.none())
        if not cursors.is_valid():
            raise Http404
        page = keyset_page(reactions_of(instance), "id", cursors.cursor())
        state = ProcessInstance.objects.using(get_application().database.alias)
        context = {
            "title": str(instance),
            "instance": instance,
            "age": age_of(instance),
            "standing": standings([instance])[pk],
            "state": indented(state.values_list("state", flat=True).get(pk=pk) or ""),
            "stream": _stream_of(instance),
            "page": page,
            "steps": shown_steps(instance, page.rows),
            "may_retry": operates(request.user, instance.tenant),
            "notes": last_notes(instance.tenant, about_process(instance)),
        }
        return self.render(request, "process.html", context)


def age_of(instance: Any) -> str:
    """By the database's clock; in one line of a narrow column."""
    if not instance.waits_for:
        return f"{(instance.updated_at - instance.started_at).total_seconds():,.2f}\xa0s"
    if instance.seen_at - instance.started_at < SHORTEST_AGE:
        return "under a minute"
    return timesince(instance.started_at, instance.seen_at)


def _stream_of(instance: Any) -> StoredStream | None:
    """The aggregate that the instance is named after, if it is named after one."""
    streams = StoredStream.objects.using(get_application().database.alias)
    return streams.filter(tenant=instance.tenant_id, aggregate_id=instance.instance_id).first()
