"""A tiny domain for what process managers do: counters, and a process that raises them.

Who asks a counter for a note to a counter gets what the note says: more raises, effects, errors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Annotated, Any
from uuid import UUID, uuid4

from eventstore.aggregates import Aggregate
from eventstore.application import Application, pipeline_from_settings
from eventstore.commands import Command, Result
from eventstore.errors import Refusal
from eventstore.events import Event
from eventstore.fields import Secret, Text
from eventstore.process_managers import (
    CommandRefused,
    Effect,
    EffectDone,
    EffectRefused,
    ProcessManager,
)
from eventstore.repository import Repository
from eventstore.tenancy import Actor

LIMIT = 1000


class TooHigh(Refusal):
    code = "too_high"

    def __init__(self) -> None:
        super().__init__("The counter is as high as it goes. Leave it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised(Event):
    by: int
    #: What the process shall do about it.
    note: str
    run: UUID


@dataclass(slots=True)
class CounterState:
    count: int = 0

    def apply(self, event: Raised) -> None:
        self.count += event.by


class Counter(Aggregate[CounterState]):
    category = "counter"
    state_type = CounterState

    def raise_by(self, by: int, note: str, run: UUID) -> None:
        if self.state.count + by > LIMIT:
            raise TooHigh
        self.record(Raised(by=by, note=note, run=run))


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin(Command):
    """Make a counter; `run` is the process' instance."""

    by: int
    note: str
    run: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise(Command):
    by: int
    note: str
    run: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Whisper(Command):
    word: Annotated[str, Secret(1, 10)] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix(Command):
    reason: Annotated[str, Text(1, 10)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring(Effect):
    """A call to somewhere else."""

    word: str


@dataclass(slots=True)
class RunState:
    id: UUID
    seen: tuple[str, ...] = ()
    over: bool = False


class Run(ProcessManager[RunState]):
    """Does what each note says, and writes down what came."""

    name = "run"
    state_type = RunState

    def __init__(self) -> None:
        #: A test's way in: called with the note of every event.
        self.before: Callable[[str], None] = lambda note: None

    def react(self, state: RunState, event: Any) -> list[Command | Effect]:
        match event:
            case Raised():
                self.before(event.note)
                state.seen += (event.note,)
                return self._obey(state, event)
            case CommandRefused():
                state.seen += (f"refused {event.command} {event.code}",)
            case EffectDone():
                state.seen += (f"done {event.effect}",)
            case EffectRefused():
                state.seen += (f"effect refused {event.code}",)
        return []

    def _obey(self, state: RunState, event: Raised) -> list[Command | Effect]:
        order, _, rest = event.note.partition(" ")
        counter = counter_of(state.id)
        match order:
            case "again":  # "again 3": three more, one after the other
                left = int(rest) - 1
                note = f"again {left}" if left else "end"
                return [Raise(aggregate_id=counter, by=1, note=note, run=state.id)]
            case "twice":
                return [
                    Raise(aggregate_id=counter, by=1, note=f"{n}", run=state.id) for n in (1, 2)
                ]
            case "by":
                return [Raise(aggregate_id=counter, by=int(rest), note="by", run=state.id)]
            case "ring":
                return [Ring(word=rest)]
            case "nothing":
                return [Fix(aggregate_id=counter, reason="")]
            case "whisper":
                return [Whisper(aggregate_id=counter, word="psst")]
            case "end":
                state.over = True
        return []

    def waits_for(self, state: RunState) -> str:
        return "" if state.over else "another note"


def counter_of(run: UUID) -> UUID:
    """A run's counter has the run's id with the bits turned."""
    return UUID(int=run.int ^ (2**128 - 1))


def begin(command: Begin, repository: Repository) -> None:
    counter = repository.create(Counter, command.aggregate_id)
    counter.raise_by(command.by, command.note, command.run)
    repository.save(counter)


@dataclass
class Counters:
    """The handlers and the performer; a test may put something of its own in their place."""

    before_raise: Callable[[Raise], None] = lambda command: None
    does_nothing: bool = False
    ring: Callable[[Ring, UUID], None] = lambda effect, effect_id: None
    rung: list[tuple[str, UUID]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def raise_counter(self, command: Raise, repository: Repository) -> None:
        self.before_raise(command)
        if self.does_nothing:
            return
        counter = repository.load(Counter, command.aggregate_id)
        counter.raise_by(command.by, command.note, command.run)
        repository.save(counter)

    def perform_ring(self, effect: Ring, effect_id: UUID) -> None:
        self.ring(effect, effect_id)
        with self.lock:
            self.rung.append((effect.word, effect_id))


def whisper(command: Command, repository: Repository) -> None:
    raise AssertionError("nobody can send this")


@dataclass
class Play:
    """The application, who acts, and what a test may change."""

    application: Application
    actor: Actor
    process: Run
    counters: Counters

    def begin(self, note: str, *, run: UUID | None = None, by: int = 1) -> UUID:
        """Send a new counter's first note; the run that it belongs to."""
        run = run or uuid4()
        self.send(Begin(aggregate_id=counter_of(run), by=by, note=note, run=run))
        return run

    def note_again(self, run: UUID) -> None:
        """A second event for the same instance, `later`."""
        self.send(Begin(aggregate_id=uuid4(), by=1, note="later", run=run))

    def send(self, command: Command) -> Result:
        return self.application.bus.send(command, actor=self.actor)


def play(
    actor: Actor, *, lease_seconds: float = 10, retry_after: Sequence[float] = (0, 0, 0, 0)
) -> Play:
    """`retry_after` zero: what failed is due again at once."""
    application = Application(
        pipeline=pipeline_from_settings(), lease_seconds=lease_seconds, retry_after=retry_after
    )
    process, counters = Run(), Counters()
    application.events.name(Raised, "counter.raised")
    application.aggregates.add(Counter)
    application.commands.handle(Begin, begin, name="begin", creates=True)
    application.commands.handle(Raise, counters.raise_counter, name="raise", only_processes=True)
    application.commands.handle(Whisper, whisper, name="whisper")
    application.commands.handle(Fix, whisper, name="fix")
    application.effects.perform(Ring, counters.perform_ring, name="ring")
    application.processes.run(process, on={Raised: run_of})
    return Play(application, actor, process, counters)


def run_of(event: Raised, aggregate_id: UUID) -> UUID | None:
    return event.run
