"""The ledger's table of contents: every command and every event, one line each."""

from eventstore.application import Application
from ledger import errors
from ledger.accounts import commands as account_commands
from ledger.accounts import events as account_events
from ledger.accounts import handlers as accounts
from ledger.accounts import upcasters
from ledger.accounts.aggregate import Account
from ledger.persons import commands as person_commands
from ledger.persons import events as person_events
from ledger.persons import handlers as persons
from ledger.persons.aggregate import Person


def register(application: Application) -> None:
    application.aggregates.add(Person)
    application.aggregates.add(Account)
    _register_persons(application)
    _register_accounts(application)


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
        account_commands.CloseAccount,
        accounts.close_account,
        name="close-account",
        refusals=(errors.AccountClosed, errors.BalanceNotZero),
    )
