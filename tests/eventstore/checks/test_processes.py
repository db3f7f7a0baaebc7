"""What is wrong with a process manager, an effect or an override is found before the start."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from eventstore.application import Application
from eventstore.checks import registration
from eventstore.checks.processes import check_processes
from eventstore.checks.registration import check_registration
from eventstore.commands import Command
from eventstore.events import Event
from eventstore.process_managers import Effect, ProcessManager


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipOrder(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlaced(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderShipped(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintLabel(Effect):
    text: str


@dataclass
class Shipping:
    id: UUID
    parcels: tuple[str, ...] = ()


class ShippingProcess(ProcessManager[Any]):
    name = "shipping"
    state_type: Callable[..., Any] = Shipping


def of_own_stream(event: Any, aggregate_id: UUID) -> UUID:
    return aggregate_id


def do_nothing(*arguments: Any) -> Any:
    """A handler, a reaction or a performer; nothing calls it here."""


@pytest.fixture
def application() -> Application:
    """A shop in which everything fits."""
    application = Application(pipeline=())
    application.events.name(OrderPlaced, "order.placed")
    application.commands.handle(ShipOrder, do_nothing, name="ship-order")
    application.effects.perform(PrintLabel, do_nothing, name="print-label")
    application.processes.run(ShippingProcess(), on={OrderPlaced: of_own_stream})
    application.overrides.command("acme", ShipOrder, do_nothing)
    application.overrides.reaction("acme", "shipping", OrderPlaced, do_nothing)
    application.overrides.effect("acme", PrintLabel, do_nothing)
    return application


def only_problem(application: Application) -> Any:
    (message,) = check_processes(application)
    return message


def test_what_fits_passes(application: Application) -> None:
    assert list(check_processes(application)) == []


def test_the_check_runs_with_those_of_everything_else_that_is_registered(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    application.overrides.reaction("umbrella", "no-such", OrderPlaced, do_nothing)
    monkeypatch.setattr(registration, "get_application", lambda: application)
    assert "eventstore.E013" in [message.id for message in check_registration(None)]


def test_a_process_that_takes_an_event_without_a_name_is_e010() -> None:
    application = Application(pipeline=())
    application.processes.run(ShippingProcess(), on={OrderShipped: of_own_stream})

    message = only_problem(application)

    assert (message.id, message.obj) == ("eventstore.E010", "shipping")
    assert "OrderShipped has no permanent name" in message.msg


@dataclass
class WithoutDefault:
    id: UUID
    parcel: str


@dataclass
class WithoutForm:
    id: UUID
    window: object = field(default_factory=object)


@dataclass
class Altered:
    id: UUID
    parcels: Any = ("one",)


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        (WithoutDefault, "missing 1 required positional argument: 'parcel'"),
        (WithoutForm, "cannot be stored: "),
        (Altered, "comes back from the database as"),
        (dict, "must be called with a dataclass"),
    ],
)
def test_a_state_that_cannot_begin_or_be_stored_is_e011(state: Any, problem: str) -> None:
    process = type("OwnProcess", (ShippingProcess,), {"state_type": state})
    application = Application(pipeline=())
    application.processes.run(process(), on={})

    message = only_problem(application)

    assert (message.id, message.obj) == ("eventstore.E011", "shipping")
    assert problem in message.msg


class NoDataclass(Effect):
    pass


def test_an_effect_that_cannot_be_stored_is_e012() -> None:
    application = Application(pipeline=())
    application.effects.perform(NoDataclass, do_nothing, name="vanish")

    message = only_problem(application)

    assert (message.id, message.obj) == ("eventstore.E012", "NoDataclass")


@pytest.mark.parametrize(
    ("register", "problem"),
    [
        (
            lambda overrides: overrides.command("umbrella", Command, do_nothing),
            "overrides Command, which is not there. Command Command has no handler.",
        ),
        (
            lambda overrides: overrides.effect("umbrella", NoDataclass, do_nothing),
            "overrides NoDataclass, which is not there. Effect NoDataclass has no performer.",
        ),
        (
            lambda overrides: overrides.reaction("umbrella", "no-such", OrderPlaced, do_nothing),
            "is not there. No process manager no-such takes OrderPlaced.",
        ),
        (
            lambda overrides: overrides.reaction("umbrella", "shipping", OrderShipped, do_nothing),
            "OrderShipped has no permanent name.",
        ),
    ],
)
def test_an_override_of_what_is_not_there_is_e013(
    application: Application, register: Callable[[Any], None], problem: str
) -> None:
    register(application.overrides)

    message = only_problem(application)

    assert (message.id, message.obj) == ("eventstore.E013", "umbrella")
    assert problem in message.msg
    assert "do_nothing" in message.hint


def test_an_override_of_a_reaction_to_an_event_that_the_process_does_not_take_is_e013(
    application: Application,
) -> None:
    application.events.name(OrderShipped, "order.shipped")
    application.overrides.reaction("umbrella", "shipping", OrderShipped, do_nothing)

    message = only_problem(application)

    assert message.id == "eventstore.E013"
    assert "No process manager shipping takes OrderShipped." in message.msg
