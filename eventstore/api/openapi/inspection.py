"""The operations of auditors and operators: streams, states, and the feed."""

from eventstore.api import events, feed, streams
from eventstore.api.openapi.parts import (
    COUNT,
    FROM_ONE,
    OF_ANY_CALL,
    READING,
    SENT_NUMBER,
    TENANT,
    TIME_TEXT,
    UUID_TEXT,
    Part,
    Problems,
    answer,
    parameter,
    record,
)
from eventstore.input.schemas import Schema, or_null
from eventstore.models import StoredStream

TAG = "Inspection"

_TEXT: Schema = {"type": "string"}
_SENT_TEXT: Schema = {"type": "string", "pattern": r"^[^\x00]*$"}
_STATUS: Schema = {"type": "string", "enum": StoredStream.Status.values}
_HASH: Schema = {"type": "string", "pattern": "^([0-9a-f]{2})*$"}
_SENT_VERSION: Schema = {**SENT_NUMBER, "minimum": 1}

_OF_ONE_STREAM = (*OF_ANY_CALL, "boxed")

STREAM: Schema = record(
    {
        "number": {**FROM_ONE, "description": "Counts all streams; `after` goes on behind it."},
        "category": _TEXT,
        "aggregate_id": UUID_TEXT,
        "version": {**COUNT, "description": "Of the last event."},
        "status": {**_STATUS, "description": "`boxed`: the events are in cold storage."},
        "head_hash": {**_HASH, "description": "The last event's hash."},
    }
)

_OF_AN_EVENT: dict[str, Schema] = {
    "position": {**FROM_ONE, "description": "Orders all events of all streams; has gaps."},
    "category": _TEXT,
    "aggregate_id": UUID_TEXT,
    "version": {**FROM_ONE, "description": "Counts within the stream, without gaps."},
    "type": {"type": "string", "description": "Permanent, such as `account.money_deposited`."},
    "schema_version": {"type": "integer", "description": "Of `data` as it is here."},
    "data": {
        "description": "By `type` and `schema_version`. An event that was stored in an older "
        "schema version, or under a former name, is shown as one of today's; what is stored stays "
        "as it was. An event that this server cannot read is shown as stored: type, schema "
        "version and data. Amounts are text."
    },
    "recorded_at": TIME_TEXT,
    "correlation_id": or_null(UUID_TEXT),
    "causation_id": {
        **or_null(UUID_TEXT),
        "description": "The command that caused it. As the other two beside it, null where what "
        "is stored cannot be read.",
    },
    "user": {"type": ["string", "null"]},
}

FEED_EVENT: Schema = record(_OF_AN_EVENT)
STREAM_EVENT: Schema = record(
    {
        **_OF_AN_EVENT,
        "hash": {
            **_HASH,
            "description": "SHA-256 over the event before and over this one as it is stored, "
            "which `data` need not be.",
        },
    }
)

_PATH = [
    parameter("category", "path", _SENT_TEXT, "The kind of aggregate, such as `account`."),
    parameter("aggregate_id", "path", UUID_TEXT, "The aggregate's id."),
    TENANT,
]


def _limit(default: int, maximum: int) -> Part:
    schema = {"type": "integer", "minimum": 1, "maximum": maximum, "default": default}
    return parameter("limit", "query", schema, "At most so many.")


_WAIT: Schema = {
    "type": "integer",
    "minimum": 0,
    "maximum": feed.MAXIMUM_WAIT,
    "default": 0,
}

_FEED_PARAMETERS = [
    parameter(
        "after",
        "query",
        {**SENT_NUMBER, "default": 0},
        "The last page's `next`. Beyond the last position there is: 400.",
    ),
    _limit(events.DEFAULT_LIMIT, events.MAXIMUM_LIMIT),
    parameter("category", "query", _SENT_TEXT, "Only events of such streams."),
    parameter("type", "query", _SENT_TEXT, "Only events of this type, by any name it ever had."),
    parameter("wait", "query", _WAIT, "Seconds to wait where there is no event yet."),
    TENANT,
]


def inspection_paths(problems: Problems) -> dict[str, Part]:
    stream = "/api/streams/{category}/{aggregate_id}"
    return {
        "/api/feed": {"get": _feed(problems)},
        "/api/streams": {"get": _list(problems)},
        stream: {"get": _stream(problems)},
        f"{stream}/state": {"get": _state(problems)},
    }


def _operation(
    name: str, summary: str, description: str, parameters: list[Part], responses: Part
) -> Part:
    return {
        "tags": [TAG],
        "operationId": name,
        "summary": summary,
        "description": f"{description}\n\nFor auditors and operators.".strip(),
        "parameters": parameters,
        "security": READING,
        "responses": responses,
    }


def _feed(problems: Problems) -> Part:
    page = record(
        {
            "events": _list_of("FeedEvent"),
            "next": {**COUNT, "description": "For `after`: all up to here was looked at."},
            "head": {**COUNT, "description": "The last position drawn; it may not have settled."},
            "settled": {**COUNT, "description": "No event at or below this position comes later."},
        }
    )
    return _operation(
        "read_feed",
        "All events of the tenant, in the order of their positions.",
        "Follow `next`, and you get each event exactly once and each stream in order, however "
        "many write at the same time. Keep `next` together with what you made of the events. An "
        "event that is not settled, since another one with a lower position may still come, is "
        "held back. A page without events is the end for now if `next` has not moved. Streams in "
        "cold storage are a gap.",
        _FEED_PARAMETERS,
        {"200": answer("A page.", page), **problems.answers(OF_ANY_CALL)},
    )


def _list(problems: Problems) -> Part:
    page = record(
        {
            "results": _list_of("Stream"),
            "next": {**COUNT, "description": "For `after`, also at the end."},
        }
    )
    return _operation(
        "list_streams",
        "The streams of the tenant, oldest first.",
        "",
        [
            parameter("category", "query", _SENT_TEXT, "Only these."),
            parameter("status", "query", _STATUS, "Only these."),
            parameter("after", "query", {**SENT_NUMBER, "default": 0}, "The last page's `next`."),
            _limit(streams.DEFAULT_LIST_LIMIT, streams.MAXIMUM_LIST_LIMIT),
            TENANT,
        ],
        {"200": answer("A page.", page), **problems.answers(OF_ANY_CALL)},
    )


def _stream(problems: Problems) -> Part:
    direction = {"type": "string", "enum": streams.DIRECTIONS, "default": streams.FORWARD}
    page = record(
        {
            "stream": {"$ref": "#/components/schemas/Stream"},
            "events": _list_of("StreamEvent"),
            "next": {
                **or_null(FROM_ONE),
                "description": "For `from_version`, backward for `to_version`; null at the end.",
            },
        }
    )
    return _operation(
        "read_stream",
        "A page of one stream's events.",
        "",
        [
            parameter("from_version", "query", {**_SENT_VERSION, "default": 1}, "Included."),
            parameter("to_version", "query", _SENT_VERSION, "Included; without it, the last."),
            parameter("direction", "query", direction, "`backward`: the newest first."),
            _limit(events.DEFAULT_LIMIT, events.MAXIMUM_LIMIT),
            *_PATH,
        ],
        {"200": answer("It is there.", page), **problems.answers(_OF_ONE_STREAM)},
    )


def _state(problems: Problems) -> Part:
    state = record(
        {
            "category": _TEXT,
            "aggregate_id": UUID_TEXT,
            "version": {**COUNT, "description": "The events up to this one have made the state."},
            "state": {"type": "object", "description": "As the aggregate's code keeps it."},
        }
    )
    return _operation(
        "read_state",
        "What a stream had come to, at a version or a time.",
        "Replayed from the first event; without `version` and `at`, the present one. Only one of "
        "the two. A version that the stream does not have: 404. Events that this server cannot "
        "replay: `busy`.",
        [
            parameter("version", "query", SENT_NUMBER, "0: before the first event."),
            parameter("at", "query", TIME_TEXT, "With its offset: `1994-03-31T12:00Z`."),
            *_PATH,
        ],
        {"200": answer("It is there.", state), **problems.answers(_OF_ONE_STREAM)},
    )


def _list_of(name: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}
