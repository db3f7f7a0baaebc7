"""Projections in the admin: how far each is, why it stands still, and what was done about it.

A projection serves all tenants. Superusers see all of it; an operator sees no error, name or
reason that comes from a tenant where they are none, and leaves out only an event of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from eventstore.admin.access import user_of, visible_tenants
from eventstore.admin.fields import ReasonForm
from eventstore.admin.filters import ListFilters
from eventstore.admin.pages import ListAdmin, posted
from eventstore.admin.paging import keyset_page
from eventstore.admin.rebuilds import last_runs
from eventstore.application import get_application
from eventstore.errors import Busy, NotApplicable
from eventstore.lag import ProjectionLag
from eventstore.models import SubscriptionAction, Tenant
from eventstore.rebuild_jobs import colleagues, is_of_the_machine, own_positions
from eventstore.subscription_log import PAUSE, RESUME, RETRY, SKIP, Act
from eventstore.tenancy import OPERATORS

PROJECTION_PAGE = "admin:eventstore_subscription_change"
ACTS = {act.action: act for act in (PAUSE, RESUME, RETRY, SKIP)}


@dataclass(frozen=True, slots=True)
class ProjectionLine:
    """A projection, and what of it the user may see and do."""

    lag: ProjectionLag
    sees_error: bool
    acts: list[Act]


@dataclass(frozen=True, slots=True)
class ActionLine:
    """What somebody did. `user` and `reason` are "" where they are of another tenant's."""

    action: SubscriptionAction
    user: str
    reason: str
    error: str


class SubscriptionAdmin(ListAdmin):
    """Its rows are lines of registration.py; the table has how far they are."""

    list_template = "projections.html"
    roles = OPERATORS

    def get_urls(self) -> list[URLPattern]:
        return [
            *super().get_urls(),
            self.reading_url("<str:name>/", self.projection_page, "change"),
            self.acting_url("<str:name>/<str:action>/", self.act_page, "act"),
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """All of them: registrations are few, so on one page."""
        filters = self.filters(request.GET, Tenant.objects.none())
        is_shut_out = not self._is_operator(request)
        lags = get_application().lag.projections() if filters.is_valid() else []
        context = {
            "title": "Projections",
            "filters": filters,
            "is_filtered": bool(request.GET),
            "rows": [] if is_shut_out else lags,
            "is_shut_out": is_shut_out,
        }
        return self.render(request, self.list_template, context)

    def projection_page(self, request: HttpRequest, name: str) -> HttpResponse:
        """How far it is, what failed, and the record."""
        line = self._line(request, name)
        cursors = ListFilters(request.GET, Tenant.objects.none())
        if not cursors.is_valid():
            raise Http404
        page = keyset_page(_actions().filter(projection=name), "-pk", cursors.cursor())
        context = {
            "title": name,
            "line": line,
            "lag": line.lag,
            "page": page,
            "record": self._record(request, page.rows),
            "runs": last_runs(request, name),
        }
        return self.render(request, "projection.html", context)

    def act_page(self, request: HttpRequest, name: str, action: str) -> HttpResponse:
        """Asks for the reason, then does it, and goes back."""
        line, act = self._line(request, name), ACTS.get(action)
        if act is None:
            raise Http404
        if act is SKIP and line.lag.failed_position is not None and not line.sees_error:
            return self.forbidden(request, "skip an event of another tenant's")
        form = ReasonForm(posted(request) if request.method == "POST" else None)
        if act in line.acts and not form.is_valid():
            context = {
                "title": f"{action.capitalize()} {name}",
                "line": line,
                "lag": line.lag,
                "action": action,
                "form": form,
            }
            status = 400 if form.errors else 200
            return self.render(request, "projection_act.html", context, status=status)
        reason = form.cleaned_data["reason"] if form.is_valid() else ""
        self._do(request, act, line.lag, reason)
        return redirect(PROJECTION_PAGE, name)

    def _do(self, request: HttpRequest, act: Act, lag: ProjectionLag, reason: str) -> None:
        """Not without a reason: then there was nothing to do when it was asked for."""
        # Only the event that the user has seen, and may leave out.
        failed = lag.failed_position or 0 if act is SKIP else None
        try:
            if not reason:
                raise NotApplicable(f"{lag.name} is {lag.status}, so it cannot be {act.done}.")
            user = user_of(request).get_username()
            get_application().subscriptions.act(
                act, lag.name, user=user, reason=reason, failed=failed
            )
            messages.success(request, f"{act.done.capitalize()}: {lag.name}.")
        except (NotApplicable, Busy) as error:
            messages.warning(request, f"Nothing has changed: {error}")

    def _is_operator(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser or self._tenants(request).exists())

    def _tenants(self, request: HttpRequest) -> QuerySet[Tenant]:
        return visible_tenants(request.user, self.roles)

    def _line(self, request: HttpRequest, name: str) -> ProjectionLine:
        """The projection of this name, or 404; and for those who operate no tenant."""
        lag = get_application().lag.projection(name) if self._is_operator(request) else None
        if lag is None:
            raise Http404
        sees_error = bool(request.user.is_superuser) or (
            lag.failed_tenant_id is not None
            and self._tenants(request).filter(pk=lag.failed_tenant_id).exists()
        )
        return ProjectionLine(lag, sees_error, possible(lag, may_skip=sees_error))

    def _record(
        self, request: HttpRequest, actions: Sequence[SubscriptionAction]
    ) -> list[ActionLine]:
        """With only those names, reasons and errors that the user may see."""
        if request.user.is_superuser:
            return [ActionLine(each, each.user, each.reason, each.error) for each in actions]
        tenants = list(self._tenants(request).values_list("pk", flat=True))
        known = colleagues(get_application(), tenants, {each.user for each in actions})
        skipped = [each.position for each in actions if each.action == "skip"]
        own = own_positions(get_application(), tenants, skipped)
        lines = []
        for each in actions:
            is_known = each.user in known or is_of_the_machine(each.user)
            has_own_error = each.action == "skip" and each.position in own
            user, reason = (each.user, each.reason) if is_known else ("", "")
            lines.append(ActionLine(each, user, reason, each.error if has_own_error else ""))
        return lines


def possible(lag: ProjectionLag, *, may_skip: bool) -> list[Act]:
    """What can be done to it now, as the core says when it is done."""
    if lag.is_inline:
        return []
    return [
        act
        for act in ACTS.values()
        if lag.status in act.possible
        and (lag.failed_position is not None or not act.ends_failure)
        and (may_skip or act is not SKIP)
    ]


def _actions() -> QuerySet[SubscriptionAction]:
    return SubscriptionAction.objects.using(get_application().database.alias)
