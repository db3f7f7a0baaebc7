"""What can be asked of cold storage. Pure Python."""

from dataclasses import dataclass
from typing import Annotated

from eventstore.commands import Command
from eventstore.fields import Text

Category = Annotated[str, Text(minimum=1, maximum=50, example="person")]
Reason = Annotated[str, Text(minimum=1, maximum=200, example="The contract has ended")]

#: Their permanent names. What they say stays in the log when a stream's commands are boxed.
BOX, UNBOX = "box-aggregate", "unbox-aggregate"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxAggregate(Command):
    """Take an aggregate offline: its events go into a file of cold storage."""

    category: Category
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class UnboxAggregate(Command):
    """Bring an aggregate back from cold storage, as it was."""

    category: Category
    reason: Reason
