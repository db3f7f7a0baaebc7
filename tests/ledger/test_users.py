"""A user's registration: its handlers and its process manager. No database."""

from uuid import uuid4

import pytest
from django.contrib.auth.hashers import check_password

from eventstore.errors import AggregateNotFound, AlreadyExists
from eventstore.process_managers import CommandRefused
from eventstore.testing import Stream, given
from eventstore.testing.given import TENANT_ID
from ledger.errors import ProcessStuck, StepNotDone
from ledger.persons.aggregate import Person
from ledger.users.aggregate import LOGIN_TAKEN, User, UserState
from ledger.users.commands import CompleteUserRegistration, StartUserRegistration
from ledger.users.events import (
    UserRegistrationFailed,
    UserRegistrationStarted,
    UserRegistrationSucceeded,
)
from ledger.users.handlers import LOGIN_SCOPE, UserHandlers
from ledger.users.process_manager import UserRegistrationProcess, UserRegistrationProcessState
from tests.ledger.credentials import CredentialsInMemory

ALICE, OTHER = uuid4(), uuid4()
PASSWORD = "correct horse"
START = StartUserRegistration(aggregate_id=ALICE, login_name="Alice", password=PASSWORD)
COMPLETE = CompleteUserRegistration(aggregate_id=ALICE)
STARTED = UserRegistrationStarted(login_name="Alice")
FAILED = UserRegistrationFailed(reason=LOGIN_TAKEN)
ALICES_LOGIN = (LOGIN_SCOPE, "alice")


@pytest.fixture
def credentials() -> CredentialsInMemory:
    return CredentialsInMemory()


@pytest.fixture
def users(credentials: CredentialsInMemory) -> UserHandlers:
    return UserHandlers(credentials)


# Handlers ----------------------------------------------------------------------------------------


def test_a_registration_is_started_and_the_password_goes_into_the_credential(
    users: UserHandlers, credentials: CredentialsInMemory
) -> None:
    given().when(START, users.start_user_registration).then(STARTED)

    ((owner, password_hash),) = credentials.hashes.items()
    assert owner == (TENANT_ID, ALICE)
    assert check_password(PASSWORD, password_hash)
    assert not check_password(f"{PASSWORD} ", password_hash)


def test_a_registration_reserves_nothing_while_it_starts(users: UserHandlers) -> None:
    assert given().when(START, users.start_user_registration).reserved == {}


@pytest.mark.parametrize("aggregate", [User, Person])
def test_an_id_that_is_taken_starts_nothing_and_leaves_the_credential(
    users: UserHandlers, credentials: CredentialsInMemory, aggregate: type
) -> None:
    given(Stream(aggregate, ALICE)).when(START, users.start_user_registration).then_refused(
        AlreadyExists
    )
    assert credentials.hashes == {}


def test_a_registration_succeeds_where_the_login_is_free(
    users: UserHandlers, credentials: CredentialsInMemory
) -> None:
    credentials.add(TENANT_ID, ALICE, "hash")

    outcome = given(Stream(User, ALICE, STARTED)).when(COMPLETE, users.complete_user_registration)

    outcome.then(UserRegistrationSucceeded())
    assert outcome.reserved == {ALICES_LOGIN: ALICE}
    assert credentials.hashes == {(TENANT_ID, ALICE): "hash"}


def test_a_registration_fails_where_the_login_is_taken_and_gives_up_its_credential(
    users: UserHandlers, credentials: CredentialsInMemory
) -> None:
    credentials.add(TENANT_ID, ALICE, "hash")
    credentials.add(TENANT_ID, OTHER, "other hash")

    outcome = given(Stream(User, ALICE, STARTED), reserved={ALICES_LOGIN: OTHER}).when(
        COMPLETE, users.complete_user_registration
    )

    outcome.then(FAILED)
    assert outcome.reserved == {ALICES_LOGIN: OTHER}
    assert credentials.hashes == {(TENANT_ID, OTHER): "other hash"}


@pytest.mark.parametrize("end", [UserRegistrationSucceeded(), FAILED])
def test_a_registration_that_has_ended_stays_as_it_is(
    users: UserHandlers, credentials: CredentialsInMemory, end: UserRegistrationFailed
) -> None:
    credentials.add(TENANT_ID, ALICE, "hash")

    outcome = given(Stream(User, ALICE, STARTED, end)).when(
        COMPLETE, users.complete_user_registration
    )

    outcome.then()
    assert outcome.reserved == {}
    assert credentials.hashes == {(TENANT_ID, ALICE): "hash"}


@pytest.mark.parametrize("streams", [(), (Stream(Person, ALICE),)], ids=["none", "a person"])
def test_a_registration_that_cannot_be_completed_is_a_fault_and_no_refusal(
    users: UserHandlers, streams: tuple[Stream, ...]
) -> None:
    """A refusal would be final, and the registration without an end."""
    with pytest.raises(StepNotDone) as caught:
        given(*streams).when(COMPLETE, users.complete_user_registration)

    assert isinstance(caught.value.refusal, AggregateNotFound)


# The state, and what is printed ------------------------------------------------------------------


def test_the_state_of_a_user_is_the_login_name_and_whether_it_is_decided() -> None:
    user = User(ALICE)
    user.replay([STARTED])
    assert user.state == UserState(login_name="Alice", has_ended=False)
    user.replay([FAILED])
    assert user.state == UserState(login_name="Alice", has_ended=True)


def test_a_command_that_is_printed_shows_no_password() -> None:
    assert PASSWORD not in f"{START!r} {START}"
    assert "Alice" in repr(START)


# The process manager -----------------------------------------------------------------------------


def test_a_started_registration_is_completed() -> None:
    process, state = UserRegistrationProcess(), UserRegistrationProcessState(ALICE)

    assert process.react(state, STARTED) == [COMPLETE]
    assert process.waits_for(state) == "its login name"


@pytest.mark.parametrize("end", [UserRegistrationSucceeded(), FAILED])
def test_the_process_ends_with_the_registration(end: UserRegistrationFailed) -> None:
    process, state = UserRegistrationProcess(), UserRegistrationProcessState(ALICE)
    process.react(state, STARTED)

    assert process.react(state, end) == []
    assert process.waits_for(state) == ""


def test_a_process_whose_command_is_refused_says_so_and_ends_when_that_is_mended() -> None:
    process, state = UserRegistrationProcess(), UserRegistrationProcessState(ALICE)
    process.react(state, STARTED)
    refused = CommandRefused(
        command="complete-user-registration", aggregate_id=ALICE, code="overridden"
    )

    with pytest.raises(ProcessStuck, match="complete-user-registration was refused"):
        process.react(state, refused)

    assert process.waits_for(state) == "its login name"
    # Mended, it ends after all.
    process.react(state, UserRegistrationSucceeded())
    assert process.waits_for(state) == ""
