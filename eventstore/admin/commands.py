"""The command log: its list, and a command's page with all that it caused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from eventstore.admin.access import is_inspected, operates, visible_tenants
from eventstore.admin.consequences import (
    RELATED_LIMIT,
    caused_events,
    caused_reactions,
    related_commands,
)
from eventstore.admin.filters import ListFilters, TenantBySlug, slugs
from eventstore.admin.json_text import indented
from eventstore.admin.pages import ListAdmin, PageLink
from eventstore.admin.process_steps import sender_of
from eventstore.admin.records import about_command, last_notes
from eventstore.admin.retries import CommandRetry
from eventstore.admin.schedules import CANCEL, RUN_NOW, SCHEDULES, SchedulePages, may_be_acted_on
from eventstore.admin.sending import SEND_PAGE, SendPages
from eventstore.admin.timeline import command_numbers
from eventstore.application import get_application
from eventstore.models import Box, StoredCommand, StoredStream, Tenant
from eventstore.tenancy import EVERYONE, INSPECTORS

#: What a command has in the log while its content lies in a box.
NO_CONTENT = "{}"

STATUSES = [("", "any"), *StoredCommand.Status.choices]


class CommandFilters(ListFilters):
    tenant = TenantBySlug()
    type = forms.CharField(required=False, max_length=100)
    status = forms.ChoiceField(required=False, choices=STATUSES)
    correlation_id = forms.UUIDField(required=False, label="Correlation id")
    id = forms.UUIDField(required=False, label="Command id")

    def suggestions(self, tenants: QuerySet[Tenant]) -> dict[str, list[str]]:
        names = sorted(command_type.name for command_type in get_application().commands)
        return {"tenant": slugs(tenants), "type": names}

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        for field in ("tenant", "type", "status", "correlation_id", "id"):
            if value := self.cleaned_data[field]:
                rows = rows.filter((field, value))
        return rows


@dataclass(frozen=True, slots=True)
class Line:
    """A command in the list. `milliseconds` from its claim to its end, None while it has none."""

    command: StoredCommand
    milliseconds: float | None


class CommandAdmin(ListAdmin):
    list_template = "commands.html"
    filters = CommandFilters
    roles = EVERYONE

    def get_urls(self) -> list[URLPattern]:
        return [
            *super().get_urls(),
            *SendPages(self).urls(),
            *SchedulePages(self).urls(),
            self.reading_url("<int:pk>/", self.command_page, "change"),
            CommandRetry(self).url(),
        ]

    def rows(self) -> QuerySet[Any]:
        stream = StoredStream.objects.filter(
            tenant=OuterRef("tenant"), aggregate_id=OuterRef("aggregate_id")
        )
        rows: QuerySet[Any] = (
            super()
            .rows()
            .select_related("tenant")
            .defer("data", "result")
            .annotate(
                stream_pk=Subquery(stream.values("pk")),
                category=Subquery(stream.values("category")),
            )
        )
        return rows

    def visible_rows(self, request: HttpRequest) -> QuerySet[Any]:
        """All commands to inspectors; their own to members, who may not open the timelines."""
        rows = super().visible_rows(request)
        inspected = visible_tenants(request.user, INSPECTORS)
        own = Q(user=request.user.get_username())
        rows = rows.filter(Q(tenant__in=inspected) | own)
        shown: QuerySet[Any] = rows.annotate(is_inspected=is_inspected(request.user))
        return shown

    def links(self, request: HttpRequest) -> list[PageLink]:
        return [PageLink("Send a command", SEND_PAGE), PageLink("Schedules", SCHEDULES)]

    def shown(self, rows: Sequence[Any]) -> Sequence[Any]:
        return [Line(command, milliseconds(command)) for command in rows]

    def command_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """All columns of a command, and what it brought about."""
        command = self.one_row(request, pk)
        # Text, since Django would read the numbers in it as floats.
        data, result = self._texts(pk)
        causes = command_numbers(command.tenant_id, [command.causation_id])
        events, more_events = caused_events(command.tenant_id, result)
        related = related_commands(command, self.visible_rows(request))
        context: dict[str, Any] = {
            "title": f"{command.type} {command.id}",
            "command": command,
            "milliseconds": milliseconds(command),
            "data": indented(data),
            "box": _box_of(command, data),
            "result": indented(result) if result else "",
            "cause_number": causes.get(command.causation_id),
            "events": events,
            "more_events": more_events,
            "related": related[:RELATED_LIMIT],
            "more_related": len(related) > RELATED_LIMIT,
            **_what_may_be_done(request, command),
        }
        if command.is_inspected:
            context["reactions"] = caused_reactions(command.tenant_id, events)
        if command.is_inspected and _may_have_been_acted_on(command):
            context["notes"] = last_notes(command.tenant, about_command(command))
        if command.is_inspected and command.reaction_id is not None:
            context["sender"] = sender_of(command)
        return self.render(request, "command.html", context)

    def _texts(self, pk: int) -> tuple[str, str | None]:
        commands = StoredCommand.objects.using(get_application().database.alias)
        result_text = Cast("result", TextField())
        data, result = commands.values_list("data", result_text).get(pk=pk)
        return data, result


def _what_may_be_done(request: HttpRequest, command: StoredCommand) -> dict[str, bool]:
    looks_like = {
        "may_retry": command.status == "failed",
        "may_run_now": may_be_acted_on(command, RUN_NOW),
        "may_cancel": may_be_acted_on(command, CANCEL),
    }
    # Most commands are done, and nobody's role matters then.
    if any(looks_like.values()) and operates(request.user, command.tenant):
        return looks_like
    return dict.fromkeys(looks_like, False)


def _box_of(command: Any, data: str) -> Box | None:
    """Where the command's content lies while it is not in the log."""
    if data != NO_CONTENT:
        return None
    boxes = Box.objects.using(get_application().database.alias)
    return boxes.filter(stream=command.stream_pk, unboxed_at=None).first()


def _may_have_been_acted_on(command: StoredCommand) -> bool:
    """Whether it waits, or did once: what is done at once leaves operators nothing to do."""
    return command.reaction_id is not None or command.due_at is not None


def milliseconds(command: StoredCommand) -> float | None:
    """From the claim of the command id, or from its time, to the answer."""
    if command.ended_at is None:
        return None
    since = max(command.received_at, command.due_at or command.received_at)
    return max(0.0, (command.ended_at - since).total_seconds() * 1000)
