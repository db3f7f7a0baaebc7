"""What the registration says that a command may be refused for is what its handler refuses it for.

The API's description lists these, so that a client program knows each code that may come.
"""

import inspect
from decimal import Decimal
from uuid import uuid4

import pytest

from eventstore.application import Application
from eventstore.commands import Command
from eventstore.errors import AggregateNotFound, AlreadyExists, Refusal
from eventstore.testing import Stream, given
from ledger import errors
from ledger.accounts.aggregate import BALANCE_LIMIT, Account
from ledger.accounts.commands import CloseAccount, DepositMoney, OpenAccount, WithdrawMoney
from ledger.accounts.events import AccountClosed, AccountOpened, MoneyDeposited
from ledger.persons.aggregate import Person
from ledger.persons.commands import RegisterPerson, RenamePerson
from ledger.persons.events import PersonRegistered
from ledger.registration import register

ALICE, ACCOUNT = uuid4(), uuid4()
CENT = Decimal("0.01")
PERSON = Stream(Person, ALICE, PersonRegistered(first_name="Alice", last_name="Cooper"))
OPENED = AccountOpened(owner_id=ALICE, code="4711")

NOTHING: tuple[Stream, ...] = ()
EMPTY = (PERSON, Stream(Account, ACCOUNT, OPENED))
CLOSED = (PERSON, Stream(Account, ACCOUNT, OPENED, AccountClosed()))
FULL = (PERSON, Stream(Account, ACCOUNT, OPENED, MoneyDeposited(amount=BALANCE_LIMIT - CENT)))
STATES = (NOTHING, (PERSON,), EMPTY, CLOSED, FULL)

#: Each command, so that it can be refused for whatever there is.
COMMANDS: tuple[Command, ...] = (
    RegisterPerson(aggregate_id=ALICE, first_name="Alice", last_name="Cooper"),
    RenamePerson(aggregate_id=ALICE, first_name="Alice", last_name="Cooper"),
    OpenAccount(aggregate_id=ACCOUNT, owner_id=ALICE, code="4711"),
    DepositMoney(aggregate_id=ACCOUNT, amount=CENT),
    WithdrawMoney(aggregate_id=ACCOUNT, amount=CENT),
    CloseAccount(aggregate_id=ACCOUNT),
)

#: The event store's own, which any command may be refused for.
GENERAL = {AggregateNotFound, AlreadyExists}


@pytest.fixture(scope="module")
def application() -> Application:
    application = Application(pipeline=[])
    register(application)
    return application


def refusals_of(command: Command, application: Application) -> set[type[Refusal]]:
    """Whatever a command is refused for, in any of the states."""
    handler = application.commands.of(type(command)).handler
    outcomes = [given(*streams).when(command, handler) for streams in STATES]
    return {type(outcome.refusal) for outcome in outcomes if outcome.refusal} - GENERAL


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_a_command_is_refused_for_what_it_declares_and_nothing_else(
    command: Command, application: Application
) -> None:
    declared = application.commands.of(type(command)).refusals
    assert refusals_of(command, application) == set(declared)
    assert len(set(declared)) == len(declared)


def test_every_command_and_every_refusal_of_the_domain_is_among_them(
    application: Application,
) -> None:
    assert {type(command) for command in COMMANDS} == {
        entry.command_class for entry in application.commands
    }
    of_the_domain = {
        error
        for _, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, Refusal) and error.__module__ == errors.__name__
    }
    provoked = set().union(*(refusals_of(command, application) for command in COMMANDS))
    assert provoked == of_the_domain


def test_every_refusal_says_what_it_means_under_a_code_of_its_own(
    application: Application,
) -> None:
    refusals = {refusal for entry in application.commands for refusal in entry.refusals}
    assert all(inspect.cleandoc(refusal.__doc__ or "").endswith(".") for refusal in refusals)
    assert len({refusal.code for refusal in refusals}) == len(refusals)
