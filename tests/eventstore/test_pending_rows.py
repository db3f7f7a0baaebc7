"""What a row's changes come to, folded at once, equals what they do one after the other."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eventstore.pending_rows import PendingRow
from eventstore.projections import Change, Latest, Plus

numbers = st.none() | st.integers(-9, 9)
changes = st.one_of(st.builds(Plus, numbers), st.builds(Latest, numbers))
columns = st.dictionaries(st.sampled_from("abc"), numbers | changes, max_size=3)


def done(before: Any, value: Any) -> Any:
    return value.onto(before) if isinstance(value, Change) else value


@given(st.lists(columns, min_size=1, max_size=6), numbers, st.sets(st.integers(1, 5)))
def test_changes_folded_at_once_equal_changes_one_by_one(
    in_order: list[dict[str, Any]], stored: Any, asked_after: set[int]
) -> None:
    expected = dict.fromkeys("abc", stored)
    row = PendingRow("update", in_order[0])
    for number, values in enumerate(in_order):
        if number:
            row.merge(values)
        if number in asked_after:  # Whoever reads a row in the middle has it folded there.
            assert row.values.keys() == {name for some in in_order[: number + 1] for name in some}
        expected |= {name: done(expected[name], value) for name, value in values.items()}

    written = {name: done(stored, value) for name, value in row.values.items()}
    assert dict.fromkeys("abc", stored) | written == expected


def test_many_changes_of_a_kind_are_one() -> None:
    row = PendingRow("update", {"balance": Plus(1), "at": Latest(5)})
    for number in (2, 9, 3):
        row.merge({"balance": Plus(number), "at": Latest(number)})
    assert row.values == {"balance": Plus(15), "at": Latest(9)}


def test_adding_nothing_known_makes_nothing_known() -> None:
    row = PendingRow("update", {"balance": Plus(1), "at": Latest(None)})
    row.merge({"balance": Plus(None), "at": Latest(3)})
    row.merge({"balance": Plus(4), "at": Latest(None)})
    assert row.values == {"balance": Plus(None), "at": Latest(3)}
