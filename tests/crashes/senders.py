"""What runs in a forked process: somebody who sends commands, and tells what was answered."""

import signal
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NamedTuple, Protocol
from uuid import UUID

from django.db import connection

from eventstore import fault_points
from eventstore.application import get_application
from eventstore.commands import Command
from eventstore.errors import (
    Busy,
    ColdStorageFailed,
    OutcomeUnknown,
    Refusal,
    ReplayedRefusal,
    WrongExpectedVersion,
)
from eventstore.tenancy import Actor
from tests.crashes.striking import Place, Strike

#: The remedy that these errors name: send it again under the same id.
AGAIN = (Busy, ColdStorageFailed, OutcomeUnknown, WrongExpectedVersion)


@dataclass(frozen=True)
class Job:
    """A command that somebody sends, under the same id until it is answered."""

    command_id: UUID
    command: Command
    actor: Actor


class Answer(NamedTuple):
    """`outcome` is the status or the refusal's code, with the events' positions."""

    number: int
    outcome: tuple[object, ...]
    replayed: bool


class Jobs(Protocol):
    """The same jobs in every process: each is made from its number."""

    def job(self, number: int) -> Job: ...


def send_one(
    tell: Connection, job: Job, place: Place, by: signal.Signals = signal.SIGKILL
) -> None:
    """Send it, and die or stand still at a place on the way."""
    fault_points.arm(Strike(place, tell.send, by))
    answer_to(job)


def tell_the_way(tell: Connection, job: Job) -> None:
    """Send it, and tell each point that is reached."""
    points: list[str] = []
    fault_points.arm(points.append)
    answer_to(job)
    tell.send(points)


def send_many(tell: Connection, jobs: Jobs, numbers: Iterable[int]) -> None:
    """One after the other; it tells when it begins, and each answer, and waits to be killed."""
    connection.ensure_connection()
    tell.send("begun")
    for number in numbers:
        outcome, replayed = answer_to(jobs.job(number))
        tell.send(Answer(number, outcome, replayed))
    signal.pause()


def answer_to(job: Job) -> tuple[tuple[object, ...], bool]:
    """What the bus says, and whether it had said so before."""
    while True:
        try:
            result = get_application().bus.send(
                job.command, actor=job.actor, command_id=job.command_id
            )
            return (result.status, *(event.position for event in result.events)), result.replayed
        except Refusal as refusal:
            return (refusal.code,), isinstance(refusal, ReplayedRefusal)
        except AGAIN:
            continue
