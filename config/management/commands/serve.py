"""`manage.py serve [--port N]`: the admin and the API on this machine, until Ctrl-C."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.serving import make_server, url_of

DEFAULT_PORT = 8000


class Command(BaseCommand):
    help = "Serve the admin and the API on this machine until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_port(parser)

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        try:
            server = make_server(port)
        except OSError as error:
            raise CommandError(
                f"Port {port} cannot be used ({error.strerror}). Choose another: --port 8001, "
                "or --port 0 for any free one."
            ) from None
        self.stdout.write(f"Serving on {url_of(server)} - stop with Ctrl-C")
        self.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
        finally:
            server.server_close()


def add_port(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"default {DEFAULT_PORT}; 0: any free one"
    )
