"""Take an aggregate offline, or back: commands with a reason, from the page of its stream.

They go through the bus like any other, so the log is the record of who did it and why.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse

from eventstore.admin.access import user_of
from eventstore.admin.fields import ReasonForm
from eventstore.admin.pages import ListAdmin, posted
from eventstore.admin.sending import counted, next_id, status_of, told
from eventstore.application import get_application
from eventstore.box_commands import BoxAggregate, UnboxAggregate
from eventstore.errors import DaybookError
from eventstore.input.values import read_uuid
from eventstore.models import Box, StoredStream, Tenant
from eventstore.tenancy import OPERATORS, Actor

BOX_PAGE, UNBOX_PAGE = "box", "unbox"
STREAM_PAGE = "admin:eventstore_storedstream_change"


@dataclass(frozen=True, slots=True)
class BoxAct:
    """What is done to a stream of the status `of`, by which command."""

    page: str
    verb: str
    of: StoredStream.Status
    command: type[BoxAggregate | UnboxAggregate]
    #: Of a page that was opened, or is opened again, when it was done already.
    already: str


BOX_IT = BoxAct(
    page=BOX_PAGE,
    verb="Box",
    of=StoredStream.Status.ACTIVE,
    command=BoxAggregate,
    already="It is in cold storage already, as below. Nothing has changed.",
)
UNBOX_IT = BoxAct(
    page=UNBOX_PAGE,
    verb="Unbox",
    of=StoredStream.Status.BOXED,
    command=UnboxAggregate,
    already="It is not in cold storage, as below. Nothing has changed.",
)


class BoxActs:
    """Hangs on the admin of streams, which says whose streams the user may see."""

    def __init__(self, streams: ListAdmin) -> None:
        self._streams = streams

    def urls(self) -> list[URLPattern]:
        return [
            self._streams.acting_url("<int:pk>/box/", self.box_page, BOX_PAGE),
            self._streams.acting_url("<int:pk>/unbox/", self.unbox_page, UNBOX_PAGE),
        ]

    def box_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(request, pk, BOX_IT)

    def unbox_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(request, pk, UNBOX_IT)

    def _act(self, request: HttpRequest, pk: int, act: BoxAct) -> HttpResponse:
        """Asks for the reason, then sends the command under the id that stands in the form."""
        stream = self._streams.one_row(request, pk)
        actor = operator_in(request, stream.tenant)
        if actor is None:
            what = f"{act.verb.lower()} aggregates of {stream.tenant}"
            return self._streams.forbidden(request, what)
        if request.method != "POST":
            if stream.status != act.of:
                messages.warning(request, act.already)
                return redirect(STREAM_PAGE, pk)
            return self._show(request, stream, act, ReasonForm(), uuid4())
        form = ReasonForm(posted(request))
        try:
            command_id = read_uuid(posted(request).get("command_id"))
        except ValueError:
            form.add_error(None, "The form's command id was no UUID. It has a new one now.")
            command_id = uuid4()
        if not form.is_valid():
            return self._show(request, stream, act, form, command_id)
        return self._send(request, stream, act, actor, form, command_id)

    def _send(
        self,
        request: HttpRequest,
        stream: Any,
        act: BoxAct,
        actor: Actor,
        form: ReasonForm,
        command_id: UUID,
    ) -> HttpResponse:
        """To the stream again, whatever came of it; a refusal shows the form."""
        command = act.command(
            aggregate_id=stream.aggregate_id,
            category=stream.category,
            reason=form.cleaned_data["reason"],
        )
        send = partial(get_application().bus.send, command, actor=actor, command_id=command_id)
        try:
            result = counted(request, actor, send)
        except DaybookError as error:
            return self._show(request, stream, act, form, next_id(command_id, error), error)
        messages.success(request, result.detail)
        return redirect(reverse(STREAM_PAGE, args=[stream.pk]))

    def _show(
        self,
        request: HttpRequest,
        stream: Any,
        act: BoxAct,
        form: ReasonForm,
        command_id: UUID,
        error: DaybookError | None = None,
    ) -> HttpResponse:
        status = status_of(error) if error else 400 if form.errors else 200
        context = {
            "title": f"{act.verb} {stream}",
            "stream": stream,
            "box": open_box(stream),
            "form": form,
            "command_id": command_id,
            **told(error),
        }
        return self._streams.render(request, f"{act.page}_act.html", context, status=status)


def operator_in(request: HttpRequest, tenant: Tenant) -> Actor | None:
    """Whoever may box and unbox there, also with the API; None for anybody else."""
    user = user_of(request)
    role = get_application().access.role_of(user, tenant)
    if role is None or role not in OPERATORS:
        return None
    return Actor(tenant_id=tenant.pk, user=user.get_username(), role=role)


def open_box(stream: StoredStream) -> Box | None:
    """The one in which the stream's events lie now."""
    boxes = Box.objects.using(get_application().database.alias)
    return boxes.filter(stream=stream, unboxed_at=None).first()
