"""What a projection is: one plain function that turns events into rows of its own tables.

The same function serves every mode: inline in the command's transaction, in the background, and
in a rebuild. So it may read and write only through `Rows`, and only its own tables.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from django.db.models import Model

from eventstore.errors import RegistrationError
from eventstore.events import Event, RecordedEvent


class Mode(StrEnum):
    """When a projection's rows are brought up to date."""

    #: In the command's transaction.
    INLINE = "inline"
    #: By a worker, right after the command.
    ASYNC = "async"
    #: When somebody asks for them.
    ON_DEMAND = "on_demand"
    #: By a worker, at an interval.
    SCHEDULED = "scheduled"


class Change:
    """A change to what is stored, instead of a value that replaces it.

    Wherever several streams feed one row, only changes that commute come out right in whichever
    order the transactions commit. `Plus` and `Latest` do.
    """

    __slots__ = ("operand",)
    #: With `{column}` for the column, and `{operand}` for the operand.
    sql: ClassVar[str]

    def __init__(self, operand: Any) -> None:
        self.operand = operand

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.operand!r})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.operand == getattr(other, "operand", None)

    def __hash__(self) -> int:
        return hash((type(self), self.operand))

    def start(self) -> Any:
        """What a row that is made for this change has before it, without a default."""
        raise NotImplementedError

    def onto(self, before: Any) -> Any:
        """The new value, as `sql` gives it: also of None."""
        raise NotImplementedError

    @classmethod
    def together(cls, in_order: Sequence["Change"]) -> "Change":
        """Several changes of this kind as one."""
        raise NotImplementedError


class Plus(Change):
    """`balance=Plus(event.amount)` adds to the stored balance."""

    __slots__ = ()
    sql: ClassVar[str] = "{column} + {operand}"

    def start(self) -> Any:
        return self.operand - self.operand

    def onto(self, before: Any) -> Any:
        return None if before is None or self.operand is None else before + self.operand

    @classmethod
    def together(cls, in_order: Sequence[Change]) -> Change:
        operands = [change.operand for change in in_order]
        return Plus(None if None in operands else sum(operands[1:], start=operands[0]))


class Latest(Change):
    """`updated_at=Latest(recorded.recorded_at)` keeps the later of the two times."""

    __slots__ = ()
    sql: ClassVar[str] = "greatest({column}, {operand})"

    def start(self) -> Any:
        return self.operand

    def onto(self, before: Any) -> Any:
        if before is None or self.operand is None:
            return self.operand if before is None else before
        return max(before, self.operand)

    @classmethod
    def together(cls, in_order: Sequence[Change]) -> Change:
        operands = [change.operand for change in in_order if change.operand is not None]
        return Latest(max(operands, default=None))


class Rows(Protocol):
    """What a projection may do. `key` is one value, or a tuple where the table's key has several.

    Each row belongs to the event's tenant; no other tenant's row can be reached.
    """

    def insert(self, model: type[Model], key: Any, **values: Any) -> None:
        """Make a row; every field without a default must be named. Raises RowExists."""

    def update(self, model: type[Model], key: Any, **values: Any) -> None:
        """Change a row, to a value or by a `Change`; raises MissingRow where there is none."""

    def upsert(self, model: type[Model], key: Any, **values: Any) -> None:
        """Change a row; where there is none it is made first, of defaults and these values."""

    def get(self, model: type[Model], key: Any) -> dict[str, Any]:
        """A row's values as of all earlier events; raises MissingRow where there is none.

        Inline, read only what this event's own stream has written: another stream's may be
        changing. In the other modes events come one by one, and any row may be read.
        """


@dataclass(frozen=True, slots=True)
class Table:
    """A model that a projection writes. With `tenant_id`, the key fields are unique in it.

    `by_aggregate`: its key is an aggregate's id, and events `get` the row of their own aggregate.
    Then all rows that a batch of events reads are read at once.
    """

    model: type[Model]
    key: tuple[str, ...]
    by_aggregate: bool = False


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
        self._modes: dict[str, Mode] = {}
        #: Seconds between two runs of a scheduled projection.
        self.intervals: dict[str, float] = {}
        #: Modes that are being changed, by the projection's name: see `accepts`.
        self.former_modes: dict[str, Mode] = {}

    # Registering ---------------------------------------------------------------------------------

    # `formerly`: the mode is being changed from that one; see `accepts`.

    def inline(self, projection: Projection, *, formerly: Mode | None = None) -> None:
        """Bring this one's rows up to date within each command's transaction."""
        self._add(projection, Mode.INLINE, formerly)

    def asynchronous(self, projection: Projection, *, formerly: Mode | None = None) -> None:
        """Let a worker bring this one's rows up to date, right after each command."""
        self._add(projection, Mode.ASYNC, formerly)

    def on_demand(self, projection: Projection, *, formerly: Mode | None = None) -> None:
        """Bring this one's rows up to date whenever they are asked for."""
        self._add(projection, Mode.ON_DEMAND, formerly)

    def scheduled(
        self, projection: Projection, *, every: float, formerly: Mode | None = None
    ) -> None:
        """Let a worker bring this one's rows up to date every so many seconds."""
        self._add(projection, Mode.SCHEDULED, formerly)
        self.intervals[projection.name] = every

    def _add(self, projection: Projection, mode: Mode, formerly: Mode | None) -> None:
        taken = {table.model for other in self for table in other.tables}
        shared = [table.model.__name__ for table in projection.tables if table.model in taken]
        if projection.name in self._by_name or shared:
            raise RegistrationError(
                f"Projection {projection.name} is registered twice, or shares a table "
                f"({', '.join(shared) or 'none'}) with another. Each table has one projection."
            )
        self._by_name[projection.name] = projection
        self._modes[projection.name] = mode
        if formerly is not None:
            self.former_modes[projection.name] = formerly

    # Looking up ----------------------------------------------------------------------------------

    def named(self, name: str) -> Projection | None:
        return self._by_name.get(name)

    def mode_of(self, name: str) -> Mode:
        """As it is registered. The one that is active stands in the database."""
        return self._modes[name]

    def accepts(self, name: str, active: Mode) -> bool:
        """Whether this process goes by that mode, if it is the one in the database.

        While a mode is changed a process knows two, and goes by whichever is active: so requests
        are answered before the rebuild that changes it, during it, and afterwards.
        """
        return active in (self._modes[name], self.former_modes.get(name))

    def in_mode(self, mode: Mode) -> list[Projection]:
        """In the order of their registration."""
        return [projection for projection in self if self._modes[projection.name] is mode]

    def __iter__(self) -> Iterator[Projection]:
        return iter(self._by_name.values())
