"""Whoever boxes, unboxes, writes or works is killed at random times; nothing is lost or torn.

The seed is in the test's name; what it decides is when who is killed, not how far he was.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest

from eventstore.application import Application
from eventstore.box_commands import BoxAggregate, UnboxAggregate
from eventstore.commands import Command
from eventstore.tenancy import Actor, Role
from ledger.accounts.commands import DepositMoney
from tests.crashes.audit import audit
from tests.crashes.bank import Bank
from tests.crashes.crew import Member, Sender, Worker
from tests.crashes.processes import start
from tests.crashes.senders import Job
from tests.crashes.test_boxes import assert_leftovers_can_go, where_is
from tests.crashes.workers import work_to_the_end

ACCOUNTS = 3
MONEY = 1000
DEPOSIT = 3
#: In seconds: about what it takes to box an account.
LONGEST = 0.1

KILLS = [
    (1, 12),
    *(pytest.param(seed, 200, marks=pytest.mark.soak) for seed in range(2, 7)),
]


@dataclass(frozen=True)
class BoxesInTurn:
    """Each account is boxed and unboxed, again and again."""

    seed: str
    actor: Actor
    accounts: Sequence[UUID]

    def job(self, number: int) -> Job:
        account = self.accounts[number // 2 % len(self.accounts)]
        kind = UnboxAggregate if number % 2 else BoxAggregate
        command = kind(aggregate_id=account, category="account", reason="to and fro")
        return Job(uuid5(NAMESPACE_OID, f"{self.seed}:{number}"), command, self.actor)


@dataclass(frozen=True)
class Deposits:
    """Into any of the accounts, which may be boxed."""

    seed: str
    actor: Actor
    accounts: Sequence[UUID]

    def job(self, number: int) -> Job:
        account = Random(f"{self.seed}:{number}").choice(self.accounts)
        command: Command = DepositMoney(aggregate_id=account, amount=Decimal(DEPOSIT))
        return Job(uuid5(NAMESPACE_OID, f"{self.seed}:{number}"), command, self.actor)


@pytest.mark.parametrize(("seed", "kills"), KILLS)
def test_who_is_killed_at_any_time_tears_no_stream(
    seed: int, kills: int, application: Application, bank: Bank
) -> None:
    accounts = [bank.opened(deposit=MONEY) for _ in range(ACCOUNTS)]
    operator = replace(bank.actor, user="olga", role=Role.OPERATOR)
    boxer = Sender(BoxesInTurn(f"{seed} boxes", operator, accounts))
    writer = Sender(Deposits(f"{seed} deposits", bank.actor, accounts))
    members: list[Member] = [boxer, writer, Worker()]
    chance = Random(seed)
    for number in range(kills):
        # The boxer in each second turn: he is what this is about.
        dying = members[0 if number % 2 else 1 + number // 2 % 2]
        dying.wait_until_begun()
        time.sleep(chance.uniform(0, LONGEST))
        dying.kill()
        dying.start()
    for member in members:
        member.kill()
    for sender in (boxer, writer):
        sender.finish()

    assert {where_is(application, account) for account in accounts} <= {"online", "boxed"}
    check_answers([boxer, writer])
    bring_back(application, operator, accounts)
    assert start(work_to_the_end).ended() == 0
    audit(application, money=ACCOUNTS * MONEY + deposited(writer))


def check_answers(senders: Sequence[Sender]) -> None:
    """Whoever asks once more is told the same."""
    for sender in senders:
        again = sender.answers_again()
        assert [answer.outcome for answer in again] == [a.outcome for a in sender.answers]
        assert all(answer.replayed for answer in again)
        # Each got through now and then; refused it may have been ever so often.
        assert again


def bring_back(application: Application, operator: Actor, accounts: Sequence[UUID]) -> None:
    """All that are boxed, once those who boxed are dead; what they have left can go."""
    assert start(work_to_the_end).ended() == 0
    for account in accounts:
        for kind in (BoxAggregate, UnboxAggregate):
            command = kind(aggregate_id=account, category="account", reason="the end")
            application.bus.send(command, actor=operator)
        assert where_is(application, account) == "online"
    assert_leftovers_can_go(application)


def deposited(writer: Sender) -> int:
    """What was acknowledged, and not refused: the events must show just that."""
    done = [answer for answer in writer.answers if answer.outcome[0] == "completed"]
    return DEPOSIT * len(done)
