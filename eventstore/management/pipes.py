"""Ends a command quietly when nobody reads on (`| head`), or on Ctrl-C."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import OutputWrapper


@contextmanager
def until_nobody_listens(stdout: OutputWrapper) -> Iterator[None]:
    try:
        yield
        stdout.flush()
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        # Python flushes stdout once more when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
