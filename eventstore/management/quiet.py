"""Keeps the log's line for each command away from commands that send thousands."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

COMMANDS = logging.getLogger("daybook.commands")


@contextmanager
def without_command_lines(*, verbosity: int) -> Iterator[None]:
    """Log warnings only, unless the user asked for more with `--verbosity 2`."""
    before = COMMANDS.level
    if verbosity < 2:
        COMMANDS.setLevel(logging.WARNING)
    try:
        yield
    finally:
        COMMANDS.setLevel(before)
