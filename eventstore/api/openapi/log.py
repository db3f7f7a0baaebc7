"""The operations of the command log."""

from eventstore.api.log import COLUMNS, DEFAULT_LIMIT, MAXIMUM_LIMIT, REASON
from eventstore.api.openapi.parts import (
    COUNT,
    FROM_ONE,
    OF_ANY_CALL,
    READING,
    SENT_NUMBER,
    TENANT,
    TIME_TEXT,
    UUID_TEXT,
    WRITING,
    Part,
    Problems,
    answer,
    parameter,
    record,
)
from eventstore.input.schemas import Schema, or_null
from eventstore.models import StoredCommand

TAG = "Command log"

_STATUS: Schema = {"type": "string", "enum": StoredCommand.Status.values}

#: Of each column of the log, by its name in the answer.
_COLUMNS: dict[str, Schema] = {
    "number": {**FROM_ONE, "description": "Counts all commands; `after` goes on behind it."},
    "command_id": UUID_TEXT,
    "type": {"type": "string", "description": "The command's name, as in its URL."},
    "status": _STATUS,
    "code": {"type": "string", "description": "Of a refusal or a failure; else empty."},
    "aggregate_id": UUID_TEXT,
    "expected_version": or_null(COUNT),
    "user": {"type": "string"},
    "correlation_id": UUID_TEXT,
    "causation_id": or_null(UUID_TEXT),
    "attempts": COUNT,
    "due_at": or_null(TIME_TEXT),
    "received_at": TIME_TEXT,
    "ended_at": or_null(TIME_TEXT),
}


def _column(name: str) -> str:
    """As the API calls it."""
    return "command_id" if name == "id" else name


_LISTED = {_column(name): _COLUMNS[_column(name)] for name in COLUMNS}

LISTED_COMMAND: Schema = record(_LISTED)
LOGGED_COMMAND: Schema = record(
    {
        **_LISTED,
        "data": {
            "type": "object",
            "description": "What was asked, with every default and without passwords; `{}` while "
            "it lies in the box of an aggregate that is in cold storage.",
        },
        "result": {
            "type": ["object", "null"],
            "description": "What was answered; null where nothing changed. Of a box command "
            "`detail` says what came of it.",
        },
    }
)


def log_paths(problems: Problems) -> dict[str, Part]:
    return {
        "/api/commands": {"get": _list(problems)},
        "/api/commands/{command_id}": {"get": _detail(problems), "delete": _cancel(problems)},
    }


def _list(problems: Problems) -> Part:
    page = record(
        {
            "results": {"type": "array", "items": {"$ref": "#/components/schemas/ListedCommand"}},
            "next": {**COUNT, "description": "For `after`, also at the end."},
        }
    )
    limit = {
        "type": "integer",
        "minimum": 1,
        "maximum": MAXIMUM_LIMIT,
        "default": DEFAULT_LIMIT,
    }
    return {
        "tags": [TAG],
        "operationId": "list_commands",
        "summary": "The command log, oldest first.",
        "description": "Members see their own commands, auditors and operators everyone's.",
        "parameters": [
            parameter("status", "query", _STATUS, "Only these."),
            parameter(
                "type",
                "query",
                {"type": "string", "pattern": r"^[^\x00]*$"},
                "Only commands of this name.",
            ),
            parameter("correlation_id", "query", UUID_TEXT, "Of one request only."),
            parameter("after", "query", {**SENT_NUMBER, "default": 0}, "The last page's `next`."),
            parameter("limit", "query", limit, "At most so many."),
            TENANT,
        ],
        "security": READING,
        "responses": {"200": answer("A page.", page), **problems.answers(OF_ANY_CALL)},
    }


_COMMAND_ID = parameter("command_id", "path", UUID_TEXT, "As in `Idempotency-Key`.")


def _detail(problems: Problems) -> Part:
    return {
        "tags": [TAG],
        "operationId": "read_command",
        "summary": "One command, with what was asked and what was answered.",
        "parameters": [_COMMAND_ID, TENANT],
        "security": READING,
        "responses": {
            "200": answer("It is there.", {"$ref": "#/components/schemas/LoggedCommand"}),
            **problems.answers(OF_ANY_CALL),
        },
    }


def _cancel(problems: Problems) -> Part:
    return {
        "tags": [TAG],
        "operationId": "cancel_command",
        "summary": "Never do a scheduled command.",
        "description": "For operators. It stays in the log, with who cancelled it and why.",
        "parameters": [
            _COMMAND_ID,
            parameter("reason", "query", {**REASON.schema(), "default": ""}, "Why."),
            TENANT,
        ],
        "security": WRITING,
        "responses": {
            "200": answer("It is cancelled.", {"$ref": "#/components/schemas/LoggedCommand"}),
            **problems.answers((*OF_ANY_CALL, "not_cancellable")),
        },
    }
