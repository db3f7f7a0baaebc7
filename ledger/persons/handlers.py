"""One function for each command: load, call one method, save."""

from eventstore.repository import Repository
from ledger.persons.aggregate import Person
from ledger.persons.commands import RegisterPerson, RenamePerson


def register_person(command: RegisterPerson, repository: Repository) -> None:
    person = repository.create(Person, command.aggregate_id)
    person.register(command.first_name, command.last_name)
    repository.save(person)


def rename_person(command: RenamePerson, repository: Repository) -> None:
    person = repository.load(Person, command.aggregate_id)
    person.rename(command.first_name, command.last_name)
    repository.save(person)
