"""Processes are killed at random times, and nobody repairs anything by hand.

The seed is in the test's name; what it decides is when who is killed, not how far he was.
"""

import time
from random import Random

import pytest

from eventstore.application import Application
from ledger.accounts.commands import DepositMoney
from tests.crashes.audit import audit, audit_mails
from tests.crashes.bank import DEPOSIT, AllEndings, Bank, TransfersAtRandom
from tests.crashes.crew import Member, Sender, Worker
from tests.crashes.processes import start
from tests.crashes.workers import work_to_the_end
from tests.mail_server import MailServer

KILLS = 200
MONEY = 10**8
TRANSFERS = 200
ACCOUNTS = 20
#: In seconds.
BETWEEN_DEATHS = 0.5
#: What a transfer is taken to last at most, in seconds, however busy the machine is.
LONGEST = 0.1
SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 11))]


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_who_is_killed_at_any_time_leaves_nothing_half_done(
    seed: int, application: Application, umbrella: Bank, mails: MailServer
) -> None:
    bank = umbrella
    accounts = [bank.opened(deposit=MONEY) for _ in range(4)]
    empty, closed = bank.opened(), bank.closed()
    length = min(seconds_of_a_transfer(bank), LONGEST)
    senders = [
        Sender(AllEndings(f"{seed} {name}", bank.actor, accounts, empty, closed))
        for name in ("a", "b")
    ]
    members: list[Member] = [*senders, Worker()]
    chance = Random(seed)
    for number in range(KILLS):
        dying = members[number % len(members)]
        dying.wait_until_begun()
        # The other members' turns count as well, so most live for one transfer or two.
        time.sleep(chance.uniform(0, length))
        dying.kill()
        dying.start()
    for member in members:
        member.kill()
    for sender in senders:
        sender.finish()
    assert start(work_to_the_end).ended() == 0
    check_answers(senders)
    audit(application, money=5 * MONEY + deposited(senders))
    audit_mails(mails, sent_again=KILLS // len(members) + 1)


def seconds_of_a_transfer(bank: Bank) -> float:
    """From the command to its answer, all that it causes included."""
    source, target = bank.opened(deposit=MONEY), bank.opened()
    sender = Sender(TransfersAtRandom("length", bank.actor, [source, target]), last=1)
    sender.wait_until_begun()
    started = time.perf_counter()
    while not sender.is_done:
        time.sleep(0.001)
    return time.perf_counter() - started


def deposited(senders: list[Sender]) -> int:
    """What the jobs have paid in from outside, each once."""
    jobs = [job for sender in senders for job in sender.jobs_done()]
    return DEPOSIT * sum(isinstance(job.command, DepositMoney) for job in jobs)


def check_answers(senders: list[Sender]) -> None:
    """Whoever got no answer got it when he asked again, and whoever asks once more gets it too."""
    answers = [answer for sender in senders for answer in sender.answers]
    # Answered at the second time: the process died between COMMIT and answer.
    assert sum(answer.replayed for answer in answers) >= KILLS / 20
    assert sum(not answer.replayed for answer in answers) >= KILLS / 20
    again = [answer for sender in senders for answer in sender.answers_again()]
    assert [answer.outcome for answer in again] == [answer.outcome for answer in answers]
    assert all(answer.replayed for answer in again)


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_transfers_in_both_directions_all_end_while_processes_die(
    seed: int, application: Application, bank: Bank
) -> None:
    accounts = [bank.opened(deposit=100) for _ in range(ACCOUNTS)]
    senders = [
        Sender(TransfersAtRandom(f"{seed} {name}", bank.actor, accounts), last=TRANSFERS // 4)
        for name in ("a", "b", "c", "d")
    ]
    worker = Worker()
    chance = Random(seed)
    deaths = 0
    while busy := [sender for sender in senders if not sender.is_done]:
        time.sleep(BETWEEN_DEATHS)
        dying = chance.choice([*busy, worker])
        dying.kill()
        dying.start()
        deaths += 1
    worker.kill()
    assert deaths >= 2
    assert start(work_to_the_end).ended() == 0
    assert sum(len(sender.answers) for sender in senders) == TRANSFERS
    audit(application, money=ACCOUNTS * 100)
