"""Keeps the log's line for each command, effect and batch away from commands that do thousands."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = tuple(
    logging.getLogger(f"daybook.{name}") for name in ("commands", "effects", "projections")
)


@contextmanager
def without_command_lines(*, verbosity: int) -> Iterator[None]:
    """Log warnings only, unless the user asked for more with `--verbosity 2`."""
    before = [(logger, logger.level) for logger in LOGGERS]
    if verbosity < 2:
        for logger in LOGGERS:
            logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in before:
            logger.setLevel(level)
