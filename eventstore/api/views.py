"""`POST /api/commands/<name>`: from a request to an envelope, and from a result to an answer."""

from uuid import uuid5

from django.core.exceptions import RequestDataTooBig
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
from eventstore.api.negotiation import AlwaysJson
from eventstore.api.rendering import ExactJsonRenderer
from eventstore.application import get_application
from eventstore.commands import Result
from eventstore.errors import BodyTooLarge, UnknownParameter, UnsupportedMediaType
from eventstore.input.commands import parse_command
from eventstore.input.documents import MAXIMUM_BODY_SIZE
from eventstore.tenancy import EVERYONE, Actor, Role


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
    http_method_names = ("get", "head", "post")

    @staticmethod
    def actor(request: Request) -> Actor:
        caller: Caller = request.auth  # type: ignore[assignment]  # HasRole has seen it there
        return caller.actor


class CommandView(DaybookView):
    """Send one command, under the id in `Idempotency-Key`."""

    # The bus asks which roles the command itself takes.
    roles = EVERYONE

    def post(self, request: Request, name: str) -> Response:
        application = get_application()
        command_type = application.commands.named(name)
        if request.query_params:
            raise UnknownParameter(
                {parameter: ["is unknown here"] for parameter in request.query_params}
            )
        actor = self.actor(request)
        headers = read_command_headers(request.headers)
        parsed = parse_command(
            read_json_body(request),
            command_type,
            new_id=uuid5(actor.tenant_id, str(headers.command_id)),
        )
        result = application.bus.send(
            parsed.command,
            actor=actor,
            command_id=headers.command_id,
            expected_version=headers.expected_version,
            correlation_id=headers.correlation_id,
            client_fields=parsed.client_fields,
        )
        return answer(result, application.locations)


def read_json_body(request: Request) -> bytes:
    """The body as sent; raises UnsupportedMediaType or BodyTooLarge before it is parsed."""
    media_type, _, parameters = (request.content_type or "").partition(";")
    charset = parameters.lower().replace(" ", "").replace('"', "")
    if media_type.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise UnsupportedMediaType(request.content_type or "")
    try:
        return request.body
    except RequestDataTooBig:
        raise BodyTooLarge(MAXIMUM_BODY_SIZE) from None


def answer(result: Result, locations: dict[str, str]) -> Response:
    """The answer of DESIGN section 8: 201 where the command made a stream, else 200."""
    body = {
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
    response = Response(body, status=201 if result.created else 200)
    if result.version is not None:
        response["ETag"] = f'"{result.version}"'
    if result.created and result.category in locations:
        location = locations[result.category]
        response["Location"] = location.format(aggregate_id=result.aggregate_id)
    if result.replayed:
        response["Idempotent-Replayed"] = "true"
    return response
