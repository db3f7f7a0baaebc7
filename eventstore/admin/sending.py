"""Send a command by a form: through the same parser and the same bus as over the API."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from eventstore.admin.access import inspects, user_of, visible_tenants
from eventstore.admin.command_form import ChoiceOfCommand, CommandForm, purpose
from eventstore.admin.pages import ListAdmin, posted
from eventstore.application import get_application
from eventstore.command_types import CommandType
from eventstore.commands import Result
from eventstore.errors import (
    AggregateNotFound,
    AlreadyExists,
    Boxed,
    Busy,
    ColdStorageFailed,
    CommandIdReused,
    DaybookError,
    EventTooLarge,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    PendingWork,
    ProjectionFailed,
    RateLimited,
    Refusal,
    ReplayedRefusal,
    StaleVersion,
    ValidationFailed,
    WrongExpectedVersion,
)
from eventstore.input.values import read_uuid
from eventstore.models import StoredStream, Tenant
from eventstore.tenancy import Actor

CHOICE_PAGE = "send"
FORM_PAGE = "send_command"
SEND_PAGE = "admin:eventstore_storedcommand_send"
COMMAND_FORM_PAGE = "admin:eventstore_storedcommand_send_command"

#: The answers that the form's page shows, and their statuses. Any other error is a fault of ours.
STATUSES: tuple[tuple[type[DaybookError], int], ...] = (
    (ValidationFailed, 400),
    (Forbidden, 403),
    (WrongExpectedVersion, 409),
    (StaleVersion, 412),
    (EventTooLarge, 413),
    (AggregateNotFound, 404),
    (AlreadyExists, 409),
    (Boxed, 410),
    (PendingWork, 409),
    (CommandIdReused, 422),
    (Refusal, 422),
    (RateLimited, 429),
    (Busy, 503),
    (ColdStorageFailed, 503),
    (OutcomeUnknown, 503),
    (ProjectionFailed, 503),
)


def counted(request: HttpRequest, actor: Actor, send: Callable[[], Result]) -> Result:
    """What `send` returns or raises; counted as the API counts calls of the same session.

    A database that cannot be reached is Busy.
    """
    try:
        get_application().throttle.count(f"user {user_of(request).pk} in {actor.tenant_id}")
        return send()
    except (OperationalError, InterfaceError) as lost:
        raise Busy(type(lost).__name__) from lost


def status_of(error: DaybookError) -> int:
    """Of the page that shows it; a fault of ours is raised once more."""
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), None)
    if status is None:
        raise error
    return status


def next_id(command_id: UUID, error: DaybookError) -> UUID:
    """For the form as it is sent again: what has its answer is mended by another command."""
    return uuid4() if isinstance(error, Refusal | CommandIdReused) else command_id


def told(error: DaybookError | None) -> dict[str, Any]:
    """What answer.html needs to tell it."""
    return {
        "error": error,
        "is_refusal": isinstance(error, Refusal),
        "is_repeated": isinstance(error, ReplayedRefusal),
        # Of work that is pending each in a line of its own, which a sentence would hide.
        "work": error.work if isinstance(error, PendingWork) else (),
    }


@dataclass(frozen=True, slots=True)
class Target:
    """Who sends what, where."""

    tenant: Tenant
    command_type: CommandType
    actor: Actor

    def form(self, request: HttpRequest, command_id: UUID) -> CommandForm:
        data = posted(request) if request.method == "POST" else None
        # The same id at every repetition, as over the API.
        new_id = uuid5(self.tenant.pk, str(command_id))
        return CommandForm(self.command_type, data, new_id=new_id)


class SendPages:
    """Two pages beside the command log, which lends them its URL and its look."""

    def __init__(self, pages: ListAdmin) -> None:
        self._pages = pages

    def urls(self) -> list[URLPattern]:
        return [
            self._pages.reading_url("send/", self.choice_page, CHOICE_PAGE),
            self._pages.acting_url("send/<slug:slug>/<str:name>/", self.form_page, FORM_PAGE),
        ]

    def choice_page(self, request: HttpRequest) -> HttpResponse:
        """Asks for tenant and command."""
        senders = frozenset().union(*(each.roles for each in get_application().commands.offered()))
        tenants = visible_tenants(request.user, senders).filter(active=True)
        form = ChoiceOfCommand(request.GET, tenants)
        if form.is_valid():
            chosen = form.cleaned_data
            return redirect(COMMAND_FORM_PAGE, chosen["tenant"].slug, chosen["command"])
        context = {"title": "Send a command", "section": "send", "form": form}
        return self._pages.render(request, "send.html", context)

    def form_page(self, request: HttpRequest, slug: str, name: str) -> HttpResponse:
        """The command's form; POST sends it under the id that stands in the form."""
        target = self._target(request, slug, name)
        if target.actor.role not in target.command_type.roles:
            roles = " or ".join(sorted(target.command_type.roles))
            what = f"send {name} in {slug} as {target.actor.role}; it takes {roles}"
            return self._pages.forbidden(request, what)
        if request.method != "POST":
            command_id = uuid4()
            return self._show_form(request, target, target.form(request, command_id), command_id)
        try:
            command_id = read_uuid(posted(request).get("command_id"))
        except ValueError:
            command_id = uuid4()
            form = target.form(request, command_id)
            form.add_error(None, "The form's command id was no UUID. It has a new one now.")
            return self._show_form(request, target, form, command_id, status=400)
        return self._send(request, target, command_id)

    def _target(self, request: HttpRequest, slug: str, name: str) -> Target:
        """404 alike for unknown tenants, those of others, and unknown commands."""
        application, user = get_application(), user_of(request)
        tenant = application.access.find_tenant(slug)
        role = application.access.role_of(user, tenant) if tenant else None
        if tenant is None or role is None:
            raise Http404
        try:
            command_type = application.commands.named(name)
        except NotFound:
            raise Http404 from None
        actor = Actor(tenant_id=tenant.pk, user=user.get_username(), role=role)
        return Target(tenant, command_type, actor)

    def _send(self, request: HttpRequest, target: Target, command_id: UUID) -> HttpResponse:
        form = target.form(request, command_id)
        if not form.is_valid() or form.parsed is None:
            return self._show_form(request, target, form, command_id, status=400)
        application = get_application()
        send: Callable[..., Result] = application.bus.send
        if at := form.cleaned_data.get("at"):
            send = partial(application.scheduling.schedule, at=at)
        try:
            result = counted(
                request,
                target.actor,
                partial(
                    send,
                    form.parsed.command,
                    actor=target.actor,
                    command_id=command_id,
                    expected_version=form.cleaned_data["expected_version"],
                    client_fields=form.parsed.client_fields,
                ),
            )
        except DaybookError as error:
            return self._show_error(request, target, form, command_id, error)
        return self._show_result(request, target, result)

    def _show_error(
        self,
        request: HttpRequest,
        target: Target,
        form: CommandForm,
        command_id: UUID,
        error: DaybookError,
    ) -> HttpResponse:
        """The form again with what was typed, or the fault raised once more."""
        status = status_of(error)
        if isinstance(error, ValidationFailed):
            form.report(error.errors)
            return self._show_form(request, target, form, command_id, status=status)
        command_id = next_id(command_id, error)
        return self._show_form(request, target, form, command_id, error=error, status=status)

    def _show_form(
        self,
        request: HttpRequest,
        target: Target,
        form: CommandForm,
        command_id: UUID,
        *,
        error: DaybookError | None = None,
        status: int = 200,
    ) -> HttpResponse:
        context = {
            "title": f"Send {target.command_type.name}",
            "section": "send",
            "target": target,
            "purpose": purpose(target.command_type),
            "form": form,
            "command_id": command_id,
            **told(error),
        }
        return self._pages.render(request, "send_command.html", context, status=status)

    def _show_result(self, request: HttpRequest, target: Target, result: Result) -> HttpResponse:
        """The answer, with links to what the user may open."""
        stream = None
        if inspects(request.user, target.tenant):
            alias = get_application().database.alias
            streams = StoredStream.objects.using(alias).filter(tenant=target.tenant)
            stream = streams.filter(aggregate_id=result.aggregate_id).first()
        commands = self._pages.visible_rows(request).filter(tenant=target.tenant)
        done = "kept for later" if result.due_at else "done"
        context = {
            "title": f"{target.command_type.name} is {done}",
            "section": "send",
            "target": target,
            "result": result,
            "stream": stream,
            "command": commands.filter(id=result.command_id).first(),
        }
        return self._pages.render(request, "sent.html", context)
