"""What has happened to a person's record."""

from dataclasses import dataclass

from eventstore.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRegistered(Event):
    first_name: str
    last_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRenamed(Event):
    first_name: str
    last_name: str


PersonEvent = PersonRegistered | PersonRenamed
