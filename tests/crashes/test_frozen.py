"""A process stands still for longer than its lease; others do its work, then it goes on.

As a machine does that is put to sleep. In a command only where no transaction is open: the others
would wait for that one's locks, until PostgreSQL ends it, as it soon does in a projection's batch.
"""

import signal
from itertools import count

import pytest

from eventstore.application import Application
from eventstore.models import Subscription
from projections.models import TransferSummary
from tests.crashes.audit import audit, audit_checkpoints, audit_mails
from tests.crashes.bank import LARGE, Bank
from tests.crashes.processes import Started, start
from tests.crashes.senders import Job, send_one
from tests.crashes.striking import Place
from tests.crashes.workers import project_once, work_once, work_to_the_end
from tests.mail_server import MailServer

MONEY = 10**6
BETWEEN_TRANSACTIONS = (
    "command.committed",
    "step.committed",
    "refusal.begun",
    "refusal.committed",
)
OF_EFFECTS = ("effect.claimed", "effect.performed", "effect.noted")


@pytest.mark.long
@pytest.mark.parametrize("ending", ["completed", "too little money", "money back", "taken login"])
def test_a_sender_that_stood_still_does_nothing_twice(
    ending: str, application: Application, bank: Bank
) -> None:
    source, target, closed = bank.opened(deposit=MONEY), bank.opened(), bank.closed()
    bank.send(bank.registration("taken").command)
    frozen = []
    for point in BETWEEN_TRANSACTIONS:
        for nth in count(1):
            job = {
                "completed": bank.transfer(source, target),
                "too little money": bank.transfer(source, target, 2 * MONEY),
                "money back": bank.transfer(source, closed),
                "taken login": bank.registration("taken"),
            }[ending]
            if not (sender := stopped(job, Place(point, nth))):
                break
            frozen.append(sender)
    assert len(frozen) >= 4
    assert start(work_to_the_end).ended() == 0
    for sender in frozen:
        sender.go_on()
    assert start(work_to_the_end).ended() == 0
    audit(application, money=MONEY)


def stopped(job: Job, place: Place) -> Started | None:
    """A sender that stands still at the place; None: it came to its end without meeting it."""
    sender = start(send_one, job, place, signal.SIGSTOP)
    try:
        sender.next_message()
    except EOFError:
        assert sender.ended() == 0
        return None
    return sender


@pytest.mark.long
def test_a_worker_that_stood_still_at_an_effect_is_overtaken(
    application: Application, umbrella: Bank, mails: MailServer
) -> None:
    source, target = umbrella.opened(deposit=MONEY), umbrella.opened()
    frozen = []
    for point in OF_EFFECTS:
        umbrella.send(umbrella.transfer(source, target, LARGE).command)
        worker = start(work_once, Place(point, 1))
        assert worker.next_message() == point
        frozen.append(worker)
    assert start(work_to_the_end).ended() == 0
    for worker in frozen:
        worker.go_on()
    assert start(work_to_the_end).ended() == 0
    audit(application, money=MONEY)
    audit_mails(mails, sent_again=len(frozen))


@pytest.mark.parametrize(
    ("point", "outcome"),
    [
        ("subscription.taken", "lost"),
        ("subscription.projected", "lost"),
        ("subscription.moved", "lost"),
        ("subscription.committed", "done"),
    ],
)
def test_a_worker_that_stood_still_in_a_batch_cannot_commit_it_any_more(
    point: str, outcome: str, application: Application, bank: Bank
) -> None:
    source, target = bank.opened(deposit=MONEY), bank.opened()
    worker = start(project_once, Place(point, 1))
    assert worker.next_message() == point
    bank.send(bank.transfer(source, target).command)
    assert start(work_to_the_end).ended() == 0
    audit_checkpoints(application)
    before = list(Subscription.objects.order_by("projection").values())
    worker.go_on()
    assert worker.told() == [outcome]
    if outcome == "lost":
        assert list(Subscription.objects.order_by("projection").values()) == before
    audit(application, money=MONEY)


def test_a_worker_that_stood_still_with_a_command_for_later_does_not_do_it_again(
    application: Application, bank: Bank
) -> None:
    source, target = bank.opened(deposit=MONEY), bank.opened()
    bank.schedule(bank.transfer(source, target).command)
    worker = start(work_once, Place("schedule.claimed", 1))
    assert worker.next_message() == "schedule.claimed"
    assert start(work_to_the_end).ended() == 0
    worker.go_on()
    assert start(work_to_the_end).ended() == 0
    audit(application, money=MONEY)
    assert TransferSummary.objects.get().status == "completed"
