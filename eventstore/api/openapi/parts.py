"""The pieces that every operation is described with: parameters, bodies, answers, errors."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from eventstore.api.openapi.codes import MEANINGS
from eventstore.input.parameters import MAXIMUM_NUMBER
from eventstore.input.schemas import Schema

#: Anything of an OpenAPI document that is no schema.
Part = dict[str, Any]

#: Who may call, one of: an API key, a browser's session; to write, with its CSRF token.
READING: list[Part] = [{"apiKey": []}, {"session": []}]
WRITING: list[Part] = [{"apiKey": []}, {"session": [], "csrf": []}]

UUID_TEXT: Schema = {"type": "string", "format": "uuid"}
TIME_TEXT: Schema = {"type": "string", "format": "date-time"}
#: A number in an answer, and one that is sent.
COUNT: Schema = {"type": "integer", "minimum": 0}
FROM_ONE: Schema = {"type": "integer", "minimum": 1}
SENT_NUMBER: Schema = {**COUNT, "maximum": MAXIMUM_NUMBER}

#: Codes that any call of an endpoint with a caller may be answered with.
OF_ANY_CALL = (
    "unknown_parameter",
    "validation_failed",
    "unauthenticated",
    "forbidden",
    "not_found",
    "rate_limited",
    "busy",
)


def parameter(name: str, place: str, schema: Schema, description: str) -> Part:
    """`place`: query, header or path; only those in the path are required."""
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "schema": schema,
        "description": description,
    }


TENANT = parameter(
    "X-Tenant",
    "header",
    {"type": "string", "maxLength": 63, "pattern": "^[-a-zA-Z0-9_]+$"},
    "A tenant's slug. Required with a session; a key has its own tenant and needs none.",
)


def header(schema: Schema, description: str, *, always: bool = True) -> Part:
    return {"schema": schema, "description": description, "required": always}


def record(properties: dict[str, Schema], required: Iterable[str] | None = None) -> Schema:
    """An object of just these properties, all of them there unless `required` says which."""
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties if required is None else required),
        "additionalProperties": False,
    }


def answer(description: str, schema: Schema, headers: Part | None = None) -> Part:
    """A successful answer in JSON."""
    part: Part = {
        "description": description,
        "content": {"application/json": {"schema": schema}},
    }
    return part | ({"headers": headers} if headers else {})


PROBLEM: Schema = {
    "description": "RFC 9457. Programs go by `code`, which is stable; `detail` is for people.",
    **record(
        {
            "type": {"type": "string", "const": "about:blank"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string"},
            "detail": {"type": "string"},
            "errors": {
                "description": "The messages for each wrong field, header or parameter.",
                "type": "object",
                "additionalProperties": {"type": "array", "items": {"type": "string"}},
            },
        },
        required=("type", "title", "status", "code", "detail"),
    ),
}

#: Headers of an error, by its status.
_HEADERS: dict[int, Part] = {
    401: {"WWW-Authenticate": header({"type": "string", "const": "Bearer"}, "How to come in.")},
    429: {"Retry-After": header({"type": "integer", "minimum": 1}, "Seconds to wait.")},
    503: {"Retry-After": header({"type": "integer", "minimum": 1}, "Seconds to wait.")},
}


class Problems:
    """Makes the error answers of an operation from the codes that can occur in it."""

    def __init__(self, status_of: Callable[[str], int]) -> None:
        """`status_of` a code; the table stands where HTTP's statuses are known."""
        self._status_of = status_of

    def answers(
        self, codes: Iterable[str], meanings: dict[str, str] | None = None
    ) -> dict[str, Part]:
        """One answer for each status, with the codes that it may carry.

        `meanings`: of the codes that are not the event store's own.
        """
        by_status: dict[int, list[str]] = {}
        for code in codes:
            by_status.setdefault(self._status_of(code), []).append(code)
        meanings = {**MEANINGS, **(meanings or {})}
        return {
            str(status): self._answer(status, by_status[status], meanings)
            for status in sorted(by_status)
        }

    def _answer(self, status: int, codes: list[str], meanings: dict[str, str]) -> Part:
        schema = {
            "allOf": [{"$ref": "#/components/schemas/Problem"}],
            "properties": {"status": {"const": status}, "code": {"enum": codes}},
        }
        examples = {
            code: {"value": _example(status, code, meanings.get(code, ""))} for code in codes
        }
        lines = [f"`{code}`: {meanings.get(code, '')}".removesuffix(": ") for code in codes]
        part: Part = {
            "description": "  \n".join(lines),
            "content": {"application/problem+json": {"schema": schema, "examples": examples}},
        }
        return part | ({"headers": _HEADERS[status]} if status in _HEADERS else {})


def _example(status: int, code: str, meaning: str) -> Part:
    example: Part = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": meaning,
    }
    if code in ("validation_failed", "unknown_parameter"):
        example["errors"] = {"its_name": ["what is wrong with it"]}
    return example
