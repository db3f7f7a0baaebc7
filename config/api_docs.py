"""`/api/schema` and `/api/docs`: public, since they tell nothing of any tenant."""

import json
from functools import cache
from hashlib import sha256

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views import View

from config.api_errors import method_not_allowed
from config.openapi import description

#: Nothing of any other host. Swagger UI has its icons as `data:` images in its style sheet.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class PublicView(View):
    """Only to be read; other methods get a problem document, as everywhere under `/api/`."""

    http_method_names = ("get", "head")

    def http_method_not_allowed(self, request: HttpRequest) -> HttpResponse:
        return method_not_allowed([method.upper() for method in self.http_method_names])


class SchemaView(PublicView):
    """The API's description, made once a process."""

    def get(self, request: HttpRequest) -> HttpResponse:
        body, etag = encoded_description()
        response = HttpResponse(body, content_type="application/json")
        # Ask each time, since the next version may have other commands; the ETag makes it cheap.
        response["Cache-Control"] = "no-cache"
        response["ETag"] = etag
        return get_conditional_response(request, etag=etag, response=response) or response


@cache
def encoded_description() -> tuple[bytes, str]:
    """As JSON, with its strong ETag."""
    body = json.dumps(description()).encode()
    return body, f'"{sha256(body).hexdigest()[:32]}"'


class DocsView(PublicView):
    """Swagger UI on the description, from our own host alone."""

    def get(self, request: HttpRequest) -> HttpResponse:
        response = render(request, "api/docs.html")
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response
