#!/usr/bin/env python
"""Run Django's commands; without DATABASE_URL the project's own PostgreSQL is started first."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from config import postgres
from config.unprivileged import ServerError


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_in_order)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if not os.environ.get("DATABASE_URL"):
        try:
            os.environ["DATABASE_URL"] = postgres.ensure_server(Path(__file__).parent / ".daybook")
        except ServerError as error:
            sys.exit(str(error))

    # Only now: importing Django's management reads the settings.
    from django.core.management import execute_from_command_line
    from django.db import ProgrammingError

    try:
        execute_from_command_line(sys.argv)
    except ProgrammingError:
        if sys.argv[1] != "migrate" and lacks_migrations():
            sys.exit("Migrations are missing. Run `manage.py migrate`.")
        raise
    except KeyboardInterrupt:
        sys.exit("Interrupted. What is done is done; run it again to go on.")


def lacks_migrations() -> bool:
    """Whether that is why the database knew no such table or column."""
    from django.db import connections

    from config.health import is_migrated

    return not all(is_migrated(connection) for connection in connections.all())


def end_in_order(number: int, frame: FrameType | None) -> None:
    """End as after Ctrl-C: what this process uses is given back, the server included."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
