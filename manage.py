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
    from django.db import DatabaseError

    try:
        execute_from_command_line(sys.argv)
    except DatabaseError as error:
        from config.database_advice import advice_on

        if (advice := advice_on(error)) is None:
            raise
        sys.exit(advice)
    except KeyboardInterrupt:
        sys.exit("Interrupted. What is done is done; run it again to go on.")


def end_in_order(number: int, frame: FrameType | None) -> None:
    """End as after Ctrl-C: what this process uses is given back, the server included."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
