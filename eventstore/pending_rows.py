"""What a transaction is going to write to a row, gathered from all that its events say of it.

Changes of a row that is stored are remembered as they come, and folded into one for each column
when somebody asks: a batch of thousands of events changes the same rows over and over.
"""

from collections import defaultdict
from typing import Any, Literal

from django.db.models import Model

from eventstore.projections import Change
from eventstore.row_statements import Kinds, default_factories


class _Several(Change):
    """Changes of different kinds to one column, to be applied one after the other."""

    __slots__ = ()

    def start(self) -> Any:
        return self.operand[0].start()

    def onto(self, before: Any) -> Any:
        for change in self.operand:
            before = change.onto(before)
        return before

    def then(self, later: Change) -> Change:
        *earlier, last = self.operand
        alike = type(last) is type(later)
        return _Several(
            (*earlier, last.together((last, later))) if alike else (*self.operand, later)
        )


class PendingRow:
    """All of a row (`insert`), or what changes of it (`update`; `upsert`: also makes it)."""

    __slots__ = ("_values", "kind", "later")

    def __init__(
        self, kind: Literal["insert", "update", "upsert"], values: dict[str, Any]
    ) -> None:
        self.kind = kind
        self._values = values
        #: What came on top of it, and is not folded yet.
        self.later: list[dict[str, Any]] = []

    def merge(self, values: dict[str, Any]) -> None:
        """Take what is to be written on top of it."""
        if self.kind != "insert":
            self.later.append(values)
            return
        mine = self._values
        for name, value in values.items():
            mine[name] = value.onto(mine.get(name)) if isinstance(value, Change) else value

    @property
    def values(self) -> dict[str, Any]:
        """One value or change for each column that is written."""
        self.fold()
        return self._values

    def fold(self) -> None:
        """Make one of all that is remembered: it takes less memory."""
        if not self.later:
            return
        columns: dict[str, list[Any]] = defaultdict(list)
        for values in (self._values, *self.later):
            for name, value in values.items():
                columns[name].append(value)
        self._values = {name: _as_one(in_order) for name, in_order in columns.items()}
        self.later.clear()

    def first(self, model: type[Model]) -> dict[str, Any]:
        """The row that an upsert makes where there is none, before its changes."""
        row = defaults(model)
        for name, value in self.values.items():
            if not isinstance(value, Change):
                row[name] = value
            elif name not in row:
                row[name] = value.start()
        return row

    def kinds(self) -> Kinds:
        return tuple(_kinds_of(value) for value in self.values.values())

    def operands(self) -> list[Any]:
        operands: list[Any] = []
        for value in self.values.values():
            if isinstance(value, _Several):
                operands += [change.operand for change in value.operand]
            else:
                operands.append(value.operand if isinstance(value, Change) else value)
        return operands


def defaults(model: type[Model]) -> dict[str, Any]:
    return {name: default() for name, default in default_factories(model)}


def _as_one(in_order: list[Any]) -> Any:
    """What comes of the values and changes of one column."""
    kinds: set[type[Any]] = set(map(type, in_order))
    # By far the most are all of one kind: their own way to be taken together is much faster.
    if len(kinds) == 1:
        (kind,) = kinds
        is_change = issubclass(kind, Change) and len(in_order) > 1
        return kind.together(in_order) if is_change else in_order[-1]
    before, *later = in_order
    for value in later:
        if not isinstance(value, Change):
            before = value
        elif not isinstance(before, Change):
            before = value.onto(before)
        else:
            several = before if isinstance(before, _Several) else _Several((before,))
            before = several.then(value)
    return before


def _kinds_of(value: Any) -> tuple[type[Change], ...]:
    if isinstance(value, _Several):
        return tuple(type(change) for change in value.operand)
    return (type(value),) if isinstance(value, Change) else ()
