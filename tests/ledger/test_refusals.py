"""What the registration says that a command may be refused for is what its handler refuses it for.

The API's description lists these, so that a client program knows each code that may come.
"""

import inspect
from decimal import Decimal
from uuid import uuid4

import pytest

from eventstore.application import Application
from eventstore.command_types import Handler
from eventstore.commands import Command
from eventstore.errors import AggregateNotFound, AlreadyExists, Refusal
from eventstore.testing import Stream, given
from ledger import errors
from ledger.accounts.aggregate import BALANCE_LIMIT, Account
from ledger.accounts.commands import (
    CloseAccount,
    DepositMoney,
    OpenAccount,
    RefundMoney,
    WithdrawMoney,
)
from ledger.accounts.events import AccountClosed, AccountOpened, MoneyDeposited
from ledger.persons.aggregate import Person
from ledger.persons.commands import RegisterPerson, RenamePerson
from ledger.persons.events import PersonRegistered
from ledger.registration import register
from ledger.transfers.aggregate import Transfer
from ledger.transfers.commands import (
    CompleteTransfer,
    FailTransfer,
    StartTransfer,
    UpdateTransfer,
)
from ledger.transfers.events import TransferCompleted, TransferStarted
from ledger.users.aggregate import User
from ledger.users.commands import CompleteUserRegistration, StartUserRegistration
from ledger.users.events import UserRegistrationStarted
from ledger.users.handlers import UserHandlers
from tests.ledger.credentials import CredentialsInMemory

ALICE, ACCOUNT, TRANSFER, USER = uuid4(), uuid4(), uuid4(), uuid4()
CENT = Decimal("0.01")
PERSON = Stream(Person, ALICE, PersonRegistered(first_name="Alice", last_name="Cooper"))
OPENED = AccountOpened(owner_id=ALICE, code="4711")

NOTHING: tuple[Stream, ...] = ()
EMPTY = (PERSON, Stream(Account, ACCOUNT, OPENED))
CLOSED = (PERSON, Stream(Account, ACCOUNT, OPENED, AccountClosed()))
FULL = (PERSON, Stream(Account, ACCOUNT, OPENED, MoneyDeposited(amount=BALANCE_LIMIT - CENT)))
STARTED = TransferStarted(from_account_id=ACCOUNT, to_account_id=uuid4(), amount=CENT)
ENDED = (Stream(Transfer, TRANSFER, STARTED, TransferCompleted()),)
WAITING = (Stream(User, USER, UserRegistrationStarted(login_name="alice")),)
STATES = (NOTHING, (PERSON,), EMPTY, CLOSED, FULL, ENDED, WAITING)

#: Each command, so that it can be refused for whatever there is.
COMMANDS: tuple[Command, ...] = (
    RegisterPerson(aggregate_id=ALICE, first_name="Alice", last_name="Cooper"),
    RenamePerson(aggregate_id=ALICE, first_name="Alice", last_name="Cooper"),
    OpenAccount(aggregate_id=ACCOUNT, owner_id=ALICE, code="4711"),
    DepositMoney(aggregate_id=ACCOUNT, amount=CENT),
    WithdrawMoney(aggregate_id=ACCOUNT, amount=CENT),
    RefundMoney(aggregate_id=ACCOUNT, amount=CENT, transfer_id=TRANSFER),
    CloseAccount(aggregate_id=ACCOUNT),
    StartTransfer(
        aggregate_id=uuid4(), from_account_id=ACCOUNT, to_account_id=ACCOUNT, amount=CENT
    ),
    UpdateTransfer(aggregate_id=TRANSFER, status="debited"),
    CompleteTransfer(aggregate_id=TRANSFER),
    FailTransfer(aggregate_id=TRANSFER, reason="account_closed"),
    StartUserRegistration(aggregate_id=USER, login_name="alice", password="correct horse"),
    CompleteUserRegistration(aggregate_id=USER),
)

#: The event store's own, which any command may be refused for.
GENERAL = {AggregateNotFound, AlreadyExists}


#: Those that keep something besides events, which a test without a database has in memory.
USERS = UserHandlers(CredentialsInMemory())
IN_MEMORY: dict[type[Command], Handler] = {
    StartUserRegistration: USERS.start_user_registration,
    CompleteUserRegistration: USERS.complete_user_registration,
}


@pytest.fixture(scope="module")
def application() -> Application:
    application = Application(pipeline=[])
    register(application)
    return application


def refusals_of(command: Command, application: Application) -> set[type[Refusal]]:
    """Whatever a command is refused for, in any of the states."""
    handler = IN_MEMORY.get(type(command)) or application.commands.of(type(command)).handler
    refusals = (refusal_of(command, handler, streams) for streams in STATES)
    return {type(refusal) for refusal in refusals if refusal} - GENERAL


def refusal_of(command: Command, handler: Handler, streams: tuple[Stream, ...]) -> Refusal | None:
    try:
        return given(*streams).when(command, handler).refusal
    except errors.StepNotDone:
        return None  # It is tried again instead.


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
        entry.command_class
        for entry in application.commands
        if entry.command_class.__module__.startswith("ledger.")
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
