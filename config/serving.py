"""Serves the project on this machine until Ctrl-C, with the admin's static files.

Django's own development server: enough to look around. For anything else run a WSGI server of
your choice on `config.wsgi:application`.
"""

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application

HOST = "127.0.0.1"


class Server(ThreadedWSGIServer):
    """A thread for each connection; fifty clients at once are not turned away."""

    request_queue_size = 128
    daemon_threads = True


class QuietRequestHandler(WSGIRequestHandler):
    """Logs nothing for each request; commands have their own line."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def make_server(port: int) -> Server:
    """A server bound to the port, 0 for any free one; raises OSError where it is taken."""
    server = Server((HOST, port), QuietRequestHandler)
    server.set_app(StaticFilesHandler(get_wsgi_application()))
    return server


def url_of(server: Server) -> str:
    return f"http://{HOST}:{server.server_port}"
