"""What tenants have otherwise: their overrides, whether each holds, and how to switch it."""

import inspect
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from eventstore.admin.access import operates, user_of, visible_tenants
from eventstore.admin.fields import ReasonForm
from eventstore.admin.filters import ListFilters, TenantBySlug, slugs
from eventstore.admin.pages import ListAdmin, posted
from eventstore.admin.paging import Page, keyset_page
from eventstore.admin.records import about_override, note
from eventstore.application import get_application
from eventstore.models import OverrideSwitch, Tenant
from eventstore.overrides import Override

OVERRIDE_PAGE = "admin:eventstore_overrideswitch_change"


@dataclass(frozen=True, slots=True)
class OverrideLine:
    """An override in its tenant, and the last switch; None: nobody has switched it yet."""

    tenant: Tenant
    override: Override
    name: str
    last: OverrideSwitch | None

    @property
    def is_active(self) -> bool:
        return self.last is None or self.last.active

    @property
    def function_name(self) -> str:
        function = self.override.plain_function
        return f"{function.__module__}.{function.__qualname__}"

    @property
    def summary(self) -> str:
        """The first line of its function's docstring."""
        return (inspect.getdoc(self.override.plain_function) or "").partition("\n")[0]


class OfTenant(ListFilters):
    tenant = TenantBySlug()

    def suggestions(self, tenants: QuerySet[Tenant]) -> dict[str, list[str]]:
        return {"tenant": slugs(tenants)}


class OverrideAdmin(ListAdmin):
    """Its rows are lines of registration.py; the table has only their switches."""

    list_template = "overrides.html"
    filters = OfTenant

    def get_urls(self) -> list[URLPattern]:
        one = "<slug:slug>/<str:name>/"
        return [
            *super().get_urls(),
            self.reading_url(one, self.override_page, "change"),
            self.acting_url(f"{one}off/", self.off_page, "off"),
            self.acting_url(f"{one}on/", self.on_page, "on"),
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """All of the user's tenants, or those of one; registrations are few, so on one page."""
        tenants = visible_tenants(request.user, self.roles)
        filters = self.filters(request.GET, tenants)
        rows = []
        if filters.is_valid():
            wanted = filters.cleaned_data["tenant"]
            rows = lines(tenants.filter(pk=wanted.pk) if wanted else tenants)
        context = {
            "title": "Overrides",
            "filters": filters,
            "is_filtered": bool(request.GET),
            "rows": rows,
            "is_shut_out": not (request.user.is_superuser or tenants.exists()),
        }
        return self.render(request, self.list_template, context)

    def override_page(self, request: HttpRequest, slug: str, name: str) -> HttpResponse:
        """Whether it holds, and every switch with its reason."""
        line = self._line(request, slug, name)
        cursors = ListFilters(request.GET, Tenant.objects.none())
        if not cursors.is_valid():
            raise Http404
        page: Page[Any] = keyset_page(
            self.rows().filter(tenant=line.tenant, override=name), "-pk", cursors.cursor()
        )
        context = {
            "title": name,
            "line": line,
            "page": page,
            "may_switch": operates(request.user, line.tenant),
        }
        return self.render(request, "override.html", context)

    def off_page(self, request: HttpRequest, slug: str, name: str) -> HttpResponse:
        return self._switch_page(request, slug, name, active=False)

    def on_page(self, request: HttpRequest, slug: str, name: str) -> HttpResponse:
        return self._switch_page(request, slug, name, active=True)

    def _switch_page(
        self, request: HttpRequest, slug: str, name: str, *, active: bool
    ) -> HttpResponse:
        """Asks for the reason, then switches the override for every process."""
        line = self._line(request, slug, name)
        verb = "Switch on" if active else "Switch off"
        if not operates(request.user, line.tenant):
            return self.forbidden(request, f"switch overrides of {line.tenant}")
        form = ReasonForm(posted(request) if request.method == "POST" else None)
        if form.is_valid():
            self._switch(request, line, active=active, reason=form.cleaned_data["reason"])
            return redirect(OVERRIDE_PAGE, slug, name)
        context = {
            "title": f"{verb} {name}",
            "line": line,
            "form": form,
            "verb": verb,
            "active": active,
        }
        status = 400 if form.errors else 200
        return self.render(request, "override_switch.html", context, status=status)

    def _switch(
        self, request: HttpRequest, line: OverrideLine, *, active: bool, reason: str
    ) -> None:
        application, user = get_application(), user_of(request)
        word = "on" if active else "off"
        with application.database.transaction():
            # Two operators at once: the second finds what the first has done.
            application.access.hold(line.tenant)
            done = application.overrides.switch(
                line.tenant.pk, line.name, active=active, user=user.get_username(), reason=reason
            )
            if done:
                about, what = about_override(line.name), f"Switched {word}"
                note(user, line.tenant, about, flag=CHANGE, what=what, reason=reason)
        if done:
            messages.success(request, f"{line.name} is {word} in {line.tenant} from now on.")
        else:
            messages.warning(request, f"{line.name} was {word} before. Nothing has changed.")

    def _line(self, request: HttpRequest, slug: str, name: str) -> OverrideLine:
        """The tenant's override of this name, or 404: the same for none and for another's."""
        for line in lines(visible_tenants(request.user, self.roles).filter(slug=slug)):
            if line.name == name:
                return line
        raise Http404


def lines(tenants: QuerySet[Tenant]) -> list[OverrideLine]:
    """What is registered for these tenants, by tenant and name."""
    application = get_application()
    registered = [
        (override, application.overrides.name_of(override.target))
        for override in application.overrides
    ]
    known = {override.tenant_slug for override, _ in registered}
    by_slug = {tenant.slug: tenant for tenant in tenants.filter(slug__in=known)}
    switches = OverrideSwitch.objects.using(application.database.alias)
    last = {
        (switch.tenant_id, switch.override): switch
        for switch in switches.filter(tenant__in=by_slug.values())
        .order_by("tenant", "override", "-pk")
        .distinct("tenant", "override")
    }
    found = [
        OverrideLine(tenant, override, name, last.get((tenant.pk, name)))
        for override, name in registered
        if (tenant := by_slug.get(override.tenant_slug))
    ]
    return sorted(found, key=lambda line: (line.tenant.slug, line.name))
