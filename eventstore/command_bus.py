"""Sends commands: through the pipeline's steps to the handler, and back with a result."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from eventstore.commands import Command, Envelope, Result
from eventstore.fault_points import reach
from eventstore.pipeline import Proceed, Services, Step
from eventstore.reactions import Reactions
from eventstore.tenancy import Actor


def assemble(execution: Proceed, services: Services, steps: Sequence[type[Step]]) -> Proceed:
    """The way of every command; `steps` stand outermost first, as in `EVENTSTORE["PIPELINE"]`."""
    proceed = execution
    for step in reversed(steps):
        proceed = step(proceed, services)
    return proceed


class CommandBus:
    """The one way in for commands, whoever sends them."""

    def __init__(self, deliver: Proceed, reactions: Reactions) -> None:
        self._deliver = deliver
        self._reactions = reactions

    def send(
        self,
        command: Command,
        *,
        actor: Actor,
        command_id: UUID | None = None,
        expected_version: int | None = None,
        correlation_id: UUID | None = None,
        causation_id: UUID | None = None,
        client_fields: frozenset[str] | None = None,
    ) -> Result:
        """Do the command once, and answer the same whenever its `command_id` comes again.

        What process managers do upon it is done as well when this returns, unless it takes long
        or fails: then a worker does it. The answer is the command's own in any case.
        Raises a Refusal when the domain says no, and other DaybookErrors when nothing was stored.
        """
        command_id = command_id or uuid4()
        result = self._deliver(
            Envelope(
                command=command,
                command_id=command_id,
                actor=actor,
                correlation_id=correlation_id or command_id,
                causation_id=causation_id,
                expected_version=expected_version,
                client_fields=client_fields,
            )
        )
        reach("command.committed")
        self._reactions.drain(result.caused, result.correlation_id)
        return result
