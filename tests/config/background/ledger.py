"""What a runner has to do in the sample application, and what can be seen of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from django.db.models import Sum
from django.utils import timezone

from eventstore.application import Application
from eventstore.commands import Command
from eventstore.models import Reaction, StoredCommand
from eventstore.tenancy import Actor
from ledger.accounts.commands import DepositMoney, OpenAccount
from ledger.persons.commands import RegisterPerson
from ledger.transfers.commands import StartTransfer
from projections.models import AccountStatementLine, AccountSummary, DailyTotals, TransferSummary


@dataclass(frozen=True)
class Branch:
    """A person's accounts; `actor` may do what is asked for."""

    application: Application
    actor: Actor
    owner_id: UUID

    def send(self, command: Command) -> None:
        self.application.bus.send(command, actor=self.actor)

    def opened(self, deposit: int = 0) -> UUID:
        account_id = uuid4()
        self.send(OpenAccount(aggregate_id=account_id, owner_id=self.owner_id, code="1"))
        if deposit:
            self.deposit(account_id, deposit)
        return account_id

    def deposit(self, account_id: UUID, amount: int = 1) -> None:
        self.send(deposited(account_id, amount))

    def schedule(self, account_id: UUID, amount: int = 1, *, at: datetime | None = None) -> UUID:
        """A deposit for later, by default one that is due."""
        at = at or timezone.now() - timedelta(seconds=1)
        command = deposited(account_id, amount)
        return self.application.scheduling.schedule(command, at=at, actor=self.actor).command_id

    def forget_transfer(self, source: UUID, target: UUID, amount: int = 1) -> UUID:
        """Begin one whose sender dies after his commit: without a step of it, and without a call.

        Nobody has it any more, as after the sender's lease.
        """
        self.application.reactions.drain = lambda caused, correlation_id: None  # type: ignore[method-assign]
        try:
            transfer_id = uuid4()
            self.send(
                StartTransfer(
                    aggregate_id=transfer_id,
                    from_account_id=source,
                    to_account_id=target,
                    amount=Decimal(amount),
                )
            )
        finally:
            # Not assigned: that would hide from then on what is done to the class.
            del self.application.reactions.drain
        Reaction.objects.filter(instance_id=transfer_id).update(
            lease_until=timezone.now() - timedelta(seconds=1)
        )
        return transfer_id


def opened_branch(application: Application, actor: Actor) -> Branch:
    branch = Branch(application, actor, uuid4())
    branch.send(RegisterPerson(aggregate_id=branch.owner_id, first_name="Ada", last_name="King"))
    return branch


def deposited(account_id: UUID, amount: int) -> DepositMoney:
    return DepositMoney(aggregate_id=account_id, amount=Decimal(amount))


# What can be seen ----------------------------------------------------------------------------


def lines(account_id: UUID) -> int:
    """Lines of an account's statement, an async projection."""
    return AccountStatementLine.objects.filter(account_id=account_id).count()


def deposits_of_all_days() -> int:
    """How many the daily totals have counted, a scheduled projection."""
    return DailyTotals.objects.aggregate(sum=Sum("deposit_count"))["sum"] or 0


def status_of(command_id: UUID) -> str:
    return StoredCommand.objects.get(id=command_id).status


def undone() -> int:
    """Commands and reactions that are still to be done."""
    commands = StoredCommand.objects.filter(status__in=("scheduled", "pending"))
    return commands.count() + Reaction.objects.exclude(status="done").count()


def transfer_status(transfer_id: UUID) -> str | None:
    rows = TransferSummary.objects.filter(transfer_id=transfer_id)
    return rows.values_list("status", flat=True).first()


def balance(account_id: UUID) -> Decimal:
    return AccountSummary.objects.get(account_id=account_id).balance
