"""`/api/commands`: from a request to an envelope, from a result to an answer, and the log."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from django.core.exceptions import RequestDataTooBig
from django.http import UnreadablePostError
from django.urls import reverse
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from eventstore.api.access import HasRole, PerCaller
from eventstore.api.authentication import (
    ApiKeyAuthentication,
    Caller,
    TenantSessionAuthentication,
)
from eventstore.api.headers import read_command_headers
from eventstore.api.log import one_command, page_of_commands, read_reason
from eventstore.api.negotiation import AlwaysJson
from eventstore.api.rendering import ExactJsonRenderer
from eventstore.application import get_application
from eventstore.commands import Result
from eventstore.errors import (
    BodyTooLarge,
    MalformedJson,
    UnsupportedMediaType,
    ValidationFailed,
)
from eventstore.input.commands import parse_command
from eventstore.input.documents import MAXIMUM_BODY_SIZE
from eventstore.input.parameters import ParameterReader
from eventstore.input.values import read_time
from eventstore.tenancy import EVERYONE, OPERATORS, Actor, Role

_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


class DaybookView(APIView):
    """What all our endpoints share: a caller with a role in a tenant, their count, and JSON."""

    #: Who may call; none unless a view says so.
    roles: frozenset[Role] = frozenset()

    authentication_classes = (ApiKeyAuthentication, TenantSessionAuthentication)
    permission_classes = (HasRole,)
    throttle_classes = (PerCaller,)
    content_negotiation_class = AlwaysJson
    renderer_classes = (ExactJsonRenderer,)
    # REST framework would answer OPTIONS with our docstrings.
    http_method_names: tuple[str, ...] = ("get", "head", "post")

    @staticmethod
    def actor(request: Request) -> Actor:
        caller: Caller = request.auth  # type: ignore[assignment]  # HasRole has seen it there
        return caller.actor


class CommandView(DaybookView):
    """Send one command, under the id in `Idempotency-Key`; with `at` for later."""

    # The bus asks which roles the command itself takes.
    roles = EVERYONE
    # Who mistypes an id, to read it or to cancel it, comes here.
    http_method_names = ("get", "head", "post", "delete")

    def post(self, request: Request, name: str) -> Response:
        application = get_application()
        command_type = application.commands.named(name)
        at = read_at(request)
        actor = self.actor(request)
        headers = read_command_headers(request.headers)
        parsed = parse_command(
            read_json_body(request),
            command_type,
            new_id=uuid5(actor.tenant_id, str(headers.command_id)),
        )
        send: Callable[..., Result] = application.bus.send
        if at is not None:
            send = partial(application.scheduling.schedule, at=at)
        result = send(
            parsed.command,
            actor=actor,
            command_id=headers.command_id,
            expected_version=headers.expected_version,
            correlation_id=headers.correlation_id,
            client_fields=parsed.client_fields,
        )
        return answer(result, application.locations)

    def get(self, request: Request, name: str) -> Response:
        """No id of the log: the name of a command, or something that is mistyped."""
        if any(name == command_type.name for command_type in get_application().commands.offered()):
            raise MethodNotAllowed(request.method or "")
        raise ValidationFailed({"command_id": ["must be a UUID, as in a command's answer"]})

    def delete(self, request: Request, name: str) -> Response:
        return self.get(request, name)

    @property
    def allowed_methods(self) -> list[str]:
        return ["POST"]


class CommandLogView(DaybookView):
    """The command log, a page at a time."""

    roles = EVERYONE

    def get(self, request: Request) -> Response:
        return Response(page_of_commands(request.query_params, self.actor(request)))


class LoggedCommandView(DaybookView):
    """One command of the log, with what was asked and what was answered; DELETE cancels it."""

    http_method_names = ("get", "head", "delete")

    @property
    def roles(self) -> frozenset[Role]:  # type: ignore[override]  # by the method, not the view
        return OPERATORS if self.request.method == "DELETE" else EVERYONE

    def get(self, request: Request, command_id: UUID) -> Response:
        refuse_parameters(request)
        return Response(one_command(command_id, self.actor(request)))

    def delete(self, request: Request, command_id: UUID) -> Response:
        """Never do what is scheduled; the command as it is then."""
        reason = read_reason(request.query_params)
        actor = self.actor(request)
        scheduling = get_application().scheduling
        scheduling.cancel(actor.tenant_id, command_id, user=actor.user, reason=reason)
        return Response(one_command(command_id, actor))


def read_at(request: Request) -> datetime | None:
    """When a command shall be done; raises UnknownParameter or ValidationFailed."""
    reader = ParameterReader(request.query_params.lists())
    at: datetime | None = reader.take("at", read_time)
    reader.finish()
    return at


def refuse_parameters(request: Request) -> None:
    """For a URL that takes no query parameter; raises UnknownParameter."""
    ParameterReader(request.query_params.lists()).finish()


def read_json_body(request: Request) -> bytes:
    """All of the body; raises UnsupportedMediaType, BodyTooLarge, or MalformedJson for a part.

    Django takes the length for a number without a look, and half a body for a whole one.
    """
    media_type, _, parameters = (request.content_type or "").partition(";")
    charset = parameters.lower().replace(" ", "").replace('"', "")
    if media_type.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise UnsupportedMediaType(request.content_type or "")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not _LENGTH.fullmatch(length):
        raise MalformedJson("its Content-Length is no number of bytes")
    try:
        body = request.body
    except RequestDataTooBig:
        raise BodyTooLarge(MAXIMUM_BODY_SIZE) from None
    except UnreadablePostError:
        raise MalformedJson("the connection broke") from None
    if len(body) < int(length):
        raise MalformedJson("it ended before its Content-Length")
    return body


def answer(result: Result, locations: dict[str, str]) -> Response:
    """201 where the command made a stream, 202 where it is one for later, else 200."""
    body: dict[str, Any] = {
        "command_id": result.command_id,
        "status": result.status,
        "category": result.category,
        "aggregate_id": result.aggregate_id,
        "version": result.version,
        "position": result.position,
        "correlation_id": result.correlation_id,
        "events": [
            {"type": event.type, "version": event.version, "position": event.position}
            for event in result.events
        ],
    }
    if result.detail:
        body["detail"] = result.detail
    response = Response(body, status=201 if result.created else 200)
    if result.version is not None:
        response["ETag"] = f'"{result.version}"'
    if result.created and result.category in locations:
        location = locations[result.category]
        response["Location"] = location.format(aggregate_id=result.aggregate_id)
    if result.due_at is not None:
        body["due_at"] = result.due_at
        response.status_code = 202
        response["Location"] = reverse("logged-command", args=[result.command_id])
    if result.replayed:
        response["Idempotent-Replayed"] = "true"
    return response
