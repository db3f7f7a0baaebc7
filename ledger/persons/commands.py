"""What can be asked of a person's record."""

from dataclasses import dataclass
from typing import Annotated

from eventstore.commands import Command
from eventstore.fields import Text

FirstName = Annotated[str, Text(minimum=1, maximum=100, example="Alice")]
LastName = Annotated[str, Text(minimum=1, maximum=100, example="Cooper")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPerson(Command):
    """Take up a new person."""

    first_name: FirstName
    last_name: LastName


@dataclass(frozen=True, slots=True, kw_only=True)
class RenamePerson(Command):
    """Change a person's name, both parts at once."""

    first_name: FirstName
    last_name: LastName
