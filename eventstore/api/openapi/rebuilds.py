"""The operations on rebuilds: asked for, and looked at while the background does them."""

from eventstore.api.openapi.parts import (
    COUNT,
    FROM_ONE,
    OF_ANY_CALL,
    READING,
    SENT_NUMBER,
    TENANT,
    TIME_TEXT,
    WRITING,
    Part,
    Problems,
    answer,
    header,
    parameter,
    record,
)
from eventstore.api.openapi.projections import TAG
from eventstore.api.projections import REASON
from eventstore.api.rebuilds import DEFAULT_LIMIT, MAXIMUM_LIMIT
from eventstore.input.schemas import Schema, or_null
from eventstore.models import Rebuild

_TEXT: Schema = {"type": "string"}
_KIND: Schema = {"type": "string", "enum": Rebuild.Kind.values}
_WHOSE = "null where it is of another tenant's operator."

_LISTED: dict[str, Schema] = {
    "id": FROM_ONE,
    "projection": _TEXT,
    "kind": {
        **_KIND,
        "description": "`rebuild`: all rows anew, while the old ones serve. `check`: compared "
        "with a replay. `fix`: only rows that differ are written.",
    },
    "stream": {**_TEXT, "description": "Of only the rows that it touches; empty: of all."},
    "status": {
        "type": "string",
        "enum": Rebuild.Status.values,
        "description": "`differs`: a check that has found differences. `failed`: the rows are "
        "as they were.",
    },
    "position": {**COUNT, "description": "Of the last event that was read."},
    "head": {**COUNT, "description": "Of the last event there was when it began."},
    "events": {**COUNT, "description": "Events that were read."},
    "rows": {**COUNT, "description": "Rows that were written; of a check: that differ."},
    "attempts": {**COUNT, "description": "How often it was begun: again where its process died."},
    "asked_at": TIME_TEXT,
    "started_at": or_null(TIME_TEXT),
    "updated_at": TIME_TEXT,
    "ended_at": or_null(TIME_TEXT),
    "error": {
        **_TEXT,
        "description": "Why it failed; a sentence in its place where it may quote another "
        "tenant's rows.",
    },
    "user": {**or_null(_TEXT), "description": f"Who asked for it; {_WHOSE}"},
    "reason": {**or_null(_TEXT), "description": f"Why; {_WHOSE}"},
}

_DIFFERENCE: Schema = record(
    {
        "table": _TEXT,
        "key": {"type": "object"},
        "kind": {
            "type": "string",
            "enum": ["missing", "extra", "different"],
            "description": "Of the live row, beside a replay's.",
        },
        "columns": {"type": "array", "items": _TEXT},
        "position": {
            **or_null(FROM_ONE),
            "description": "Of the first event that the live row does not show.",
        },
    }
)

LISTED_REBUILD: Schema = record(_LISTED)

REBUILD: Schema = record(
    {
        **_LISTED,
        "differences": {
            "type": "array",
            "items": _DIFFERENCE,
            "description": "Your tenant's among the first hundred that were found.",
        },
        "hidden_differences": {**COUNT, "description": "Of other tenants, among these."},
    }
)

_NAME = parameter("name", "path", {"type": "string", "pattern": r"^[^\x00]*$"}, "A projection's.")
_ASKED = ("malformed_json", "body_too_large", "unsupported_media_type", "not_applicable")


def rebuild_paths(problems: Problems) -> dict[str, Part]:
    one = "/api/projections/{name}/rebuilds"
    return {
        "/api/projections/{name}/rebuild": {"post": _ask(problems)},
        one: {"get": _list(problems)},
        f"{one}/{{number}}": {"get": _read(problems)},
    }


def _ask(problems: Problems) -> Part:
    body = {
        "schema": record(
            {
                "kind": {**_KIND, "default": Rebuild.Kind.REBUILD.value},
                "reason": {
                    **REASON.schema(),
                    "description": "It stays on record, with your name.",
                },
            },
            (),
        ),
        "example": {"kind": "check", "reason": "its table was repaired"},
    }
    location = header({"type": "string", "format": "uri-reference"}, "Where to ask how far it is.")
    return {
        "tags": [TAG],
        "operationId": "rebuild_projection",
        "summary": "Make the rows anew from the events, check them, or mend those that differ.",
        "description": "The background does it, for all tenants; readers and commands go on. "
        "409 while another run of the projection waits or is at work.\n\nFor operators.",
        "parameters": [_NAME, TENANT],
        "requestBody": {"required": False, "content": {"application/json": body}},
        "security": WRITING,
        "responses": {
            "202": answer(
                "It is asked for.",
                {"$ref": "#/components/schemas/Rebuild"},
                {"Location": location},
            ),
            **problems.answers((*OF_ANY_CALL, *_ASKED)),
        },
    }


def _list(problems: Problems) -> Part:
    results = {"type": "array", "items": {"$ref": "#/components/schemas/ListedRebuild"}}
    older = {**or_null(FROM_ONE), "description": "For `before`; null: there are no older ones."}
    limit = {"type": "integer", "minimum": 1, "maximum": MAXIMUM_LIMIT, "default": DEFAULT_LIMIT}
    return {
        "tags": [TAG],
        "operationId": "list_rebuilds",
        "summary": "What was done to a projection's rows, newest first.",
        "description": "Rebuilds, checks and mends.\n\nFor operators.",
        "parameters": [
            _NAME,
            parameter("before", "query", SENT_NUMBER, "Only those before this `id`."),
            parameter("limit", "query", limit, "How many at most."),
            TENANT,
        ],
        "security": READING,
        "responses": {
            "200": answer("A page.", record({"results": results, "next": older})),
            **problems.answers(OF_ANY_CALL),
        },
    }


def _read(problems: Problems) -> Part:
    return {
        "tags": [TAG],
        "operationId": "read_rebuild",
        "summary": "One run: how far it is, what it has found, or why it failed.",
        "description": "For operators.",
        "parameters": [_NAME, parameter("number", "path", SENT_NUMBER, "Its `id`."), TENANT],
        "security": READING,
        "responses": {
            "200": answer("As it is now.", {"$ref": "#/components/schemas/Rebuild"}),
            **problems.answers(OF_ANY_CALL),
        },
    }
