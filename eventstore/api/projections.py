"""Projections over HTTP, for operators: how far each is, and pause, resume, retry and skip.

A projection serves all tenants, and an operator belongs to one: what a failed event of another
tenant's has in its traceback is not shown, and nobody but its own operators takes it out.
"""

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.api.views import DaybookView, read_json_body, refuse_parameters
from eventstore.application import get_application
from eventstore.errors import Forbidden, NotFound, ValidationFailed
from eventstore.fields import Text
from eventstore.input.commands import MAXIMUM_SHOWN_NAME, MAXIMUM_UNKNOWN_FIELDS
from eventstore.input.documents import parse_object
from eventstore.lag import ProjectionLag
from eventstore.subscription_log import PAUSE, SKIP, Act
from eventstore.tenancy import OPERATORS, Actor

REASON = Text(minimum=1, maximum=200, example="its table is being repaired")

#: Whoever stops the rows from following, or leaves an event out of them, says why.
NEED_A_REASON = (PAUSE, SKIP)

NOT_YOURS = "The event is another tenant's, or in cold storage, so its error is not shown here."


class ProjectionListView(DaybookView):
    """Every registered projection, as far as it is."""

    roles = OPERATORS

    def get(self, request: Request) -> Response:
        refuse_parameters(request)
        actor = self.actor(request)
        lags = get_application().lag.projections()
        return Response({"results": [shown(lag, actor.tenant_id) for lag in lags]})


class ProjectionActView(DaybookView):
    """Do something to one projection, with a reason that stays on record."""

    roles = OPERATORS
    #: Set in the URLs; REST framework wants to see it here.
    act: Act = PAUSE

    def post(self, request: Request, name: str) -> Response:
        refuse_parameters(request)
        actor, application = self.actor(request), get_application()
        before = application.lag.projection(name)
        if before is None:
            raise NotFound(f"projection {name}")
        reason = self._reason(request)
        failed = may_be_skipped(before, actor) if self.act is SKIP else None
        application.subscriptions.act(
            self.act, name, user=actor.user, reason=reason, failed=failed
        )
        after = application.lag.projection(name)
        assert after is not None, "registration does not change"
        return Response(shown(after, actor.tenant_id))

    def _reason(self, request: Request) -> str:
        is_required = self.act in NEED_A_REASON
        if not is_required and request.META.get("CONTENT_LENGTH") in (None, "", "0"):
            return ""
        return read_reason(read_json_body(request), is_required=is_required)

    @property
    def allowed_methods(self) -> list[str]:
        return ["POST"]


def may_be_skipped(lag: ProjectionLag, actor: Actor) -> int:
    """The position to skip, and no other that may have failed meanwhile; raises Forbidden."""
    if lag.failed_position is None:
        return 0  # No event has this position: there is nothing to skip, as the core says.
    if lag.failed_tenant_id != actor.tenant_id:
        raise Forbidden("skip an event of another tenant's, or one in cold storage")
    return lag.failed_position


def read_reason(body: bytes, *, is_required: bool) -> str:
    """From `{"reason": "..."}`; "" where it may be left out and was.

    Raises BodyTooLarge, MalformedJson, or ValidationFailed with every wrong field.
    """
    document = parse_object(body)
    unknown = sorted(document.keys() - {"reason"})[:MAXIMUM_UNKNOWN_FIELDS]
    errors = {name[:MAXIMUM_SHOWN_NAME]: ["is unknown here"] for name in unknown}
    reason = ""
    if "reason" in document:
        try:
            reason = REASON.clean(document["reason"])
        except ValueError as error:
            errors["reason"] = [str(error)]
    elif is_required:
        errors["reason"] = ["is required"]
    if errors:
        raise ValidationFailed(errors)
    return reason


def shown(lag: ProjectionLag, tenant_id: UUID) -> dict[str, Any]:
    """A projection as an operator of the tenant may see it."""
    is_own = lag.failed_tenant_id == tenant_id
    return {
        "name": lag.name,
        "mode": lag.mode,
        "registered_mode": lag.registered_mode,
        "generation": lag.generation,
        "status": lag.status,
        "position": lag.position,
        "head": lag.head,
        "settled": lag.settled,
        "lag_events": lag.lag_events,
        "lag_seconds": round(lag.lag_seconds, 3),
        "failed_position": lag.failed_position,
        "attempts": lag.attempts,
        "retry_at": lag.retry_at,
        "error": lag.error if is_own or not lag.error else NOT_YOURS,
        "as_of": lag.as_of,
        "due_at": lag.due_at,
    }
