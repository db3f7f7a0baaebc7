"""Copies of rows in the admin: as of when each is, whose, and how to drop one.

One of all tenants is read by all of them, so only a superuser drops it; and an operator sees no
name, reason or number of rows there that may be another tenant's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import AbstractUser
from django.contrib.contenttypes.models import ContentType
from django.db import OperationalError
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern

from eventstore.admin.access import user_of, visible_tenants
from eventstore.admin.fields import ReasonForm
from eventstore.admin.filters import ListFilters, TenantBySlug, slugs
from eventstore.admin.pages import ListAdmin, posted
from eventstore.admin.records import note
from eventstore.application import get_application
from eventstore.errors import NotFound
from eventstore.models import RowCopy, Tenant
from eventstore.rebuild_jobs import colleagues, is_of_the_machine
from eventstore.tenancy import OPERATORS

COPIES_PAGE = "admin:eventstore_rowcopy_changelist"


@dataclass(frozen=True, slots=True)
class CopyLine:
    """A copy, and what of it the user may see. `slug` is "" where it is of all tenants."""

    copy: RowCopy
    slug: str
    rows: int | None
    user: str
    reason: str
    may_drop: bool


class CopyFilters(ListFilters):
    tenant = TenantBySlug()

    def suggestions(self, tenants: QuerySet[Tenant]) -> dict[str, list[str]]:
        return {"tenant": slugs(tenants)}

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Those of its own: one of all tenants is no tenant's."""
        wanted = self.cleaned_data["tenant"]
        return rows.filter(tenant_id=wanted.pk) if wanted else rows


class CopyAdmin(ListAdmin):
    """Made on the command line, since that may take minutes."""

    list_template = "copies.html"
    filters = CopyFilters
    roles = OPERATORS

    def get_urls(self) -> list[URLPattern]:
        return [
            *super().get_urls(),
            self.acting_url("<int:pk>/drop/", self.drop_page, "drop"),
        ]

    def rows(self) -> QuerySet[Any]:
        tenant = Tenant.objects.filter(pk=OuterRef("tenant_id"))
        rows: QuerySet[Any] = super().rows().annotate(slug=Subquery(tenant.values("slug")))
        return rows

    def visible_rows(self, request: HttpRequest) -> QuerySet[Any]:
        """Of the tenants that the user operates, and of all tenants."""
        if request.user.is_superuser:
            return self.rows()
        tenants = visible_tenants(request.user, self.roles)
        if not tenants.exists():
            return self.rows().none()
        mine = Q(("tenant_id__in", tenants.values("pk"))) | Q(("tenant_id", None))
        return self.rows().filter(mine)

    def render(
        self, request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
    ) -> TemplateResponse:
        """What the user may see of a row depends on who asks."""
        if template == self.list_template:
            context["rows"] = self._lines(request, context["rows"])
        return super().render(request, template, context, status=status)

    def _lines(self, request: HttpRequest, copies: Sequence[Any]) -> list[CopyLine]:
        """With two statements for however many."""
        if request.user.is_superuser:
            return [_whole(copy) for copy in copies]
        mine = list(visible_tenants(request.user, self.roles).values_list("pk", flat=True))
        known = colleagues(get_application(), mine, {copy.user for copy in copies})
        return [
            _whole(copy) if copy.tenant_id else _of_all(copy, is_known=copy.user in known)
            for copy in copies
        ]

    def drop_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks for the reason, then drops it: queries of it answer as if it had never been."""
        copy = self.one_row(request, pk)
        if copy.tenant_id is None and not request.user.is_superuser:
            return self.forbidden(request, "drop a copy that all tenants read")
        form = ReasonForm(posted(request) if request.method == "POST" else None)
        if form.is_valid():
            self._drop(request, copy, form.cleaned_data["reason"])
            return redirect(COPIES_PAGE)
        (line,) = self._lines(request, [copy])
        context = {"title": "Drop a copy", "line": line, "copy": copy, "form": form}
        return self.render(request, "copy_drop.html", context, status=400 if form.errors else 200)

    def _drop(self, request: HttpRequest, copy: Any, reason: str) -> None:
        user = user_of(request)
        try:
            get_application().copies.drop(
                copy.label, copy.tenant_id, user=user.get_username(), reason=reason, number=copy.pk
            )
        except NotFound:
            messages.warning(
                request, f"Copy {copy.label} was dropped before. Nothing has changed."
            )
        except OperationalError:
            messages.warning(
                request, f"Copy {copy.label} is being read. Nothing has changed; try again."
            )
        else:
            _note(user, copy, reason)
            messages.success(request, f"Copy {copy.label} is dropped.")


def _whole(copy: Any) -> CopyLine:
    return CopyLine(copy, copy.slug or "", copy.rows, copy.user, copy.reason, may_drop=True)


def _of_all(copy: Any, *, is_known: bool) -> CopyLine:
    """For an operator: its rows are those of all tenants, counted together."""
    is_told = is_known or is_of_the_machine(copy.user)
    user, reason = (copy.user, copy.reason) if is_told else ("", "")
    return CopyLine(copy, "", None, user, reason, may_drop=False)


def _note(user: AbstractUser, copy: Any, reason: str) -> None:
    """In the record of its tenant, or where it is of all, in Django's alone."""
    alias, about = get_application().database.alias, f"copy {copy.pk}: {copy.label}"
    if copy.tenant_id is not None:
        tenant = Tenant.objects.using(alias).get(pk=copy.tenant_id)
        note(user, tenant, about, flag=DELETION, what="Dropped", reason=reason)
        return
    LogEntry.objects.using(alias).create(
        user_id=user.pk,
        content_type=ContentType.objects.db_manager(alias).get_for_model(RowCopy),
        object_id=str(copy.pk),
        object_repr=about,
        action_flag=DELETION,
        change_message=f"Dropped. Reason: {reason}",
    )
