"""`manage.py serve [--port N]`: the admin and the API on this machine, until Ctrl-C."""

from argparse import ArgumentParser
from typing import Any

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import DEFAULT_DB_ALIAS
from waitress.server import BaseWSGIServer

from config.serving import make_server, url_of

DEFAULT_PORT = 8000


class Command(BaseCommand):
    requires_migrations_checks = True
    help = "Serve the admin and the API on this machine until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_port(parser)

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        check_database(self)
        serve_until_interrupted(open_server(port), self.stdout)


def check_database(command: BaseCommand) -> None:
    """Raise SystemCheckError where events could be lost; Django looks only before it migrates."""
    command.check(tags=[Tags.database], databases=[DEFAULT_DB_ALIAS])


def open_server(port: int) -> BaseWSGIServer:
    """A server that has its port, or CommandError with the remedy."""
    try:
        return make_server(port)
    except (OSError, OverflowError, ValueError) as error:
        raise CommandError(
            f"Port {port} cannot be used ({error}). Choose another: --port 8001 "
            "(make demo PORT=8001), or --port 0 for any free one."
        ) from None


def serve_until_interrupted(server: BaseWSGIServer, out: OutputWrapper) -> None:
    out.write(f"Serving on {url_of(server)} - stop with Ctrl-C")
    out.flush()
    server.run()  # Ends at Ctrl-C, when the requests under way have had their answer.
    out.write("Stopped.")


def add_port(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"default {DEFAULT_PORT}; 0: any free one"
    )
