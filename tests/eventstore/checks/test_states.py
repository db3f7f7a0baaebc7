"""The system check of aggregates: what their states must be for copies and snapshots."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from eventstore.aggregates import Aggregate
from eventstore.application import Application
from eventstore.checks import registration
from eventstore.events import Event


class NoState:
    """No dataclass: nothing says what to store of it."""

    def __init__(self) -> None:
        self.lock = object()

    def apply(self, event: Event) -> None: ...


@dataclass(slots=True)
class ForgetfulState:
    """A set of pairs becomes a list of lists in JSON, and does not come back."""

    seen: Any = field(default_factory=lambda: {(1, 2)})

    def apply(self, event: Event) -> None: ...


@dataclass(slots=True)
class SharedState:
    """A shallow copy shares the list."""

    bookings: list[int] = field(default_factory=list)

    def apply(self, event: Event) -> None: ...


@dataclass(slots=True)
class UntypedState:
    """A Decimal comes back as a string."""

    limit: Any = None

    def apply(self, event: Event) -> None: ...


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        (NoState, "cannot be stored in a snapshot"),
        (ForgetfulState, "comes back from a snapshot as"),
        (SharedState, "has a list in bookings, which copies would share"),
        (UntypedState, "has no type for limit"),
    ],
)
def test_an_aggregate_whose_state_makes_no_snapshot_is_e009(
    monkeypatch: pytest.MonkeyPatch, state: Any, problem: str
) -> None:
    class Odd(Aggregate[Any]):
        category = "odd"
        state_type = state

    application = Application(pipeline=())
    application.aggregates.add(Odd)
    monkeypatch.setattr(registration, "get_application", lambda: application)

    messages = registration.check_registration(None)

    assert {(message.id, message.obj) for message in messages} == {("eventstore.E009", "odd")}
    assert problem in " ".join(message.msg for message in messages)
