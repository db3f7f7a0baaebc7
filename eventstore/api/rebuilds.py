"""Rebuilds, checks and mends over HTTP, for operators: asked for here, done in the background.

An operator sees the runs of all rows, and how far each is; `eventstore.rebuild_jobs` says what of
them is another tenant's, and hidden.
"""

from typing import Any

from django.http import QueryDict
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore import rebuild_jobs
from eventstore.api.projections import REASON
from eventstore.api.views import DaybookView, read_json_body, refuse_parameters
from eventstore.application import get_application
from eventstore.errors import NotFound, ValidationFailed
from eventstore.input.commands import MAXIMUM_SHOWN_NAME, MAXIMUM_UNKNOWN_FIELDS
from eventstore.input.documents import parse_object
from eventstore.input.parameters import Choice, Number, ParameterReader
from eventstore.models import Rebuild
from eventstore.rebuild_jobs import ShownRebuild
from eventstore.tenancy import OPERATORS

DEFAULT_LIMIT = 50
MAXIMUM_LIMIT = 500

#: As the columns are called; the others are told apart by whose they are.
COLUMNS = (
    "id",
    "projection",
    "kind",
    "stream",
    "status",
    "position",
    "head",
    "events",
    "rows",
    "attempts",
    "asked_at",
    "started_at",
    "updated_at",
    "ended_at",
)


class RebuildAskView(DaybookView):
    """Ask for a run; another one of the same projection must have ended."""

    roles = OPERATORS

    def post(self, request: Request, name: str) -> Response:
        refuse_parameters(request)
        actor, application = self.actor(request), get_application()
        if application.projections.named(name) is None:
            raise NotFound(f"projection {name}")
        is_empty = request.META.get("CONTENT_LENGTH") in (None, "", "0")
        kind, reason = read_order(b"{}" if is_empty else read_json_body(request))
        run = rebuild_jobs.ask(application, kind, name, user=actor.user, reason=reason)
        (found,) = rebuild_jobs.shown(application, [run], {actor.tenant_id})
        response = Response(in_full(found), status=202)
        response["Location"] = reverse("rebuild", args=[name, run.pk])
        return response

    @property
    def allowed_methods(self) -> list[str]:
        return ["POST"]


class RebuildListView(DaybookView):
    """The runs of a projection, newest first."""

    roles = OPERATORS

    def get(self, request: Request, name: str) -> Response:
        before, limit = read_page(request.query_params)
        actor, application = self.actor(request), get_application()
        if application.projections.named(name) is None:
            raise NotFound(f"projection {name}")
        rows = rebuild_jobs.runs(application, {actor.tenant_id}).filter(projection=name)
        if before is not None:
            rows = rows.filter(pk__lt=before)
        found = list(rows.order_by("-pk")[: limit + 1])
        page = rebuild_jobs.shown(application, found[:limit], {actor.tenant_id})
        older = page[-1].run.pk if len(found) > limit else None
        return Response({"results": [in_short(each) for each in page], "next": older})


class RebuildView(DaybookView):
    """One run, with what it has found."""

    roles = OPERATORS

    def get(self, request: Request, name: str, number: int) -> Response:
        refuse_parameters(request)
        actor, application = self.actor(request), get_application()
        visible = rebuild_jobs.runs(application, {actor.tenant_id})
        run = visible.filter(projection=name, pk=number).first()
        if run is None:
            raise NotFound(f"run {number} of {name}")
        (found,) = rebuild_jobs.shown(application, [run], {actor.tenant_id})
        return Response(in_full(found))


def read_order(body: bytes) -> tuple[str, str]:
    """Kind and reason from `{"kind": "...", "reason": "..."}`, of which both may be left out.

    Raises MalformedJson, or ValidationFailed with every wrong field.
    """
    document = parse_object(body)
    readers = {"kind": read_kind, "reason": REASON.clean}
    unknown = sorted(document.keys() - readers.keys())[:MAXIMUM_UNKNOWN_FIELDS]
    errors = {name[:MAXIMUM_SHOWN_NAME]: ["is unknown here"] for name in unknown}
    values = {"kind": Rebuild.Kind.REBUILD.value, "reason": ""}
    for name, read in readers.items():
        if name in document:
            try:
                values[name] = read(document[name])
            except ValueError as error:
                errors[name] = [str(error)]
    if errors:
        raise ValidationFailed(errors)
    return values["kind"], values["reason"]


def read_kind(value: object) -> str:
    return Choice(Rebuild.Kind.values)(value if isinstance(value, str) else "")


def read_page(parameters: QueryDict) -> tuple[int | None, int]:
    """`before` and `limit`; raises UnknownParameter or ValidationFailed."""
    reader = ParameterReader(parameters.lists())
    before: int | None = reader.take("before", Number(0))
    limit: int = reader.take("limit", Number(1, MAXIMUM_LIMIT), default=DEFAULT_LIMIT)
    reader.finish()
    return before, limit


def in_short(found: ShownRebuild) -> dict[str, Any]:
    """Without its differences, of which there may be a hundred."""
    told = {name: getattr(found.run, name) for name in COLUMNS}
    return {**told, "error": found.error, "user": found.user, "reason": found.reason}


def in_full(found: ShownRebuild) -> dict[str, Any]:
    names = ("table", "key", "kind", "columns", "position")
    differences = [{name: each[name] for name in names} for each in found.differences]
    return {
        **in_short(found),
        "differences": differences,
        "hidden_differences": found.hidden,
    }
