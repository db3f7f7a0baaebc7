"""The ledger's table of contents: every command, event and process manager, one line each."""

from functools import partial
from typing import Any
from uuid import UUID

from eventstore.application import Application
from ledger import errors
from ledger.accounts import commands as account_commands
from ledger.accounts import events as account_events
from ledger.accounts import handlers as accounts
from ledger.accounts import upcasters
from ledger.accounts.aggregate import Account
from ledger.mail import SendMail, send_mail
from ledger.persons import commands as person_commands
from ledger.persons import events as person_events
from ledger.persons import handlers as persons
from ledger.persons.aggregate import Person
from ledger.tenants import umbrella
from ledger.transfers import commands as transfer_commands
from ledger.transfers import events as transfer_events
from ledger.transfers import handlers as transfers
from ledger.transfers.aggregate import Transfer
from ledger.transfers.process_manager import TransferProcess
from ledger.users import commands as user_commands
from ledger.users import events as user_events
from ledger.users.aggregate import User
from ledger.users.credentials import StoredCredentials
from ledger.users.handlers import UserHandlers
from ledger.users.process_manager import UserRegistrationProcess


def register(application: Application) -> None:
    application.aggregates.add(Person)
    application.aggregates.add(Account)
    application.aggregates.add(Transfer)
    application.aggregates.add(User)
    _register_persons(application)
    _register_accounts(application)
    _register_transfers(application)
    _register_users(application)
    application.effects.perform(SendMail, send_mail, name="send-mail")


def register_overrides(application: Application, *, umbrella_owner: str) -> None:
    """What single tenants have otherwise. `umbrella_owner` is an e-mail address."""
    overrides = application.overrides
    overrides.command("umbrella", person_commands.RenamePerson, umbrella.keep_the_name)
    overrides.reaction(
        "umbrella",
        TransferProcess.name,
        transfer_events.TransferStarted,
        partial(umbrella.tell_the_owner, owner=umbrella_owner),
    )


def _register_persons(application: Application) -> None:
    events = application.events
    events.name(person_events.PersonRegistered, "person.registered")
    events.name(person_events.PersonRenamed, "person.renamed")

    handle = application.commands.handle
    handle(
        person_commands.RegisterPerson,
        persons.register_person,
        name="register-person",
        creates=True,
    )
    handle(
        person_commands.RenamePerson,
        persons.rename_person,
        name="rename-person",
        refusals=(errors.NotRenamed,),
    )


def _register_accounts(application: Application) -> None:
    events = application.events
    events.name(account_events.AccountOpened, "account.opened")
    events.name(account_events.MoneyDeposited, "account.money_deposited", schema_version=2)
    events.upcast("account.money_deposited", 1, upcasters.upcast_money_deposited_1_to_2)
    events.name(account_events.MoneyWithdrawn, "account.money_withdrawn", schema_version=2)
    events.upcast("account.money_withdrawn", 1, upcasters.upcast_money_withdrawn_1_to_2)
    events.name(account_events.AccountClosed, "account.closed")

    handle = application.commands.handle
    handle(account_commands.OpenAccount, accounts.open_account, name="open-account", creates=True)
    handle(
        account_commands.DepositMoney,
        accounts.deposit_money,
        name="deposit-money",
        refusals=(errors.AccountClosed, errors.BalanceTooLarge),
    )
    handle(
        account_commands.WithdrawMoney,
        accounts.withdraw_money,
        name="withdraw-money",
        refusals=(errors.AccountClosed, errors.InsufficientFunds),
    )
    handle(
        account_commands.RefundMoney,
        accounts.refund_money,
        name="refund-money",
        only_processes=True,
    )
    handle(
        account_commands.CloseAccount,
        accounts.close_account,
        name="close-account",
        refusals=(errors.AccountClosed, errors.BalanceNotZero),
    )


def _register_transfers(application: Application) -> None:
    events = application.events
    events.name(transfer_events.TransferStarted, "transfer.started")
    events.name(transfer_events.TransferUpdated, "transfer.updated")
    events.name(transfer_events.TransferCompleted, "transfer.completed")
    events.name(transfer_events.TransferFailed, "transfer.failed")

    handle = application.commands.handle
    handle(
        transfer_commands.StartTransfer,
        transfers.start_transfer,
        name="start-transfer",
        creates=True,
        refusals=(errors.SameAccount,),
    )
    handle(
        transfer_commands.UpdateTransfer,
        transfers.update_transfer,
        name="update-transfer",
        refusals=(errors.TransferEnded,),
        only_processes=True,
    )
    handle(
        transfer_commands.CompleteTransfer,
        transfers.complete_transfer,
        name="complete-transfer",
        only_processes=True,
    )
    handle(
        transfer_commands.FailTransfer,
        transfers.fail_transfer,
        name="fail-transfer",
        only_processes=True,
    )
    _register_transfer_process(application)


def _register_transfer_process(application: Application) -> None:
    application.processes.run(
        TransferProcess(),
        on={
            transfer_events.TransferStarted: of_own_stream,
            account_events.MoneyWithdrawn: of_transfer,
            account_events.MoneyDeposited: of_transfer,
            transfer_events.TransferCompleted: of_own_stream,
            transfer_events.TransferFailed: of_own_stream,
        },
    )


def _register_users(application: Application) -> None:
    events = application.events
    events.name(user_events.UserRegistrationStarted, "user.registration_started")
    events.name(user_events.UserRegistrationSucceeded, "user.registration_succeeded")
    events.name(user_events.UserRegistrationFailed, "user.registration_failed")

    users = UserHandlers(StoredCredentials(application.database))
    handle = application.commands.handle
    handle(
        user_commands.StartUserRegistration,
        users.start_user_registration,
        name="start-user-registration",
        creates=True,
    )
    handle(
        user_commands.CompleteUserRegistration,
        users.complete_user_registration,
        name="complete-user-registration",
        only_processes=True,
    )
    application.processes.run(
        UserRegistrationProcess(),
        on={
            user_events.UserRegistrationStarted: of_own_stream,
            user_events.UserRegistrationSucceeded: of_own_stream,
            user_events.UserRegistrationFailed: of_own_stream,
        },
    )


def of_own_stream(event: Any, aggregate_id: UUID) -> UUID:
    """An event of the aggregate whose process it is."""
    return aggregate_id


def of_transfer(
    event: account_events.MoneyWithdrawn | account_events.MoneyDeposited, aggregate_id: UUID
) -> UUID | None:
    """A booking of a transfer; None: a plain one."""
    return event.transfer_id
