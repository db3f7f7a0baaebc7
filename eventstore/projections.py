"""What a projection is: one plain function that turns events into rows of its own tables.

The same function serves every mode: inline in the command's transaction, in the background, and
in a rebuild. So it may read and write only through `Rows`, and only its own tables.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from django.db.models import Model

from eventstore.errors import RegistrationError
from eventstore.events import Event, RecordedEvent


@runtime_checkable
class Change(Protocol):
    """A change to what is stored, instead of a value that replaces it.

    Wherever several streams feed one row, only changes that commute come out right in whichever
    order the transactions commit. `Plus` and `Latest` do.
    """

    operand: Any
    #: With `{column}` for the column, and %s for the operand.
    sql: ClassVar[str]

    def onto(self, before: Any) -> Any:
        """The new value."""

    def then(self, later: Any) -> Any:
        """This change and a later one of the same kind, as one."""


@dataclass(frozen=True, slots=True)
class Plus:
    """`balance=Plus(event.amount)` adds to the stored balance."""

    operand: Any
    sql: ClassVar[str] = "{column} + %s"

    def onto(self, before: Any) -> Any:
        return before + self.operand

    def then(self, later: "Plus") -> "Plus":
        return Plus(self.operand + later.operand)


@dataclass(frozen=True, slots=True)
class Latest:
    """`updated_at=Latest(recorded.recorded_at)` keeps the later of the two times."""

    operand: Any
    sql: ClassVar[str] = "greatest({column}, %s)"

    def onto(self, before: Any) -> Any:
        return max(before, self.operand)

    def then(self, later: "Latest") -> "Latest":
        return Latest(max(self.operand, later.operand))


class Rows(Protocol):
    """What a projection may do. `key` is one value, or a tuple where the table's key has several.

    Each row belongs to the event's tenant; no other tenant's row can be reached.
    """

    def insert(self, model: type[Model], key: Any, **values: Any) -> None:
        """Make a row; every field without a default must be named. Raises RowExists."""

    def update(self, model: type[Model], key: Any, **values: Any) -> None:
        """Change a row, to a value or by a `Change`; raises MissingRow where there is none."""

    def get(self, model: type[Model], key: Any) -> dict[str, Any]:
        """A row's values as of all earlier events; raises MissingRow where there is none.

        Read only what this event's own stream has written: another stream's may be changing.
        """


@dataclass(frozen=True, slots=True)
class Table:
    """A model that a projection writes. With `tenant_id`, the key fields are unique in it."""

    model: type[Model]
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """`project(recorded, rows)` is called for each event of the types in `events`, in order.

    `tables` are written in the order in which they stand here: the same in every transaction,
    so that two of them never wait for each other.
    """

    name: str
    project: Callable[[RecordedEvent[Any], Rows], None]
    events: tuple[type[Event], ...]
    tables: tuple[Table, ...]


class Projections:
    """The table of projections; filled by registration, read-only afterwards."""

    def __init__(self) -> None:
        self._by_name: dict[str, Projection] = {}

    def inline(self, projection: Projection) -> None:
        """Bring this one's rows up to date within each command's transaction."""
        taken = {table.model for other in self for table in other.tables}
        shared = [table.model.__name__ for table in projection.tables if table.model in taken]
        if projection.name in self._by_name or shared:
            raise RegistrationError(
                f"Projection {projection.name} is registered twice, or shares a table "
                f"({', '.join(shared) or 'none'}) with another. Each table has one projection."
            )
        self._by_name[projection.name] = projection

    def __iter__(self) -> Iterator[Projection]:
        return iter(self._by_name.values())
