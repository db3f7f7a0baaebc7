"""What is declared agrees with what is taken, at every edge."""

from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.fields import Bound, ExactDecimal, Secret, Text
from eventstore.input.schemas import EXAMPLE_ID, or_null, schema_for
from eventstore.input.values import reader_for

#: The same values each time, and none kept in a folder.
STEADY = settings(derandomize=True, database=None, deadline=None, max_examples=300)

BOUNDS: list[Bound] = [
    Text(minimum=1, maximum=100),
    Text(minimum=0, maximum=140),
    Text(minimum=2, maximum=3),
    Text(minimum=8, maximum=9, example="correct h"),
    ExactDecimal(places=2, below=10**15),
    ExactDecimal(places=0, below=10),
    ExactDecimal(places=3, below=1000),
    Secret(minimum=8, maximum=128),
    Secret(minimum=1, maximum=3),
]

#: What lies at the edges of each set of characters, letters, and a few that need two bytes more.
EDGES = (
    "\0\t\r\x1b\x1c\x1f \x7f\x85\x9f\xa0"
    "\xad\u0301\u180e\u2000\u200b\u2028\u3000\ufeffaZ0é女\U000e0041😀"
)
TEXTS = st.text(alphabet=EDGES, max_size=12)
NUMBERS = st.one_of(
    st.from_regex(r"-?0{0,3}[0-9]{0,17}(\.[0-9]{0,4}0{0,3})?", fullmatch=True),
    st.integers(-2, 11),
    st.integers(10**15 - 2, 10**15 + 2),
    st.sampled_from(["0" * 40, "0" * 39 + "1", "0" * 40 + "1", "1." + "0" * 40, "1." + "0" * 41]),
)


def is_taken(bound: Bound, value: Any) -> bool:
    try:
        bound.clean(value)
    except ValueError:
        return False
    return True


@cache
def values() -> list[Any]:
    """The 300 that every bound is tried with: to draw them takes far longer than to try them."""
    drawn = []

    @STEADY
    @given(st.one_of(TEXTS, NUMBERS, st.sampled_from([None, True, False, [], {}, 0.5])))
    def draw(value: Any) -> None:
        drawn.append(value)

    draw()
    return drawn


@pytest.mark.parametrize("bound", BOUNDS, ids=str)
def test_a_bound_takes_what_its_schema_takes(bound: Bound) -> None:
    validator = jsonschema_rs.validator_for(bound.schema())
    assert len(values()) >= STEADY.max_examples
    for value in values():
        declared = validator.is_valid(value)
        if isinstance(bound, Text) and isinstance(value, str):
            # Blanks around a text do not count, which `maxLength` cannot say.
            declared = validator.is_valid(value) or validator.is_valid(value.strip())
        assert declared == is_taken(bound, value), value
    for example in bound.schema()["examples"]:
        assert is_taken(bound, example)


@pytest.mark.parametrize("length", range(12))
@pytest.mark.parametrize("bound", [bound for bound in BOUNDS if isinstance(bound, Text)], ids=str)
def test_the_edges_of_a_text(bound: Text, length: int) -> None:
    validator = jsonschema_rs.validator_for(bound.schema())
    for size in (length, bound.maximum + length - 5):
        text = "x" * size
        assert validator.is_valid(text) == is_taken(bound, text), size


def test_a_schema_may_be_null_whatever_it_is_made_of() -> None:
    for schema in ({"type": "string"}, {"type": ["string", "integer"]}, {"enum": ["a"]}, {}):
        validator = jsonschema_rs.validator_for(or_null(schema))
        assert validator.is_valid(None)
        assert validator.is_valid("a")
    assert not jsonschema_rs.validator_for(or_null({"type": "string"})).is_valid(1)


@pytest.mark.parametrize("hint", [UUID, date])
@pytest.mark.parametrize(
    "value",
    [EXAMPLE_ID, EXAMPLE_ID.upper(), f"{{{EXAMPLE_ID}}}", EXAMPLE_ID.replace("-", ""), "", 1, None,
     "1994-03-31", "1994-02-30", "19940331", "1994-W13-4", "1994-3-31", "\u0661994-03-31"],
)  # fmt: skip
def test_ids_and_days_are_declared_as_they_are_read(hint: Any, value: Any) -> None:
    validator = jsonschema_rs.validator_for(schema_for(hint), validate_formats=True)
    try:
        reader_for(hint)(value)
    except ValueError:
        assert not validator.is_valid(value)
    else:
        assert validator.is_valid(value)
