"""What can be asked of a person's record."""

from dataclasses import dataclass
from typing import Annotated

from eventstore.commands import Command
from eventstore.fields import Text

Name = Annotated[str, Text(minimum=1, maximum=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPerson(Command):
    """Take up a new person."""

    first_name: Name
    last_name: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class RenamePerson(Command):
    """Change a person's name, both parts at once."""

    first_name: Name
    last_name: Name
