"""One step of a process manager: its oldest open reaction, in a transaction of its own."""

import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from django.db import InterfaceError, OperationalError

from eventstore.command_content import fingerprint, stored_data
from eventstore.command_types import CommandTypes
from eventstore.commands import Command, Envelope, Instance, Sender
from eventstore.database import LOCK_TIMEOUT, Database, sqlstate
from eventstore.effect_types import EffectTypes
from eventstore.errors import RegistrationError, UnsendableCommand, ValidationFailed
from eventstore.event_types import EventTypes
from eventstore.events import event_id
from eventstore.fault_points import reach
from eventstore.overrides import Overrides
from eventstore.process_managers import (
    CommandRefused,
    EffectDone,
    EffectRefused,
    ProcessManagers,
)
from eventstore.reaction_log import Claimed, ReactionLog, Step
from eventstore.serialization import EventSerializer, decode_as, decode_json, encode_text
from eventstore.tenancy import Actor, Role
from eventstore.validation import validated
from eventstore.wakeups import Wakeups, Work

logger = logging.getLogger("daybook.reactions")


class InstanceHeld(Exception):
    """Somebody else is doing a step of this instance."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a step asks for: commands on their way, effects by name with their JSON."""

    commands: list[Envelope]
    effects: list[tuple[str, str]]


class Steps:
    def __init__(
        self,
        database: Database,
        log: ReactionLog,
        *,
        processes: ProcessManagers,
        event_types: EventTypes,
        command_types: CommandTypes,
        effect_types: EffectTypes,
        overrides: Overrides,
        wakeups: Wakeups,
    ) -> None:
        self._database = database
        self._log = log
        self._processes = processes
        self._serializer = EventSerializer(event_types)
        self._command_types = command_types
        self._effect_types = effect_types
        self._overrides = overrides
        self._wakeups = wakeups

    def take(self, instance: Instance, turn: Claimed | UUID) -> list[Envelope]:
        """Do the instance's oldest open step; the commands that it sent are still to be done.

        `turn` is the step that a worker has claimed; or, for a sender, the correlation id of what
        he has caused and thereby claimed. Nothing is done where that step is done already. What
        the process manager raises is noted with the reaction. Raises InstanceHeld where somebody
        else has his turn first, and Django's database errors.
        """
        step: Step | None = None
        try:
            with self._database.transaction():
                step = self._lock(instance)
                if step is None or not _is_turn(step, turn):
                    return []
                reach("step.begun")
                commands = self._do(instance, step)
                reach("step.written")
            reach("step.committed")
            return commands
        except (OperationalError, InterfaceError, InstanceHeld):
            raise  # Not the process manager's fault: it is tried again when the lease is over.
        except Exception as error:
            # Whatever a team's process manager raises sets its instance aside, no other.
            if step is None:
                raise
            place = {"process_manager": instance.process, "instance_id": instance.instance_id}
            logger.exception("step_failed", extra=place)
            self._log.note_fault(Claimed(step.id, step.attempts, instance), error)
            return []

    def _lock(self, instance: Instance) -> Step | None:
        try:
            return self._log.next_step(instance)
        except OperationalError as error:
            if sqlstate(error) == LOCK_TIMEOUT:
                raise InstanceHeld from error
            raise

    def _do(self, instance: Instance, step: Step) -> list[Envelope]:
        manager = self._processes.named(instance.process).manager
        if step.state is None:
            state = manager.state_type(id=instance.instance_id)
        else:
            state = decode_as(manager.state_type, step.state)
        event, cause = self._read(instance.tenant_id, step)
        override = self._overrides.reaction_of(instance.tenant_id, manager.name, type(event))
        wished = override(manager, state, event) if override else manager.react(state, event)
        reach("step.reacted")
        wishes = self._wishes(instance, step, cause, wished)
        row = {
            "reaction_id": step.id,
            "attempts": step.attempts,
            "state": encode_text(state),
            "waits_for": manager.waits_for(state)[:200],
            "causation_id": cause,
            **self._columns(wishes),
        }
        if not self._log.finish_step(row):
            raise InstanceHeld  # Done by somebody who let the row go just as this one took it.
        if wishes.effects:
            self._wakeups.wake(Work.EFFECTS)
        return wishes.commands

    def _read(self, tenant_id: UUID, step: Step) -> tuple[Any, UUID | None]:
        """The event or outcome to react to, and the id of the message that it is."""
        if step.kind == "event":
            if step.event is None:
                raise LookupError(f"the event of reaction {step.id} is not in the event table")
            category, aggregate_id, version, schema_version, data = step.event
            event = self._serializer.decode(step.name, schema_version, data)
            return event, event_id(tenant_id, category, aggregate_id, version)
        if step.kind == "refusal":
            refused = decode_as(CommandRefused, step.data or "")
            return refused, refused.command_id
        outcome = _outcome_of_effect(step.data or "")
        return outcome, outcome.effect_id

    def _wishes(self, instance: Instance, step: Step, cause: UUID | None, wished: Any) -> Wishes:
        wishes = Wishes([], [])
        for number, wish in enumerate(wished):
            if not isinstance(wish, Command):
                name = self._effect_types.of(type(wish)).name
                wishes.effects.append((name, encode_text(wish)))
                continue
            if secrets := self._command_types.of(type(wish)).secrets:
                raise RegistrationError(
                    f"Process manager {instance.process} sends {type(wish).__name__}, whose "
                    f"{', '.join(sorted(secrets))} must not be stored. Send another command."
                )
            # Who sent the first command acts on; what he may do was asked then.
            actor = Actor(tenant_id=instance.tenant_id, user=step.user, role=Role.MEMBER)
            wishes.commands.append(
                Envelope(
                    command=_checked(wish),
                    command_id=uuid5(step.uid, str(number)),
                    actor=actor,
                    correlation_id=step.correlation_id,
                    causation_id=cause,
                    sender=Sender(instance=instance, reaction_id=step.id),
                    is_in_log=True,
                )
            )
        return wishes

    def _columns(self, wishes: Wishes) -> dict[str, list[Any]]:
        commands = [envelope.command for envelope in wishes.commands]
        types = [self._command_types.of(type(command)) for command in commands]
        return {
            "ids": [envelope.command_id for envelope in wishes.commands],
            "types": [command_type.name for command_type in types],
            "data": list(map(stored_data, types, commands)),
            "fingerprints": list(map(fingerprint, types, commands)),
            "aggregate_ids": [command.aggregate_id for command in commands],
            "effects": [name for name, _ in wishes.effects],
            "effect_data": [data for _, data in wishes.effects],
        }


def _checked(wish: Command) -> Command:
    try:
        return validated(wish)
    except ValidationFailed as error:
        raise UnsendableCommand(type(wish).__name__, error.errors) from error


def _is_turn(step: Step, turn: Claimed | UUID) -> bool:
    """Whether this step is to be done now; raises InstanceHeld where it is somebody else's."""
    if isinstance(turn, Claimed):
        return (step.status, step.id, step.attempts) == ("pending", turn.id, turn.attempts)
    if step.status != "pending" or step.attempts != 1 or not step.untried:
        return False  # Set aside, or a worker's: it holds its instance up.
    if step.correlation_id != turn:
        raise InstanceHeld  # Another sender's, who is at it, or dead.
    return True


def _outcome_of_effect(text: str) -> EffectDone | EffectRefused:
    refused = "code" in decode_json(text)
    return decode_as(EffectRefused, text) if refused else decode_as(EffectDone, text)
