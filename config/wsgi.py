"""The entry point for WSGI servers, which have to be given DATABASE_URL."""

import os
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Utf8Request(WSGIRequest):
    """Reads the URL as UTF-8 whatever charset the Content-Type names.

    Django's own decodes the query string with it, before any view or middleware: one header such
    as `charset=hex` would be a fault of ours.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            parsed = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:  # a parameter in a charset that does not exist
            parsed = "", {}
        self.content_type, self.content_params = parsed


class Utf8Handler(WSGIHandler):
    request_class = Utf8Request


django.setup(set_prefix=False)
application = Utf8Handler()
