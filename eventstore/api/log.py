"""The command log over HTTP: inspectors read all of their tenant's, members their own.

For looking around, page by page. A number is drawn before its command commits, so a program that
must miss nothing follows the events, by their positions and the high-water mark.
"""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.http import QueryDict

from eventstore.application import get_application
from eventstore.errors import NotFound
from eventstore.fields import Text
from eventstore.input.parameters import Choice, Number, ParameterReader, read_text
from eventstore.input.values import read_uuid
from eventstore.models import StoredCommand
from eventstore.serialization import decode_json
from eventstore.tenancy import INSPECTORS, Actor

DEFAULT_LIMIT = 50
MAXIMUM_LIMIT = 500

#: Why a command is cancelled; nobody has to say so.
REASON = Text(minimum=0, maximum=200)

#: The columns of a command as the API names them; `id` is `command_id` there.
COLUMNS = (
    "number",
    "id",
    "type",
    "status",
    "code",
    "aggregate_id",
    "expected_version",
    "user",
    "correlation_id",
    "causation_id",
    "attempts",
    "due_at",
    "received_at",
    "ended_at",
)


def page_of_commands(parameters: QueryDict, actor: Actor) -> dict[str, Any]:
    """`{results, next}`, oldest first; `after=<next>` goes on, also from the end.

    Raises UnknownParameter or ValidationFailed.
    """
    reader = ParameterReader(parameters.lists())
    filters = {
        "status": reader.take("status", Choice(StoredCommand.Status.values)),
        "type": reader.take("type", read_text),
        "correlation_id": reader.take("correlation_id", read_uuid),
    }
    after = reader.take("after", Number(0), default=0)
    limit = reader.take("limit", Number(1, MAXIMUM_LIMIT), default=DEFAULT_LIMIT)
    reader.finish()
    given = {name: value for name, value in filters.items() if value is not None}
    rows = _visible(actor).filter(number__gt=after, **given).order_by("number")
    results = [_shown(row) for row in rows.values(*COLUMNS)[:limit]]
    return {"results": results, "next": results[-1]["number"] if results else after}


def one_command(command_id: UUID, actor: Actor) -> dict[str, Any]:
    """A command with what was asked and answered; raises NotFound alike for others' and none."""
    # Text, since Django would read the numbers in it as floats.
    rows = _visible(actor).annotate(result_text=Cast("result", TextField()))
    row = rows.filter(id=command_id).values(*COLUMNS, "data", "result_text").first()
    if row is None:
        raise NotFound(f"command with id {command_id}")
    data, result = row.pop("data"), row.pop("result_text")
    return {
        **_shown(row),
        "data": decode_json(data),
        "result": _told(result) if result else None,
    }


def read_reason(parameters: QueryDict) -> str:
    """Why a command is cancelled; raises UnknownParameter or ValidationFailed."""
    reader = ParameterReader(parameters.lists())
    reason: str = reader.take("reason", REASON.clean, default="")
    reader.finish()
    return reason


def _told(result: str) -> dict[str, Any]:
    """An answer without the text of an error of ours, which is for operators, in the admin."""
    answer: dict[str, Any] = decode_json(result)
    answer.pop("error", None)
    return answer


def _visible(actor: Actor) -> QuerySet[StoredCommand]:
    alias = get_application().database.alias
    rows = StoredCommand.objects.using(alias).filter(tenant_id=actor.tenant_id)
    return rows if actor.role in INSPECTORS else rows.filter(user=actor.user)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {"command_id" if name == "id" else name: value for name, value in row.items()}
