"""A process is killed at every place that it reaches; others finish what it has begun."""

import ast
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from eventstore.application import Application
from eventstore.fault_points import POINTS
from tests.crashes.audit import audit, audit_mails
from tests.crashes.bank import LARGE, Bank
from tests.crashes.processes import start
from tests.crashes.senders import Job, send_one, tell_the_way
from tests.crashes.striking import Place
from tests.crashes.test_boxes import boxers_that_die
from tests.crashes.test_rebuilds import rebuilders_that_die
from tests.crashes.test_removals import removers_that_die
from tests.crashes.workers import work_to_the_end
from tests.mail_server import MailServer

PROJECT = Path(__file__).resolve().parent.parent.parent
#: Each point is met in both rounds, each single place in one of them; in a soak in every round.
CHECK = [(0, 2), pytest.param(1, 2, marks=pytest.mark.long)]
SOAK = [(seed, 1) for seed in range(2, 22)]

MONEY = 10**7
#: Workers that die at a place of their own before one lives to finish.
DYING_WORKERS = 12


class Plays:
    """Every way that a command and what it causes can end."""

    def __init__(self, bank: Bank, umbrella: Bank) -> None:
        self._bank = bank
        self._umbrella = umbrella
        self.source = bank.opened(deposit=MONEY)
        self.target = bank.opened()
        self.closed = bank.closed()
        self.rich = umbrella.opened(deposit=MONEY)
        self.other = umbrella.opened()
        bank.send(bank.registration("taken").command)

    def leave_something_to_workers(self) -> None:
        """A booking for every projection, and a transfer that is due now."""
        self._bank.send(self._bank.transfer(self.source, self.target).command)
        self._bank.schedule(self._bank.transfer(self.source, self.target).command)

    def jobs(self, number: int) -> list[Job]:
        """One job of each; `number` makes login names differ."""
        bank = self._bank
        return [
            self._umbrella.transfer(self.rich, self.other, LARGE),  # sends an e-mail
            bank.transfer(self.source, self.target, 2 * MONEY),  # too little money
            bank.transfer(self.source, self.closed),  # the money comes back
            bank.transfer(self.source, self.source),  # refused
            bank.registration(f"free {number}"),
            bank.registration("taken"),
        ]


@pytest.mark.parametrize(
    ("seed", "every"), [*CHECK, *(pytest.param(*soak, marks=pytest.mark.soak) for soak in SOAK)]
)
def test_a_process_dies_at_every_place_and_others_finish_its_work(
    seed: int, every: int, application: Application, bank: Bank, umbrella: Bank, mails: MailServer
) -> None:
    plays = Plays(bank, umbrella)
    deaths = Counter(senders_that_die(plays, seed, every))
    deaths += Counter(workers_that_die(Random(seed)))
    deaths += Counter(workers_that_die_at_each_of_their_own_places(plays))
    deaths += Counter(rebuilders_that_die())
    # Before the others, so that no checkpoint stands at an event that is gone at the end.
    deaths += Counter(removers_that_die(application))
    deaths += Counter(boxers_that_die(application, bank))
    assert start(work_to_the_end).ended() == 0
    assert set(deaths) == set(POINTS), deaths
    audit(application, money=2 * MONEY)
    audit_mails(mails, sent_again=deaths["effect.performed"])


def senders_that_die(plays: Plays, seed: int, every: int) -> Iterator[str]:
    """Kill a sender at every so-manieth place on the way of each job; where it was."""
    ways = [way_of(job) for job in plays.jobs(0)]
    for nth in range(1, max(map(len, ways)) + 1):
        for number, job in enumerate(plays.jobs(nth)):
            if nth <= len(ways[number]) and (nth + number) % every == seed % every:
                expected = ways[number][nth - 1]
                sender = start(send_one, job, Place("", nth))
                assert sender.ended() == -signal.SIGKILL, f"not met: {expected}"
                assert sender.told() == [expected]
                yield expected


def way_of(job: Job) -> list[str]:
    """The points that are reached when nobody dies, in their order."""
    sender = start(tell_the_way, job)
    points: list[str] = sender.next_message()
    assert sender.ended() == 0
    return points


def workers_that_die(chance: Random) -> Iterator[str]:
    """Kill workers while they do what the senders have left; where they were."""
    for _ in range(DYING_WORKERS):
        worker = start(work_to_the_end, Place("", chance.randint(1, 50)))
        assert worker.ended() == -signal.SIGKILL
        yield from worker.told()


def workers_that_die_at_each_of_their_own_places(plays: Plays) -> Iterator[str]:
    for point in POINTS:
        if point.startswith(("effect.", "subscription.", "schedule.")):
            plays.leave_something_to_workers()
            worker = start(work_to_the_end, Place(point, 1))
            assert worker.ended() == -signal.SIGKILL, f"not met: {point}"
            yield from worker.told()


def test_the_points_in_the_code_are_those_in_the_table() -> None:
    assert sorted(set(calls_of("reach"))) == sorted(POINTS)


def test_nothing_but_tests_can_arm_a_point() -> None:
    assert calls_of("arm") == []


def calls_of(name: str) -> list[str]:
    """The first argument of every call of this function in the project's own code."""
    return [
        str(node.args[0].value) if isinstance(node.args[0], ast.Constant) else ast.dump(node)
        for package in ("config", "eventstore", "ledger", "projections")
        for path in sorted((PROJECT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name
    ]
