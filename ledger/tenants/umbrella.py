"""Umbrella's own ways: its owner hears of large transfers, and nobody is renamed."""

from decimal import Decimal

from eventstore.commands import Command
from eventstore.process_managers import Effect
from eventstore.repository import Repository
from ledger.mail import SendMail
from ledger.persons.commands import RenamePerson
from ledger.transfers.events import TransferStarted
from ledger.transfers.process_manager import TransferProcess, TransferProcessState

#: A transfer of more than this is large.
LARGE = Decimal(10_000)


def keep_the_name(command: RenamePerson, repository: Repository) -> None:
    """Does nothing: a person keeps the name that they were registered under."""


def tell_the_owner(
    manager: TransferProcess, state: TransferProcessState, event: TransferStarted, *, owner: str
) -> list[Command | Effect]:
    """Starts the transfer as for everybody; of a large one the owner also gets an e-mail."""
    wishes = manager.react(state, event)
    if event.amount > LARGE:
        wishes.append(_notice(event, owner))
    return wishes


def _notice(event: TransferStarted, owner: str) -> SendMail:
    return SendMail(
        to=owner,
        subject=f"A transfer of {event.amount:,.2f} has started",
        text=f"From account {event.from_account_id}\nto account {event.to_account_id}.\n",
    )
