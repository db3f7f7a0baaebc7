#!/usr/bin/env python
"""Run Django's commands; without DATABASE_URL the project's own PostgreSQL is started first."""

import os
import sys
from pathlib import Path

from config import postgres
from config.unprivileged import ServerError


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if not os.environ.get("DATABASE_URL"):
        try:
            os.environ["DATABASE_URL"] = postgres.ensure_server(Path(__file__).parent / ".daybook")
        except ServerError as error:
            sys.exit(str(error))

    # Only now: importing Django's management reads the settings.
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
