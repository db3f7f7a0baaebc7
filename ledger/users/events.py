"""What has happened to a user's registration. Nothing here knows the password."""

from dataclasses import dataclass

from eventstore.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRegistrationStarted(Event):
    """`login_name` as it was typed, without the spaces around it."""

    login_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRegistrationSucceeded(Event):
    """From now on the login name belongs to this user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRegistrationFailed(Event):
    """`reason` is a code, such as `login_taken`. The user holds no name and no password."""

    reason: str


UserEvent = UserRegistrationStarted | UserRegistrationSucceeded | UserRegistrationFailed
