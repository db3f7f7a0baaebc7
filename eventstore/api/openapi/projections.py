"""The operations on projections: how far each is, and what an operator may do about it."""

from eventstore.api.openapi.parts import (
    COUNT,
    FROM_ONE,
    OF_ANY_CALL,
    READING,
    TENANT,
    TIME_TEXT,
    WRITING,
    Part,
    Problems,
    answer,
    parameter,
    record,
)
from eventstore.api.projections import NEED_A_REASON, REASON
from eventstore.input.schemas import Schema, or_null
from eventstore.models import Subscription
from eventstore.projections import Mode
from eventstore.subscription_log import PAUSE, RESUME, RETRY, SKIP, Act

TAG = "Projections"

_MODE: Schema = {"type": "string", "enum": [mode.value for mode in Mode]}
_SECONDS: Schema = {"type": "number", "minimum": 0}

PROJECTION: Schema = record(
    {
        "name": {"type": "string"},
        "mode": {**_MODE, "description": "When its rows are brought up to date."},
        "registered_mode": {
            **_MODE,
            "description": "As this server's code has it. Where it is another one, this server "
            "does not write its rows.",
        },
        "generation": {**FROM_ONE, "description": "Rises when the rows are replaced."},
        "status": {
            "type": "string",
            "enum": Subscription.Status.values,
            "description": "`stopped`: by an event that failed five times.",
        },
        "position": {**COUNT, "description": "All events up to here are in its rows."},
        "head": {**COUNT, "description": "The last position drawn; it may not have settled."},
        "settled": {**COUNT, "description": "No event at or below this position comes later."},
        "lag_events": {
            **COUNT,
            "description": "Events between `position` and `settled`, of whatever type; counted "
            "up to 100,000.",
        },
        "lag_seconds": {**_SECONDS, "description": "The age of the oldest of them; 0: level."},
        "failed_position": {**or_null(FROM_ONE), "description": "The event that failed."},
        "attempts": {**COUNT, "description": "At that event, since somebody resumed or retried."},
        "retry_at": {**or_null(TIME_TEXT), "description": "Nobody tries it again before."},
        "error": {
            "type": "string",
            "description": "Why the last attempt failed; instead of that a sentence, where the "
            "event is another tenant's.",
        },
        "as_of": {**or_null(TIME_TEXT), "description": "Scheduled: of its last run."},
        "due_at": {**or_null(TIME_TEXT), "description": "Scheduled: of its next run."},
    }
)

_ACTED = ("malformed_json", "body_too_large", "unsupported_media_type", "not_applicable")

_ACTS: tuple[tuple[Act, str, str], ...] = (
    (PAUSE, "Let nobody bring the rows up to date.", "Until it is resumed; what is there stays."),
    (RESUME, "Let a paused projection go on.", "From where it stands."),
    (
        RETRY,
        "Try the event that failed again.",
        "With all its attempts. Mend the cause first, else it fails again.",
    ),
    (
        SKIP,
        "Leave the event that failed out, and go on behind it.",
        "For good: a replay leaves it out as well. Only an event of your own tenant.",
    ),
)


def projection_paths(problems: Problems) -> dict[str, Part]:
    acts = {
        f"/api/projections/{{name}}/{act.action}": {
            "post": _act(act, summary, description, problems)
        }
        for act, summary, description in _ACTS
    }
    return {"/api/projections": {"get": _list(problems)}, **acts}


def _list(problems: Problems) -> Part:
    results = {"type": "array", "items": {"$ref": "#/components/schemas/Projection"}}
    return {
        "tags": [TAG],
        "operationId": "list_projections",
        "summary": "Every projection, how far it is, and why it stands still.",
        "description": "They serve all tenants.\n\nFor operators.",
        "parameters": [TENANT],
        "security": READING,
        "responses": {
            "200": answer("All of them.", record({"results": results})),
            **problems.answers(OF_ANY_CALL),
        },
    }


def _act(act: Act, summary: str, description: str, problems: Problems) -> Part:
    required = ("reason",) if act in NEED_A_REASON else ()
    reason = {**REASON.schema(), "description": "It stays on record, with your name."}
    body = {"schema": record({"reason": reason}, required), "example": {"reason": REASON.example}}
    done = answer("Done.", {"$ref": "#/components/schemas/Projection"})
    return {
        "tags": [TAG],
        "operationId": f"{act.action}_projection",
        "summary": summary,
        "description": f"{description} It counts for all tenants.\n\nFor operators.",
        "parameters": [
            parameter(
                "name", "path", {"type": "string", "pattern": r"^[^\x00]*$"}, "The projection's."
            ),
            TENANT,
        ],
        "requestBody": {"required": bool(required), "content": {"application/json": body}},
        "security": WRITING,
        "responses": {"200": done, **problems.answers((*OF_ANY_CALL, *_ACTED))},
    }
