"""Process managers: what several aggregates do together, one step at a time. Pure Python.

The pattern is the "process manager" of Hohpe and Woolf, Enterprise Integration Patterns (2003). A
process manager sends nothing itself: `react` returns what shall be sent and done, so that state
and wishes are stored together, and a crash loses neither.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

from eventstore.commands import Command, Instance
from eventstore.errors import RegistrationError
from eventstore.events import Event, RecordedEvent


class Effect:
    """Something to do outside of the database, in the imperative: an e-mail, a call elsewhere.

    Subclasses are frozen dataclasses; this marker adds nothing. Done at least once.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRefused:
    """A command that this process sent has changed nothing, so no event tells of it."""

    #: Its name, such as `withdraw-money`.
    command: str
    aggregate_id: UUID
    #: Of the refusal; `overridden` where the tenant's own handler did nothing, `nothing_changed`
    #: where everybody's did.
    code: str
    detail: str = ""
    command_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectDone:
    """An effect of this process was done. `effect` is its name, `effect_id` its stable id."""

    effect: str
    effect_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRefused:
    """An effect of this process cannot be done, now or later: its performer raised a Refusal."""

    effect: str
    effect_id: UUID
    code: str
    detail: str = ""


#: What a process manager reacts to beside events: what became of its own commands and effects.
Outcome = CommandRefused | EffectDone | EffectRefused


class ProcessState(Protocol):
    """A dataclass with the instance's id and otherwise defaults; it has a form in JSON."""

    id: UUID


StateT = TypeVar("StateT", bound=ProcessState)


class ProcessManager(Generic[StateT]):
    """Subclasses name themselves and their state, and write the two methods below."""

    #: Permanent: stored with each instance.
    name: ClassVar[str]
    state_type: type[StateT]

    def react(self, state: StateT, event: Any) -> list[Command | Effect]:
        """Change the state by one event or Outcome; return what to send and to do next.

        Pure: no clock, no chance, no I/O. Each command is a transaction of its own.
        """
        raise NotImplementedError

    def waits_for(self, state: StateT) -> str:
        """What the instance waits for, in a few words for a human; "" once it has ended."""
        raise NotImplementedError


#: Which instance an event belongs to, from the event and its aggregate's id; None: to none.
InstanceOf = Callable[[Any, UUID], UUID | None]


class DueReaction(NamedTuple):
    """That the event with this number in an append, from 1, is for an instance."""

    number: int
    instance: Instance


@dataclass(frozen=True, slots=True)
class RegisteredProcess:
    manager: ProcessManager[Any]
    on: Mapping[type[Event], InstanceOf]


class ProcessManagers:
    """The table of process managers; filled by registration, read-only afterwards."""

    def __init__(self) -> None:
        self._by_name: dict[str, RegisteredProcess] = {}
        self._by_event: dict[type[Event], list[tuple[str, InstanceOf]]] = {}

    def run(self, manager: ProcessManager[Any], *, on: Mapping[type[Event], InstanceOf]) -> None:
        """Let `manager` react to the events in `on`, each with the instance that it is for."""
        if manager.name in self._by_name:
            raise RegistrationError(
                f"Process manager {manager.name} is registered twice. Remove one of the two lines."
            )
        self._by_name[manager.name] = RegisteredProcess(manager, on)
        for event_class, instance_of in on.items():
            self._by_event.setdefault(event_class, []).append((manager.name, instance_of))

    def named(self, name: str) -> RegisteredProcess:
        """The entry of a name; raises RegistrationError where it has none."""
        try:
            return self._by_name[name]
        except KeyError:
            raise RegistrationError(
                f"Process manager {name} is not registered, and an instance of it is stored. "
                "Register it again, or deploy the code that knows it."
            ) from None

    def due(
        self, tenant_id: UUID, aggregate_id: UUID, events: Sequence[Event]
    ) -> list[DueReaction]:
        """Who has to react to an append, in the order of its events."""
        return [
            DueReaction(number, Instance(tenant_id, process, instance_id))
            for number, event in enumerate(events, 1)
            for process, instance_of in self._by_event.get(type(event), ())
            if (instance_id := instance_of(event, aggregate_id)) is not None
        ]

    def instances(self, recorded: Sequence[RecordedEvent[Event]]) -> list[Instance]:
        """Who has to react to what was recorded: one entry for each reaction."""
        return [
            due.instance
            for envelope in recorded
            for due in self.due(envelope.tenant_id, envelope.aggregate_id, [envelope.event])
        ]

    def __iter__(self) -> Iterator[RegisteredProcess]:
        return iter(self._by_name.values())
