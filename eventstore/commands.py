"""What a command is, what carries it to its handler, and what comes back. Pure Python."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from eventstore.tenancy import Actor


class Instance(NamedTuple):
    """One run of a process manager."""

    tenant_id: UUID
    process: str
    instance_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The instance of a process manager that sends a command, and by which of its reactions."""

    instance: Instance
    reaction_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A wish, in the imperative, addressed to one aggregate. Subclasses add their fields."""

    aggregate_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A command on its way: who sends it, under which id, caused by what."""

    command: Command
    command_id: UUID
    actor: Actor
    correlation_id: UUID
    causation_id: UUID | None = None
    #: The version that the sender has seen; None where any will do.
    expected_version: int | None = None
    #: What the sender filled in, before defaults; None: every field (a command made in Python).
    client_fields: frozenset[str] | None = None
    #: Counts from 1; a second attempt stands in line for its stream instead of racing again.
    attempt: int = 1
    #: Set for a process manager's command, which stands in the log as pending; None: from outside.
    sender: Sender | None = None
    #: When a command for later shall be done.
    due_at: datetime | None = None
    #: Whether the log holds it already, so that it is done by its row there.
    is_in_log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEventReference:
    """Where an event of a command's answer stands; its payload is read from the stream."""

    type: str
    version: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A command's answer, the same each time the command id is sent.

    `version` is the target's after this command; `position` the last one that it wrote.
    Both are None where it wrote nothing.
    """

    command_id: UUID
    status: str
    category: str | None
    aggregate_id: UUID
    version: int | None
    position: int | None
    correlation_id: UUID
    events: tuple[RecordedEventReference, ...] = ()
    #: Whether this command made the stream of its target.
    created: bool = False
    #: Whether this is a repeated answer.
    replayed: bool = False
    #: The instances of process managers that have to react to it.
    caused: tuple[Instance, ...] = ()
    #: Of a command for later.
    due_at: datetime | None = None
    #: What its handler has to say, where no event tells it.
    detail: str = ""
