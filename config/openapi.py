"""The API's description (OpenAPI 3.1): the parts of each package, put together once a process."""

from functools import cache
from typing import Any

import eventstore.api.openapi
from config.api_errors import STATUS_OF_CODE, status_of
from eventstore.api.openapi import commands, inspection, log, projections
from eventstore.api.openapi.codes import MEANINGS
from eventstore.api.openapi.parts import Part, Problems, answer
from eventstore.application import Application, get_application
from projections.api import openapi as projections_openapi

TAG = "This description"

#: As in pyproject.toml.
VERSION = "0.1.0"

INTRODUCTION = """
Commands change something, queries show what is. Everything is JSON.

**Come in** with an API key: `Authorization: Bearer <key>`. An operator makes one with
`manage.py create_api_key`. A browser that is logged in sends its session, `X-Tenant: <slug>` and,
to change something, `X-CSRFToken`.

**Send a command** with `POST /api/commands/<name>` under an `Idempotency-Key` of your own, a UUID.
When no answer comes, send it again under the same key: it happens once, and you get its answer.
A refusal is an answer too. An amount is text such as `"12.34"` or an integer, never a float.

**Read** what a command did: its answer names a `position`, and a query with
`min_position=<position>` contains it.

**Follow** all that happens with `GET /api/feed`, from `next` to `next`: each event comes once,
in order. That, and the streams themselves, are for auditors and operators.

**Errors** are RFC 9457 `application/problem+json`. Programs go by the `code`, of which a command
may have its own.

<details><summary>All other codes</summary>

| code | status | meaning |
| --- | --- | --- |
{codes}

</details>
"""


@cache
def description() -> Part:
    """Of the application of this process."""
    return describe(get_application())


def describe(application: Application) -> Part:
    """Everything under `/api/`, as an OpenAPI document."""
    problems = Problems(status_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Daybook",
            "version": VERSION,
            "description": INTRODUCTION.strip().format(codes=_table_of_codes()),
        },
        "tags": [
            {"name": commands.TAG, "description": "Each happens exactly once."},
            {"name": projections_openapi.TAG, "description": "What is, as far as it is known."},
            {"name": log.TAG, "description": "Who wished what, and what came of it."},
            {"name": projections.TAG, "description": "How far the queries' rows are."},
            {"name": inspection.TAG, "description": "What has happened, event by event."},
            {"name": TAG, "description": "Needs no key."},
        ],
        "paths": {
            **eventstore.api.openapi.paths(application, problems),
            **projections_openapi.QueryPaths(application.projections, problems).all(),
            **_own_paths(),
        },
        "components": {
            "schemas": eventstore.api.openapi.SCHEMAS,
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _table_of_codes() -> str:
    """Of all codes but the refusals, which stand with their commands."""
    return "\n".join(
        f"| `{code}` | {status} | {MEANINGS[code]} |" for code, status in STATUS_OF_CODE.items()
    )


SECURITY_SCHEMES: dict[str, Any] = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, which belongs to one user in one tenant.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "A browser's session, with the header `X-Tenant`.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRFToken",
        "description": "With a session: the value of the cookie `csrftoken`.",
    },
}


def _own_paths() -> dict[str, Part]:
    etag = {"schema": {"type": "string"}, "required": True}
    document = answer("An OpenAPI document.", {"type": "object"}, {"ETag": etag})
    unchanged = {"description": "It still has the ETag in `If-None-Match`."}
    page = {"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}}
    return {
        "/api/schema": _public(
            "read_schema", "This document, for programs.", {"200": document, "304": unchanged}
        ),
        "/api/docs": _public("read_docs", "This document, for people.", {"200": page}),
    }


def _public(name: str, summary: str, responses: Part) -> Part:
    """A GET that needs no key."""
    operation = {"tags": [TAG], "operationId": name, "summary": summary, "security": []}
    return {"get": {**operation, "responses": responses}}
