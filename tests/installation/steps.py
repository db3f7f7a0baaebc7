"""A line for each step: how long it took, and whether it did what it should."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def step(name: str) -> Iterator[None]:
    start = time.monotonic()
    outcome = "FAILED"
    try:
        yield
        outcome = "ok"
    finally:
        print(f"  {time.monotonic() - start:7.1f} s  {name}: {outcome}", flush=True)
