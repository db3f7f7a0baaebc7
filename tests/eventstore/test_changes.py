"""What changes from one state to the next, and so what each event changed."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventstore.changes import Change, changes_between
from eventstore.events import Event
from eventstore.history import History
from eventstore.models import Tenant
from tests.eventstore.histories import EMPTY, PUT, events, replayed, shelf
from tests.eventstore.shelves import BookPut, BookTaken


def applied(changes: list[Change], before: dict[str, Any]) -> dict[str, Any]:
    """The state before, changed as the changes say."""
    state = deepcopy(before)
    for change in changes:
        *path, last = change.key.split(".")
        part = state
        for key in path:
            part = part[key]
        assert (last in part) == (change.kind != "added")
        assert part.get(last) == change.before
        if change.kind == "removed":
            del part[last]
        else:
            part[last] = change.after
    return state


@given(events)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_changes_applied_to_the_state_before_give_the_state_after(
    history: History, tenant: Tenant, events: list[Event]
) -> None:
    shelf_id = shelf(tenant, *events)
    before = EMPTY

    for version, moment in enumerate(history.moments(tenant.id, "shelf", shelf_id), 1):
        assert (moment.recorded.version, moment.recorded.event) == (version, events[version - 1])
        assert moment.state == replayed(events[:version])
        assert applied(moment.changes, before) == moment.state
        before = moment.state

    assert before == replayed(events)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.floats(0, 1) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("kl"), inner),
)
states = st.dictionaries(st.sampled_from("xyz"), json_values).map(
    lambda state: json.loads(json.dumps(state, sort_keys=True))
)


@given(states, states)
def test_any_two_states_differ_by_their_changes(before: dict, after: dict) -> None:
    changes = list(changes_between(before, after))

    assert applied(changes, before) == after
    assert bool(changes) == (json.dumps(before) != json.dumps(after))


def test_a_change_names_its_key_its_kind_and_both_values(history: History, tenant: Tenant) -> None:
    more = BookPut(title="Momo", copies=3, tags=("novel",))
    shelf_id = shelf(tenant, PUT, more, BookTaken(title="Momo"), BookTaken(title="Momo"))

    told = [moment.changes for moment in history.moments(tenant.id, "shelf", shelf_id)]

    book = {"copies": 2, "tags": ["novel"]}
    assert told == [
        [
            Change("added", "books.Momo", None, book),
            Change("changed", "tags", [], ["novel"]),
            Change("changed", "last", None, "Momo"),
        ],
        [Change("changed", "books.Momo.copies", 2, 3)],
        [Change("removed", "books.Momo", book | {"copies": 3}, None)],
        [],
    ]


@pytest.mark.parametrize(("before", "after"), [(1, True), (1, 1.0), ("1.10", "1.1"), ([1], [2])])
def test_what_python_calls_equal_and_json_does_not_is_a_change(before: Any, after: Any) -> None:
    assert list(changes_between({"x": before}, {"x": after})) == [
        Change("changed", "x", before, after)
    ]
