"""Errors as RFC 9457 problem documents: one table from our codes to HTTP's statuses."""

import logging
from http import HTTPStatus
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from eventstore.errors import (
    Busy,
    DaybookError,
    RateLimited,
    Refusal,
    ReplayedRefusal,
    Unauthenticated,
    Unreadable,
)

logger = logging.getLogger("daybook.events")

STATUS_OF_CODE = {
    "malformed_json": 400,
    "validation_failed": 400,
    "unknown_parameter": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_schedulable": 400,
    "already_exists": 409,
    "pending_work": 409,
    "version_conflict": 409,
    "not_applicable": 409,
    "not_cancellable": 409,
    "not_waitable": 409,
    "boxed": 410,
    "stale_version": 412,
    "body_too_large": 413,
    "event_too_large": 413,
    "unsupported_media_type": 415,
    "command_id_reused": 422,
    "rate_limited": 429,
    "busy": 503,
    "not_caught_up": 503,
    "outcome_unknown": 503,
    "projection_failed": 503,
}

#: Every refusal that the table does not name, which is every refusal of the domain.
STATUS_OF_REFUSAL = 422

#: Seconds after which to try again what the table calls 503.
RETRY_AFTER = "1"

#: What REST framework raises itself, in our words.
FRAMEWORK_ERRORS: dict[type[Exception], tuple[str, str]] = {
    exceptions.PermissionDenied: ("forbidden", "You may not do this. Ask an operator."),
    exceptions.MethodNotAllowed: ("method_not_allowed", "This URL does not take this method."),
}


def status_of(code: str) -> int:
    """HTTP's status of a code; every code that the table does not name is a refusal's."""
    return STATUS_OF_CODE.get(code, STATUS_OF_REFUSAL)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's hook; None for a fault of ours, which Django logs and answers with 500."""
    problem = _problem(error)
    if problem is None:
        return None
    if isinstance(error, Unreadable):
        # An answer for the client, and work for whoever is on call.
        logger.error("unreadable_events", exc_info=error)
    set_rollback()
    response = Response(problem, status=problem["status"])
    response.content_type = "application/problem+json"
    if problem["status"] == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = RETRY_AFTER
    if isinstance(error, RateLimited):
        response["Retry-After"] = str(error.seconds)
    if problem["status"] == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(error, exceptions.MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    if isinstance(error, ReplayedRefusal):
        response["Idempotent-Replayed"] = "true"
    return response


def _problem(error: Exception) -> dict[str, Any] | None:
    if isinstance(error, OperationalError | InterfaceError):
        error = Busy(type(error).__name__)
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        error = Unauthenticated()
    if isinstance(error, DaybookError):
        default = STATUS_OF_REFUSAL if isinstance(error, Refusal) else None
        status = STATUS_OF_CODE.get(error.code, default)
        if status is None:
            return None
        return problem_document(status, error.code, str(error), getattr(error, "errors", None))
    for error_class, (code, detail) in FRAMEWORK_ERRORS.items():
        if isinstance(error, error_class):
            return problem_document(STATUS_OF_CODE[code], code, detail)
    return None


def problem_document(
    status: int, code: str, detail: str, errors: dict[str, list[str]] | None = None
) -> dict[str, Any]:
    """An RFC 9457 document; `code` is stable and meant for programs, `detail` for people."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if errors is not None:
        document["errors"] = errors
    return document


# Outside REST framework's views: URLs that do not exist, hosts that are not ours, faults of ours.
# Programs get a problem document, people in a browser a page.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _plain_problem(400, "validation_failed", "The request's host or form is not accepted.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/"):
        return _plain_problem(404, "not_found", "There is nothing at this URL.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if not request.path.startswith("/api/"):
        return defaults.server_error(request)
    detail = "This is a fault of the server's. It has been logged; send the same command id again."
    return _plain_problem(500, "internal", detail)


def method_not_allowed(allowed: list[str]) -> HttpResponse:
    code = "method_not_allowed"
    response = _plain_problem(STATUS_OF_CODE[code], code, "This URL does not take this method.")
    response["Allow"] = ", ".join(allowed)
    return response


def _plain_problem(status: int, code: str, detail: str) -> HttpResponse:
    document = problem_document(status, code, detail)
    return JsonResponse(document, status=status, content_type="application/problem+json")
