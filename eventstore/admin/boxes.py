"""The registry of cold storage: the list of boxes, and a box's page with what became of it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse

from eventstore.admin.access import user_of
from eventstore.admin.box_acts import operator_in
from eventstore.admin.box_policies import POLICIES_PAGE
from eventstore.admin.filters import ListFilters, StreamName, TenantBySlug, categories, slugs
from eventstore.admin.pages import ListAdmin, PageLink
from eventstore.admin.paging import Cursor, Page, page_by_time
from eventstore.application import get_application
from eventstore.box_commands import BOX, UNBOX
from eventstore.box_files import BoxReader
from eventstore.boxed_events import OpenBox, refuse_a_change, refuse_another_stream
from eventstore.cold_storage import StoredFile
from eventstore.errors import BoxDamaged, RateLimited
from eventstore.models import Box, StoredCommand, Tenant
from eventstore.serialization import decode_json

VERIFY_PAGE = "verify"

OPEN, UNBOXED = "boxed", "unboxed"
STANDINGS = [("", "any"), (OPEN, "boxed"), (UNBOXED, "unboxed")]
#: Commands on a box's page; the log has all.
MOST_COMMANDS = 20


def box_key() -> forms.UUIDField:
    """A cursor: boxes go by the time at which they were made, and a key leads to it."""
    return forms.UUIDField(required=False, widget=forms.HiddenInput)


class BoxFilters(ListFilters):
    after = box_key()
    before = box_key()
    tenant = TenantBySlug()
    category = forms.CharField(required=False, max_length=50)
    status = forms.ChoiceField(required=False, choices=STANDINGS)
    stream = StreamName(required=False, max_length=100, label="Stream or aggregate id")

    def suggestions(self, tenants: QuerySet[Tenant]) -> dict[str, list[str]]:
        return {"tenant": slugs(tenants), "category": categories()}

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.cleaned_data
        if wanted["tenant"]:
            rows = rows.filter(tenant=wanted["tenant"])
        if wanted["category"]:
            rows = rows.filter(stream__category=wanted["category"])
        if wanted["status"]:
            rows = rows.filter(unboxed_at__isnull=wanted["status"] == OPEN)
        if wanted["stream"]:
            category, aggregate_id = wanted["stream"]
            rows = rows.filter(stream__aggregate_id=aggregate_id)
            rows = rows.filter(stream__category=category) if category else rows
        return rows


@dataclass(frozen=True, slots=True)
class BoxCommand:
    """A command that boxed or unboxed the aggregate, or was to; `said` is what came of it."""

    command: StoredCommand
    reason: str
    said: str


class BoxAdmin(ListAdmin):
    list_template = "boxes.html"
    filters = BoxFilters
    order = "-boxed_at"

    def get_urls(self) -> list[URLPattern]:
        return [
            *super().get_urls(),
            self.reading_url("<uuid:pk>/", self.box_page, "change"),
            self.acting_url("<uuid:pk>/verify/", self.verify_page, VERIFY_PAGE),
        ]

    def links(self, request: HttpRequest) -> list[PageLink]:
        return [PageLink("Policies", POLICIES_PAGE)]

    def rows(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().rows().select_related("tenant", "stream")
        return rows

    def page_of(self, rows: QuerySet[Any], request: HttpRequest, cursor: Cursor) -> Page[Any]:
        return page_by_time(rows, self.visible_rows(request), self.order, cursor)

    def box_page(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """All that the registry says of the file, and what was done to its aggregate."""
        box = self.one_row(request, pk)
        context = {
            "title": f"Box of {box.stream}",
            "box": box,
            "commands": box_commands(box),
            "may_unbox": box.unboxed_at is None and operator_in(request, box.tenant) is not None,
        }
        return self.render(request, "box.html", context)

    def verify_page(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Reads the file, and says on the box's page whether it is what was written."""
        box = self.one_row(request, pk)
        if request.method == "POST":
            try:
                # It may be large: what one user reads in a minute is bounded, as over the API.
                caller = f"user {user_of(request).pk} in {box.tenant_id}"
                get_application().throttle.count(caller)
                events = verified(box)
            except (BoxDamaged, RateLimited) as error:
                messages.error(request, str(error))
            else:
                messages.success(request, f"The file is as it was written: {events} events.")
        return redirect(reverse("admin:eventstore_box_change", args=[pk]))


def verified(box: Box) -> int:
    """How many events the box holds; raises BoxDamaged unless it could be unboxed as it is.

    Of a box that was unboxed the file alone is read: its stream may have gone on since.
    """
    stored = StoredFile(box.path, box.size, bytes(box.digest))
    with get_application().cold_storage.opened(stored) as file:
        reader = BoxReader(file, box.path)
        if box.unboxed_at is None:
            refuse_another_stream(reader, box.path, _of_database(box))
        for _ in reader.parts():
            pass
        refuse_a_change(reader, stored)
    return reader.header.event_count


def _of_database(box: Box) -> OpenBox:
    stream = box.stream
    whose = (box.pk, box.tenant_id, stream.pk, stream.category, stream.aggregate_id)
    end = (stream.version, bytes(stream.head_hash))
    return OpenBox(*whose, *end, box.path, box.size, bytes(box.digest))


def box_commands(box: Box) -> list[BoxCommand]:
    """The last commands that boxed or unboxed its aggregate, or were to, newest first."""
    rows = StoredCommand.objects.using(get_application().database.alias).filter(
        tenant=box.tenant_id, aggregate_id=box.stream.aggregate_id, type__in=[BOX, UNBOX]
    )
    return [
        BoxCommand(
            command,
            reason=str(decode_json(command.data).get("reason", "")),
            said=str((command.result or {}).get("detail", "")),
        )
        for command in rows.order_by("-number")[:MOST_COMMANDS]
    ]
