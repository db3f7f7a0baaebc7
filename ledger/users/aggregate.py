"""A user: a login name, and how the registration under it ended."""

from dataclasses import dataclass
from typing import assert_never

from eventstore.aggregates import Aggregate
from ledger.users.events import (
    UserEvent,
    UserRegistrationFailed,
    UserRegistrationStarted,
    UserRegistrationSucceeded,
)

#: Why a registration fails: another user of the tenant has the login name.
LOGIN_TAKEN = "login_taken"


@dataclass(slots=True)
class UserState:
    login_name: str = ""
    has_ended: bool = False

    def apply(self, event: UserEvent) -> None:
        match event:
            case UserRegistrationStarted():
                self.login_name = event.login_name
            case UserRegistrationSucceeded() | UserRegistrationFailed():
                self.has_ended = True
            case _:
                assert_never(event)


class User(Aggregate[UserState]):
    category = "user"
    state_type = UserState

    def start_registration(self, login_name: str) -> None:
        self.record(UserRegistrationStarted(login_name=login_name))

    def complete_registration(self, *, has_login: bool) -> None:
        """`has_login`: whether the login name could be reserved for this user."""
        if has_login:
            self.record(UserRegistrationSucceeded())
        else:
            self.record(UserRegistrationFailed(reason=LOGIN_TAKEN))
