"""Serves the project on this machine until Ctrl-C, with the admin's static files.

By waitress, which checks what could be read in two ways (two lengths, chunks beside a length),
waits for whole bodies before a thread is spent on them, and keeps its threads, so that each keeps
its connection to the database.
"""

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.exceptions import SuspiciousOperation
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from waitress.server import BaseWSGIServer, create_server

from config.wsgi import Utf8Request, application

HOST = "127.0.0.1"

#: As many requests at once; the others wait in line.
THREADS = 16

#: Bytes of a request, far beyond what any view takes: those answer with their own limit.
MAXIMUM_REQUEST_SIZE = 16 * 1024 * 1024


class StaticFiles(StaticFilesHandler):
    """Django's, which lets a path out of the folder, or a file's name too long, end as a fault."""

    request_class = Utf8Request

    def serve(self, request: HttpRequest) -> HttpResponse | FileResponse:
        try:
            return super().serve(request)
        except (SuspiciousOperation, OSError, ValueError):
            raise Http404 from None


def make_server(port: int) -> BaseWSGIServer:
    """A server bound to the port, 0 for any free one; raises OSError where it is taken."""
    server: BaseWSGIServer = create_server(
        StaticFiles(application),
        host=HOST,
        port=port,
        threads=THREADS,
        max_request_body_size=MAXIMUM_REQUEST_SIZE,
        ident=None,
    )
    return server


def url_of(server: BaseWSGIServer) -> str:
    return f"http://{HOST}:{server.effective_port}"
