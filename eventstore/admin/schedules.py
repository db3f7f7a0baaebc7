"""Commands for later: which are still to be done, and what operators may do about them.

They stand in the command log; these pages hang beside it, and show its waiting end, oldest first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse

from eventstore.admin.access import of_visible_tenants, operates, user_of, visible_tenants
from eventstore.admin.fields import ReasonForm
from eventstore.admin.filters import ListFilters, TenantBySlug, slugs
from eventstore.admin.pages import ListAdmin, posted
from eventstore.admin.paging import Page, page_by_time
from eventstore.admin.records import about_command, note
from eventstore.application import Application, get_application
from eventstore.errors import NotCancellable
from eventstore.models import StoredCommand, Tenant
from eventstore.tenancy import INSPECTORS, OPERATORS

LIST_PAGE, NOW_PAGE, CANCEL_PAGE = "schedules", "run_now", "cancel"
SCHEDULES = "admin:eventstore_storedcommand_schedules"

SET_ASIDE = "set-aside"
STANDINGS = [("", "to be done"), (SET_ASIDE, "set aside")]
WAITING = ("scheduled", "pending")

NOT_WAITING = "It does not wait any more, as below. Nothing has changed."


class ScheduleFilters(ListFilters):
    tenant = TenantBySlug()
    type = forms.CharField(required=False, max_length=100)
    standing = forms.ChoiceField(required=False, choices=STANDINGS)

    def suggestions(self, tenants: QuerySet[Tenant]) -> dict[str, list[str]]:
        names = sorted(command_type.name for command_type in get_application().commands.offered())
        return {"tenant": slugs(tenants), "type": names}

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """In the words of the partial indexes: the log behind them is long."""
        for field in ("tenant", "type"):
            if value := self.cleaned_data[field]:
                rows = rows.filter((field, value))
        if self.cleaned_data["standing"] == SET_ASIDE:
            return set_aside(rows)
        return rows.filter(status__in=WAITING, reaction__isnull=True)


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """A command that is to be done, and what the user may do about it."""

    command: Any
    may_act: bool

    @property
    def held_until(self) -> datetime | None:
        """None: it only waits for its time, or for a worker."""
        until: datetime | None = self.command.lease_until
        is_held = until is not None and until > self.command.seen_at
        return until if is_held and self.command.status in WAITING else None

    @property
    def last_error(self) -> str:
        result = self.command.result or {}
        return str(result.get("error") or result.get("detail") or "")


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that operators do to a waiting command; `do` raises NotCancellable, too late."""

    page: str
    verb: str
    template: str
    #: On the record.
    what: str
    done: str
    do: Callable[[Application, StoredCommand, str, str], None]


def _run_now(application: Application, command: StoredCommand, user: str, reason: str) -> None:
    application.scheduling.do_now(command.tenant_id, command.id)


def _cancel(application: Application, command: StoredCommand, user: str, reason: str) -> None:
    application.scheduling.cancel(command.tenant_id, command.id, user=user, reason=reason)


RUN_NOW = Act(
    page=NOW_PAGE,
    verb="Run now",
    template="schedule_now.html",
    what="Made due at once",
    done="It is due now: the next worker that is free does it.",
    do=_run_now,
)
CANCEL = Act(
    page=CANCEL_PAGE,
    verb="Cancel",
    template="schedule_cancel.html",
    what="Cancelled",
    done="It is cancelled, and will never be done.",
    do=_cancel,
)


class SchedulePages:
    """Hangs on the admin of commands, which lends its URL and its look."""

    def __init__(self, pages: ListAdmin) -> None:
        self._pages = pages

    def urls(self) -> list[URLPattern]:
        return [
            self._pages.reading_url("schedules/", self.list_page, LIST_PAGE),
            self._pages.acting_url("<int:pk>/run-now/", self.now_page, NOW_PAGE),
            self._pages.acting_url("<int:pk>/cancel/", self.cancel_page, CANCEL_PAGE),
        ]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        tenants = visible_tenants(request.user, INSPECTORS)
        filters = ScheduleFilters(request.GET, tenants)
        visible = self._visible(request)
        page: Page[Any] = Page(rows=[])
        if filters.is_valid():
            page = page_by_time(filters.narrow(visible), visible, "due_at", filters.cursor())
        operated = set(visible_tenants(request.user, OPERATORS).values_list("pk", flat=True))
        context = {
            "title": "Schedules",
            "section": LIST_PAGE,
            "filters": filters,
            "is_filtered": bool(request.GET),
            "page": page,
            "rows": [ScheduleLine(each, each.tenant_id in operated) for each in page.rows],
            "set_aside": set_aside(visible).count(),
            "is_shut_out": not (page.rows or request.user.is_superuser or tenants.exists()),
        }
        return self._pages.render(request, "schedules.html", context)

    def now_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(request, pk, RUN_NOW)

    def cancel_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(request, pk, CANCEL)

    def _visible(self, request: HttpRequest) -> QuerySet[Any]:
        rows = StoredCommand.objects.using(get_application().database.alias)
        rows = of_visible_tenants(rows, request.user, INSPECTORS)
        shown: QuerySet[Any] = rows.select_related("tenant").defer("data").annotate(seen_at=Now())
        return shown

    def _act(self, request: HttpRequest, pk: int, act: Act) -> HttpResponse:
        """Asks for the reason, then does it and goes to the command, which shows the record."""
        command = self._visible(request).filter(pk=pk, due_at__isnull=False, reaction=None).first()
        if command is None:
            raise Http404
        if not operates(request.user, command.tenant):
            return self._pages.forbidden(request, f"{act.verb.lower()} in {command.tenant}")
        form = ReasonForm(posted(request) if request.method == "POST" else None)
        if may_be_acted_on(command, act) and not form.is_valid():
            title = f"{act.verb}: {command.type}"
            context = {"title": title, "section": LIST_PAGE, "command": command, "form": form}
            context["verb"] = act.verb
            status = 400 if form.errors else 200
            return self._pages.render(request, act.template, context, status=status)
        if may_be_acted_on(command, act) and _done(request, command, act, form):
            messages.success(request, act.done)
        else:
            messages.warning(request, NOT_WAITING)
        return redirect(reverse("admin:eventstore_storedcommand_change", args=[pk]))


def may_be_acted_on(command: StoredCommand, act: Act) -> bool:
    """Whether it looks like that; when it is done, the database decides."""
    if command.due_at is None or command.reaction_id is not None:
        return False
    return command.status in (WAITING if act is RUN_NOW else ("scheduled",))


def set_aside(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Commands for later that were given up."""
    return rows.filter(status="failed", reaction__isnull=True)


def _done(request: HttpRequest, command: StoredCommand, act: Act, form: ReasonForm) -> bool:
    """Whether it was not too late; then it stands on the record in one transaction."""
    application, user = get_application(), user_of(request)
    reason = form.cleaned_data["reason"]
    try:
        with application.database.transaction():
            act.do(application, command, user.get_username(), reason)
            about = about_command(command)
            note(user, command.tenant, about, flag=CHANGE, what=act.what, reason=reason)
    except NotCancellable:
        return False
    return True
