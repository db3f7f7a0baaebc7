"""A tenant with accounts, and the commands that are sent to it while processes die."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from django.contrib.auth import get_user_model

from eventstore.application import get_application
from eventstore.commands import Command
from eventstore.models import Membership, Tenant
from eventstore.tenancy import Actor, Role
from ledger.accounts.commands import CloseAccount, DepositMoney, OpenAccount
from ledger.persons.commands import RegisterPerson
from ledger.transfers.commands import StartTransfer
from ledger.users.commands import StartUserRegistration
from tests.crashes.senders import Job

#: Of such a transfer Umbrella's owner is told.
LARGE = 10_001
#: What a deposit from outside pays in.
DEPOSIT = 3


@dataclass(frozen=True)
class Bank:
    """One tenant's; its accounts belong to one person."""

    actor: Actor
    owner_id: UUID

    def opened(self, deposit: int = 0) -> UUID:
        """A new account with so much money in it."""
        account_id = uuid4()
        self.send(OpenAccount(aggregate_id=account_id, owner_id=self.owner_id, code="1"))
        if deposit:
            self.send(DepositMoney(aggregate_id=account_id, amount=Decimal(deposit)))
        return account_id

    def closed(self) -> UUID:
        """A new account that is closed."""
        account_id = self.opened()
        self.send(CloseAccount(aggregate_id=account_id))
        return account_id

    def send(self, command: Command) -> None:
        get_application().bus.send(command, actor=self.actor)

    def schedule(self, command: Command) -> None:
        """For a time that is past: it is due now, and a worker's to do.

        Who has sent it must be allowed to then, too.
        """
        mary, _ = get_user_model().objects.get_or_create(username=self.actor.user)
        Membership.objects.get_or_create(
            tenant_id=self.actor.tenant_id, user=mary, defaults={"role": self.actor.role.value}
        )
        past = datetime(2024, 1, 1, tzinfo=UTC)
        get_application().scheduling.schedule(command, at=past, actor=self.actor)

    def job(self, command: Command) -> Job:
        return Job(uuid4(), command, self.actor)

    def transfer(self, source: UUID, target: UUID, amount: int = 69) -> Job:
        return self.job(transfer(uuid4(), source, target, amount))

    def registration(self, login_name: str) -> Job:
        return self.job(registration(uuid4(), login_name))


def opened_bank(tenant: Tenant) -> Bank:
    actor = Actor(tenant_id=tenant.id, user="mary", role=Role.MEMBER)
    bank = Bank(actor, uuid4())
    bank.send(RegisterPerson(aggregate_id=bank.owner_id, first_name="Ada", last_name="Lovelace"))
    return bank


def transfer(transfer_id: UUID, source: UUID, target: UUID, amount: int) -> StartTransfer:
    return StartTransfer(
        aggregate_id=transfer_id,
        from_account_id=source,
        to_account_id=target,
        amount=Decimal(amount),
    )


def registration(user_id: UUID, login_name: str) -> StartUserRegistration:
    return StartUserRegistration(
        aggregate_id=user_id, login_name=login_name, password="correct horse"
    )


@dataclass(frozen=True)
class TransfersAtRandom:
    """Transfers between any two of the accounts, in both directions."""

    seed: str
    actor: Actor
    accounts: Sequence[UUID]

    def job(self, number: int) -> Job:
        chance = Random(f"{self.seed}:{number}")
        source, target = chance.sample(self.accounts, 2)
        id_ = uuid5(NAMESPACE_OID, f"{self.seed}:{number}")
        return Job(id_, transfer(id_, source, target, chance.randint(1, 40)), self.actor)


@dataclass(frozen=True)
class AllEndings:
    """Transfers that complete, lack money or must be paid back; logins that are free or taken.

    Some transfers send an e-mail, which is Umbrella's way. Deposits create nothing that could tell
    that they were made before.
    """

    seed: str
    actor: Actor
    accounts: Sequence[UUID]
    empty: UUID
    closed: UUID

    def job(self, number: int) -> Job:
        chance = Random(f"{self.seed}:{number}")
        source, target = chance.sample(self.accounts, 2)
        id_ = uuid5(NAMESPACE_OID, f"{self.seed}:{number}")
        commands: list[Command] = [
            transfer(id_, source, target, 5),
            transfer(id_, source, target, LARGE),
            transfer(id_, source, self.closed, 9),
            transfer(id_, self.empty, target, 11),
            DepositMoney(aggregate_id=target, amount=Decimal(DEPOSIT)),
            transfer(id_, source, source, 13),
            registration(id_, f"user {chance.randint(1, 20)}"),
        ]
        return Job(id_, chance.choice(commands), self.actor)
