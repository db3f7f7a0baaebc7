"""The table of commands: class, permanent name (also the URL's), and handler."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints
from uuid import UUID

from eventstore.commands import Command
from eventstore.errors import NotFound, Refusal, RegistrationError
from eventstore.fields import Secret, bound_of
from eventstore.tenancy import SENDERS, Role

#: A plain function `handle(command, repository) -> None`.
Handler = Callable[[Any, Any], None]
#: What is done before the command's transaction begins: `prepare(command, tenant_id) -> None`.
Prepare = Callable[[Any, UUID], None]


@dataclass(frozen=True, slots=True)
class CommandType:
    """`creates`: the command makes its aggregate, so a sender may leave the id out.

    `roles` may send it; with `only_processes` nobody may but process managers, and for the
    outside it does not exist. `secrets` are the fields that are never stored. `refusals` are what
    its handler may answer instead of doing it, beside the event store's own (not found, already
    exists, boxed): the API's description lists them.
    """

    command_class: type[Command]
    name: str
    handler: Handler
    creates: bool
    roles: frozenset[Role]
    refusals: tuple[type[Refusal], ...]
    only_processes: bool
    secrets: frozenset[str]
    prepare: Prepare | None = None


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
        only_processes: bool = False,
        prepare: Prepare | None = None,
    ) -> None:
        """Send commands of `command_class`, known outside as `name`, to `handler`.

        `prepare` is called first, outside of the command's transaction; it stores no answer.
        """
        if command_class in self._by_class or name in self._by_name:
            raise RegistrationError(
                f"Command {command_class.__name__} or the name {name} is registered twice. "
                "Remove one of the two lines."
            )
        if not roles:
            raise RegistrationError(
                f"Command {name} names no role that may send it. Leave `roles` out, or name one."
            )
        command_type = CommandType(
            command_class,
            name,
            handler,
            creates,
            roles,
            refusals,
            only_processes,
            _secrets(command_class),
            prepare,
        )
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
        """The entry of a name from outside; raises NotFound where there is none for it."""
        command_type = self._by_name.get(name)
        if command_type is None or command_type.only_processes:
            raise NotFound(f"command {name}")
        return command_type

    def stored_as(self, name: str) -> CommandType:
        """The entry of a name in the command log; raises RegistrationError where it has none."""
        try:
            return self._by_name[name]
        except KeyError:
            raise RegistrationError(
                f"Command {name} is not registered, and one is to be done. "
                "Register it again, or deploy the code that knows it."
            ) from None

    def offered(self) -> Iterator[CommandType]:
        """Those that the outside may send."""
        return (command for command in self if not command.only_processes)

    def __iter__(self) -> Iterator[CommandType]:
        return iter(self._by_name.values())


def _secrets(command_class: type[Command]) -> frozenset[str]:
    hints = get_type_hints(command_class, include_extras=True)
    return frozenset(name for name, hint in hints.items() if isinstance(bound_of(hint), Secret))
