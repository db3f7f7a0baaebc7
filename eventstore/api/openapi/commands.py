"""One operation for each registered command: its own fields, bounds, example and refusals."""

import inspect
from collections.abc import Iterable
from dataclasses import MISSING, Field, fields
from typing import Any

from eventstore.api.openapi.parts import (
    FROM_ONE,
    OF_ANY_CALL,
    TENANT,
    TIME_TEXT,
    UUID_TEXT,
    WRITING,
    Part,
    Problems,
    answer,
    header,
    parameter,
    record,
)
from eventstore.command_log import WAITING
from eventstore.command_types import CommandType
from eventstore.input.commands import fields_of
from eventstore.input.schemas import Schema, or_null, schema_for
from eventstore.models import StoredCommand
from eventstore.serialization import to_builtins

TAG = "Commands"

#: What any command may be answered with, whatever its handler does.
CODES = (
    "malformed_json",
    *OF_ANY_CALL,
    "already_exists",
    "version_conflict",
    "boxed",
    "stale_version",
    "body_too_large",
    "event_too_large",
    "unsupported_media_type",
    "command_id_reused",
    "outcome_unknown",
    "projection_failed",
)

#: Statuses of the refusals, which are stored and come again with the same id.
STORED_STATUSES = ("404", "409", "410", "422")

_REPLAYED = header(
    {"type": "string", "const": "true"},
    "This is the first answer again: the same `Idempotency-Key` came before.",
    always=False,
)
_VERSION_TAG = {"type": "string", "pattern": '^"[0-9]{1,18}"$'}

_AT = parameter(
    "at",
    "query",
    TIME_TEXT,
    "Do it at this time, or as soon as possible where that is past. Say the offset, and write a "
    "`+` as `%2B`. Who may send it now is asked again then.",
)
_HEADERS = [
    parameter(
        "Idempotency-Key",
        "header",
        UUID_TEXT,
        "The command's id, made where absent. Send it again under the same id when no answer "
        "came: it happens once.",
    ),
    parameter(
        "If-Match",
        "header",
        _VERSION_TAG,
        'The version that you have seen, in quotes, as the `ETag` of an answer: `"7"`. The '
        "command is refused where there is another one by now.",
    ),
    parameter(
        "X-Correlation-ID",
        "header",
        UUID_TEXT,
        "Your own id for all that follows from one request; the command's id where absent.",
    ),
    TENANT,
]

_ANSWER: dict[str, Schema] = {
    "command_id": UUID_TEXT,
    "status": {"type": "string", "enum": [StoredCommand.Status.COMPLETED.value]},
    "category": {
        "type": ["string", "null"],
        "description": "The kind of what it was about; null where nothing changed.",
    },
    "aggregate_id": UUID_TEXT,
    "version": {
        **or_null(FROM_ONE),
        "description": "Of the aggregate, after this command; for `If-Match`.",
    },
    "position": {
        **or_null(FROM_ONE),
        "description": "Of the last event; for `min_position` of a query.",
    },
    "correlation_id": UUID_TEXT,
    "events": {
        "type": "array",
        "items": record({"type": {"type": "string"}, "version": FROM_ONE, "position": FROM_ONE}),
    },
}
_DETAIL: Schema = {
    "type": "string",
    "description": "What came of it, for people, where no event tells it: of a box command.",
}
COMMAND_ANSWER: Schema = {
    "description": "What a command did; the same each time its id is sent.",
    **record({**_ANSWER, "detail": _DETAIL}, required=_ANSWER),
}

_NOTHING_YET: Schema = {"type": "null", "description": "Nothing has happened yet."}
SCHEDULED_ANSWER: Schema = {
    "description": "A command for later, as long as it was not done: when it will be.",
    **record(
        {
            **_ANSWER,
            "status": {"type": "string", "enum": list(WAITING)},
            "category": _NOTHING_YET,
            "version": _NOTHING_YET,
            "position": _NOTHING_YET,
            "events": {"type": "array", "maxItems": 0},
            "due_at": TIME_TEXT,
        }
    ),
}


def command_paths(commands: Iterable[CommandType], problems: Problems) -> dict[str, Part]:
    """The path of every command; one that a team registers appears by itself."""
    return {
        f"/api/commands/{command.name}": {"post": _operation(command, problems)}
        for command in commands
    }


def _operation(command: CommandType, problems: Problems) -> Part:
    summary, details = _documentation(command.command_class)
    roles = ", ".join(f"`{role}`" for role in sorted(command.roles))
    operation: Part = {
        "tags": [TAG],
        "operationId": command.name.replace("-", "_"),
        "summary": summary or command.name,
        "description": f"{details}\n\nRoles that may send it: {roles}.".strip(),
        "parameters": [*([] if command.secrets else [_AT]), *_HEADERS],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": body_of(command), "example": example_of(command)}
            },
        },
        "security": WRITING,
        "responses": {**_successes(command), **_failures(command, problems)},
    }
    return operation


def _documentation(command_class: type) -> tuple[str, str]:
    """The first sentence of a class's docstring, and the rest."""
    text = inspect.cleandoc(command_class.__doc__ or "")
    # A dataclass without a docstring gets its signature for one.
    if text.startswith(f"{command_class.__name__}("):
        return "", ""
    summary, _, details = text.partition("\n\n")
    # A summary is plain text, a description Markdown.
    return " ".join(summary.replace("`", "").split()), details


# What goes in ------------------------------------------------------------------------------------


def body_of(command: CommandType) -> Schema:
    """The fields that a sender may fill, by the dataclass and its bounds."""
    defaults = {field.name: _default(field) for field in fields(command.command_class)}
    properties = {
        field.name: {**schema_for(field.hint), **defaults[field.name]}
        for field in fields_of(command)
    }
    properties["aggregate_id"]["description"] = (
        "The id of what is made; where it is left out, one is made of the command's id."
        if command.creates
        else "The id of what this is about."
    )
    return record(properties, (field.name for field in fields_of(command) if field.required))


def _default(field: "Field[Any]") -> Schema:
    if field.default is MISSING:
        return {}
    return {"default": to_builtins(field.default)}


def example_of(command: CommandType) -> dict[str, Any]:
    """A body that is taken as it stands, if its ids are known; without an id for what is new."""
    return {
        field.name: schema_for(field.hint)["examples"][0]
        for field in fields_of(command)
        if not (command.creates and field.name == "aggregate_id")
    }


# What comes out ----------------------------------------------------------------------------------


def _successes(command: CommandType) -> dict[str, Part]:
    schema = {"$ref": "#/components/schemas/CommandAnswer"}
    version = "The aggregate's version, for `If-Match`."
    done = answer(
        "Done.",
        schema,
        {"ETag": header(_VERSION_TAG, version, always=False), "Idempotent-Replayed": _REPLAYED},
    )
    later = {} if command.secrets else {"202": _later()}
    if not command.creates:
        return {"200": done, **later}
    location = header({"type": "string"}, "Where it can be read.", always=False)
    made = answer(
        "Done, and something new is there.",
        schema,
        {
            "ETag": header(_VERSION_TAG, version),
            "Location": location,
            "Idempotent-Replayed": _REPLAYED,
        },
    )
    return {"201": made, **later}


def _later() -> Part:
    return answer(
        "Kept for later, and nothing else done; or cancelled, or given up, when it comes again.",
        {"$ref": "#/components/schemas/ScheduledAnswer"},
        {
            "Location": header({"type": "string"}, "Where to see what becomes of it."),
            "Idempotent-Replayed": _REPLAYED,
        },
    )


def _failures(command: CommandType, problems: Problems) -> dict[str, Part]:
    meanings = {refusal.code: _meaning(refusal) for refusal in command.refusals}
    codes = (*CODES, *(["not_schedulable"] if command.secrets else []))
    answers = problems.answers(
        (*codes, *(code for code in meanings if code not in codes)), meanings
    )
    for status in STORED_STATUSES:
        answers[status]["headers"] = {"Idempotent-Replayed": _REPLAYED}
    return answers


def _meaning(refusal: type[Exception]) -> str:
    return " ".join(inspect.cleandoc(refusal.__doc__ or "").partition("\n\n")[0].split())
