"""Decides a user's registration: as soon as it has started, it asks for the login name.

Apart from the command that starts it, so that two who want the same name both get an answer, and
both are on record: one succeeds, the other fails.
"""

from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from eventstore.commands import Command
from eventstore.process_managers import CommandRefused, Effect, ProcessManager
from ledger.errors import ProcessStuck
from ledger.users.commands import CompleteUserRegistration
from ledger.users.events import (
    UserEvent,
    UserRegistrationFailed,
    UserRegistrationStarted,
    UserRegistrationSucceeded,
)

UserRegistrationProcessEvent = UserEvent | CommandRefused


@dataclass(slots=True)
class UserRegistrationProcessState:
    """`id` is the user's."""

    id: UUID
    #: What the process waits for; "" once it has ended.
    waits_for: str = ""


class UserRegistrationProcess(ProcessManager[UserRegistrationProcessState]):
    name = "user_registration"
    state_type = UserRegistrationProcessState

    def react(
        self, state: UserRegistrationProcessState, event: UserRegistrationProcessEvent
    ) -> list[Command | Effect]:
        match event:
            case UserRegistrationStarted():
                state.waits_for = "its login name"
                return [CompleteUserRegistration(aggregate_id=state.id)]
            case UserRegistrationSucceeded() | UserRegistrationFailed():
                state.waits_for = ""
            case CommandRefused() if state.waits_for:
                raise ProcessStuck(f"The registration of user {state.id}", event)
            case CommandRefused():
                pass  # An operator has asked again for what is done.
            case _:
                assert_never(event)
        return []

    def waits_for(self, state: UserRegistrationProcessState) -> str:
        return state.waits_for
