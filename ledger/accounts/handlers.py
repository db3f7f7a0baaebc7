"""One function for each command: load, call one method, save."""

from eventstore.repository import Repository
from ledger.accounts.aggregate import Account
from ledger.accounts.commands import (
    CloseAccount,
    DepositMoney,
    OpenAccount,
    RefundMoney,
    WithdrawMoney,
)
from ledger.errors import never_refused


def open_account(command: OpenAccount, repository: Repository) -> None:
    repository.require("person", command.owner_id)
    account = repository.create(Account, command.aggregate_id)
    account.open(command.owner_id, command.code)
    repository.save(account)


def deposit_money(command: DepositMoney, repository: Repository) -> None:
    account = repository.load(Account, command.aggregate_id)
    account.deposit(command.amount, command.booked_on, command.reference, command.transfer_id)
    repository.save(account)


def withdraw_money(command: WithdrawMoney, repository: Repository) -> None:
    account = repository.load(Account, command.aggregate_id)
    account.withdraw(command.amount, command.booked_on, command.reference, command.transfer_id)
    repository.save(account)


def refund_money(command: RefundMoney, repository: Repository) -> None:
    with never_refused():
        account = repository.load(Account, command.aggregate_id)
        account.refund(command.amount, command.transfer_id)
        repository.save(account)


def close_account(command: CloseAccount, repository: Repository) -> None:
    account = repository.load(Account, command.aggregate_id)
    account.close()
    repository.save(account)
