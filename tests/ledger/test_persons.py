"""Every command of a person, and every reason to refuse it. No database."""

from uuid import uuid4

from eventstore.errors import AggregateNotFound, AlreadyExists
from eventstore.testing import Stream, given
from ledger.accounts.aggregate import Account
from ledger.errors import NotRenamed
from ledger.persons.aggregate import Person, PersonState
from ledger.persons.commands import RegisterPerson, RenamePerson
from ledger.persons.events import PersonRegistered, PersonRenamed
from ledger.persons.handlers import register_person, rename_person

ALICE = uuid4()
REGISTERED = PersonRegistered(first_name="Alice", last_name="O'Wonderland")
REGISTER = RegisterPerson(aggregate_id=ALICE, first_name="Alice", last_name="O'Wonderland")
RENAME = RenamePerson(aggregate_id=ALICE, first_name="Alice", last_name="Cooper")
RENAMED = PersonRenamed(first_name="Alice", last_name="Cooper")


def test_a_person_is_registered() -> None:
    given().when(REGISTER, register_person).then(REGISTERED)


def test_a_person_is_not_registered_twice() -> None:
    given(Stream(Person, ALICE, REGISTERED)).when(REGISTER, register_person).then_refused(
        AlreadyExists
    )


def test_a_person_is_not_registered_under_the_id_of_an_account() -> None:
    given(Stream(Account, ALICE)).when(REGISTER, register_person).then_refused(AlreadyExists)


def test_a_person_is_renamed() -> None:
    given(Stream(Person, ALICE, REGISTERED)).when(RENAME, rename_person).then(RENAMED)


def test_a_person_is_renamed_back() -> None:
    back = RenamePerson(aggregate_id=ALICE, first_name="Alice", last_name="O'Wonderland")

    given(Stream(Person, ALICE, REGISTERED, RENAMED)).when(back, rename_person).then(
        PersonRenamed(first_name="Alice", last_name="O'Wonderland")
    )


def test_one_part_of_a_name_is_enough_to_rename() -> None:
    rename = RenamePerson(aggregate_id=ALICE, first_name="Alicia", last_name="O'Wonderland")

    given(Stream(Person, ALICE, REGISTERED)).when(rename, rename_person).then(
        PersonRenamed(first_name="Alicia", last_name="O'Wonderland")
    )


def test_a_person_is_not_renamed_to_the_same_name() -> None:
    given(Stream(Person, ALICE, REGISTERED, RENAMED)).when(RENAME, rename_person).then_refused(
        NotRenamed
    )


def test_a_person_who_is_not_there_is_not_renamed() -> None:
    given().when(RENAME, rename_person).then_refused(AggregateNotFound)
    given(Stream(Account, ALICE)).when(RENAME, rename_person).then_refused(AggregateNotFound)


def test_the_state_of_a_person_is_the_last_name() -> None:
    person = Person(ALICE)
    person.replay([REGISTERED, RENAMED])

    assert person.state == PersonState(first_name="Alice", last_name="Cooper")
    assert (person.version, person.pending) == (2, [])
