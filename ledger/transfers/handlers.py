"""One function for each command: load, call one method, save."""

from eventstore.repository import Repository
from ledger.errors import never_refused
from ledger.transfers.aggregate import Transfer
from ledger.transfers.commands import (
    CompleteTransfer,
    FailTransfer,
    StartTransfer,
    UpdateTransfer,
)


def start_transfer(command: StartTransfer, repository: Repository) -> None:
    transfer = repository.create(Transfer, command.aggregate_id)
    transfer.start(command.from_account_id, command.to_account_id, command.amount)
    repository.require("account", command.from_account_id)
    repository.require("account", command.to_account_id)
    repository.save(transfer)


def update_transfer(command: UpdateTransfer, repository: Repository) -> None:
    transfer = repository.load(Transfer, command.aggregate_id)
    transfer.update(command.status)
    repository.save(transfer)


def complete_transfer(command: CompleteTransfer, repository: Repository) -> None:
    with never_refused():
        transfer = repository.load(Transfer, command.aggregate_id)
        transfer.complete()
        repository.save(transfer)


def fail_transfer(command: FailTransfer, repository: Repository) -> None:
    with never_refused():
        transfer = repository.load(Transfer, command.aggregate_id)
        transfer.fail(command.reason)
        repository.save(transfer)
