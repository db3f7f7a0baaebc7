"""A person: a name, and the rule that a rename changes it."""

from dataclasses import dataclass
from typing import assert_never

from eventstore.aggregates import Aggregate
from ledger.errors import NotRenamed
from ledger.persons.events import PersonEvent, PersonRegistered, PersonRenamed


@dataclass(slots=True)
class PersonState:
    first_name: str = ""
    last_name: str = ""

    def apply(self, event: PersonEvent) -> None:
        match event:
            case PersonRegistered() | PersonRenamed():
                self.first_name = event.first_name
                self.last_name = event.last_name
            case _:
                assert_never(event)


class Person(Aggregate[PersonState]):
    category = "person"
    state_type = PersonState

    def register(self, first_name: str, last_name: str) -> None:
        self.record(PersonRegistered(first_name=first_name, last_name=last_name))

    def rename(self, first_name: str, last_name: str) -> None:
        if (first_name, last_name) == (self.state.first_name, self.state.last_name):
            raise NotRenamed(self.id)
        self.record(PersonRenamed(first_name=first_name, last_name=last_name))
