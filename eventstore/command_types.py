"""The table of commands: class, permanent name (also the URL's), and handler."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from eventstore.commands import Command
from eventstore.errors import NotFound, Refusal, RegistrationError
from eventstore.tenancy import SENDERS, Role

#: A plain function `handle(command, repository) -> None`.
Handler = Callable[[Any, Any], None]


@dataclass(frozen=True, slots=True)
class CommandType:
    """`creates`: the command makes its aggregate, so a sender may leave the id out.

    `roles` may send it. `refusals` are what its handler may answer instead of doing it, beside
    the event store's own (not found, already exists, boxed): the API's description lists them.
    """

    command_class: type[Command]
    name: str
    handler: Handler
    creates: bool
    roles: frozenset[Role]
    refusals: tuple[type[Refusal], ...]


class CommandTypes:
    """Filled by registration at start, read-only afterwards."""

    def __init__(self) -> None:
        self._by_class: dict[type[Command], CommandType] = {}
        self._by_name: dict[str, CommandType] = {}

    def handle(
        self,
        command_class: type[Command],
        handler: Handler,
        *,
        name: str,
        creates: bool = False,
        roles: frozenset[Role] = SENDERS,
        refusals: tuple[type[Refusal], ...] = (),
    ) -> None:
        """Send commands of `command_class`, known outside as `name`, to `handler`."""
        if command_class in self._by_class or name in self._by_name:
            raise RegistrationError(
                f"Command {command_class.__name__} or the name {name} is registered twice. "
                "Remove one of the two lines."
            )
        if not roles:
            raise RegistrationError(
                f"Command {name} names no role that may send it. Leave `roles` out, or name one."
            )
        command_type = CommandType(command_class, name, handler, creates, roles, refusals)
        self._by_class[command_class] = command_type
        self._by_name[name] = command_type

    def of(self, command_class: type[Command]) -> CommandType:
        """The entry of a class; raises RegistrationError where it has none."""
        try:
            return self._by_class[command_class]
        except KeyError:
            raise RegistrationError(
                f"Command {command_class.__name__} has no handler. "
                "Add a line `application.commands.handle(...)` to registration.py."
            ) from None

    def named(self, name: str) -> CommandType:
        """The entry of a name from outside; raises NotFound where there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            raise NotFound(f"command {name}") from None

    def __iter__(self) -> Iterator[CommandType]:
        return iter(self._by_name.values())
