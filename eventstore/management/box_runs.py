"""Aggregates boxed or unboxed one after another, each by one command, and what came of it."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from eventstore.application import Application
from eventstore.box_commands import BoxAggregate, UnboxAggregate
from eventstore.errors import BoxDamaged, ColdStorageFailed, DaybookError
from eventstore.management.box_choice import Choice, Target
from eventstore.management.progress import Progress
from eventstore.tenancy import Actor, Role

FAILED, DAMAGED, INTERRUPTED = 1, 4, 130

#: Refusals that are named; the others are counted.
MOST_NAMED = 20


@dataclass(slots=True)
class Run:
    """How many were done, refused, and could not be read; the first that were not done."""

    done: int = 0
    refused: int = 0
    damaged: int = 0
    refusals: list[dict[str, str]] = field(default_factory=list)
    #: What the last command had to say.
    detail: str = ""
    #: Why it ended before all were tried.
    stopped: str = ""
    is_interrupted: bool = False
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        if self.damaged:
            return DAMAGED
        if self.is_interrupted:
            return INTERRUPTED
        return FAILED if self.refused or self.stopped else 0

    def note(self, target: Target, error: DaybookError) -> None:
        if isinstance(error, BoxDamaged):
            self.damaged += 1
        else:
            self.refused += 1
        if len(self.refusals) < MOST_NAMED:
            told = {"tenant": target.tenant, "stream": target.name}
            self.refusals.append({**told, "code": error.code, "detail": str(error)})


def run(
    application: Application,
    choice: Choice,
    command: type[BoxAggregate | UnboxAggregate],
    *,
    user: str,
    reason: str,
) -> Run:
    """Do all of them, with a bar on a terminal; refusals are told, not raised.

    Run again it goes on with the rest. Where files cannot be written it stops: nor could the next.
    """
    result, started = Run(), time.monotonic()
    total = 1 if choice.is_one else choice.count(application)
    with ctrl_c_heard() as heard, Progress(sys.stderr, total, "aggregates") as bar:
        for target in choice.targets(application):
            if heard:
                result.is_interrupted = True
                break
            asked = command(
                aggregate_id=target.aggregate_id, category=target.category, reason=reason
            )
            actor = Actor(tenant_id=target.tenant_id, user=user, role=Role.OPERATOR)
            try:
                result.detail = application.bus.send(asked, actor=actor).detail
                result.done += 1
            except ColdStorageFailed as error:
                result.stopped = str(error)
                break
            except DaybookError as error:
                result.note(target, error)
            bar.advance()
    result.seconds = time.monotonic() - started
    return result


@contextmanager
def ctrl_c_heard() -> Iterator[list[int]]:
    """Is no longer empty once Ctrl-C was pressed; the second time it ends what is being done."""
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)


def summary(result: Run, done: str) -> str:
    """`done`: boxed or unboxed."""
    counts = [f"{result.done:,} {done}", f"{result.refused:,} refused"]
    if result.damaged:
        counts.append(f"{result.damaged:,} damaged")
    rate = result.done / max(result.seconds, 1e-9)
    return f"{', '.join(counts)} in {result.seconds:.1f} s, {rate:,.0f}/s."


def refusal_lines(result: Run) -> list[str]:
    """What was not done, and why; the first ones."""
    lines = [f"{each['tenant']} {each['stream']}: {each['detail']}" for each in result.refusals]
    if more := result.refused + result.damaged - len(lines):
        lines.append(f"and {more:,} more")
    return lines


def sentence(result: Run) -> str:
    """Why it did not end with 0; "" where it did."""
    found = []
    if result.stopped:
        found.append(result.stopped)
    if result.is_interrupted:
        found.append("Interrupted between two aggregates. Run it again for the rest.")
    if result.refused:
        found.append(f"{result.refused:,} were refused. Run it again for them later.")
    if result.damaged:
        found.append(f"{result.damaged:,} boxes cannot be used; `manage.py verify` tells more.")
    return " ".join(found)


def plain(result: Run, done: str) -> dict[str, Any]:
    """For programs."""
    return {
        done: result.done,
        "refused": result.refused,
        "damaged": result.damaged,
        "refusals": result.refusals,
        "stopped": result.stopped or None,
        "interrupted": result.is_interrupted,
        "seconds": round(result.seconds, 3),
        "exit_code": result.exit_code,
    }
