"""What one tenant has otherwise: its own handler, reaction or performer in place of everybody's.

An operator can switch each off and on. The last switch counts, and it is asked for each time, so
that it holds from the next command on in every process.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from eventstore.command_types import CommandTypes, Handler
from eventstore.commands import Command
from eventstore.database import Database
from eventstore.effect_types import EffectTypes, Performer
from eventstore.errors import RegistrationError
from eventstore.event_types import EventTypes
from eventstore.events import Event
from eventstore.models import OverrideSwitch
from eventstore.process_managers import Effect

#: A plain function `react(manager, state, event) -> list[Command | Effect]`. It may call
#: `manager.react(state, event)`, to add to what everybody else has.
Reaction = Callable[[Any, Any, Any], list[Command | Effect]]

#: What is replaced: a command, an effect, or a process manager's reaction to an event.
Target = type[Command] | type[Effect] | tuple[str, type[Event]]

# The tenant's slug, and whether the override holds there; it does until somebody switches it off.
IN_FORCE = """
SELECT t.slug, coalesce(
    (SELECT s.active FROM eventstore_override_switch AS s
     WHERE s.tenant_id = t.id AND s.override = %s ORDER BY s.id DESC LIMIT 1), true)
FROM eventstore_tenant AS t WHERE t.id = %s
"""


@dataclass(frozen=True, slots=True)
class Override:
    """A line in registration.py. Where it is switched off, the tenant has what all others have."""

    tenant_slug: str
    target: Target
    function: Callable[..., Any]

    @property
    def plain_function(self) -> Callable[..., Any]:
        """What somebody wrote, without what registration.py has filled in."""
        return self.function.func if isinstance(self.function, partial) else self.function


class Overrides:
    """Filled by registration at start, read-only afterwards; the switches are in the database."""

    def __init__(
        self, database: Database, commands: CommandTypes, events: EventTypes, effects: EffectTypes
    ) -> None:
        self._database = database
        self._commands = commands
        self._events = events
        self._effects = effects
        self._by_target: dict[Target, dict[str, Override]] = {}

    # Registering ---------------------------------------------------------------------------------

    def command(self, tenant_slug: str, command_class: type[Command], handler: Handler) -> None:
        """Let the tenant's commands be handled by `handler`. One that records nothing forbids."""
        self._add(Override(tenant_slug, command_class, handler))

    def reaction(
        self, tenant_slug: str, process_name: str, event_class: type[Event], function: Reaction
    ) -> None:
        """Let `function` react to an event instead of the process manager."""
        self._add(Override(tenant_slug, (process_name, event_class), function))

    def effect(self, tenant_slug: str, effect_class: type[Effect], performer: Performer) -> None:
        """Let the tenant's effects be done by `performer`."""
        self._add(Override(tenant_slug, effect_class, performer))

    def _add(self, override: Override) -> None:
        of_tenants = self._by_target.setdefault(override.target, {})
        if override.tenant_slug in of_tenants:
            raise RegistrationError(
                f"Tenant {override.tenant_slug} overrides {described(override.target)} twice. "
                "Remove one of the two lines."
            )
        of_tenants[override.tenant_slug] = override

    # Looking up: a statement each, but only where some tenant has an override --------------------

    def handler(self, tenant_id: UUID, command_class: type[Command]) -> Handler | None:
        """The tenant's own handler; None: everybody's."""
        return self._in_force(tenant_id, command_class)

    def reaction_of(
        self, tenant_id: UUID, process_name: str, event_class: type[Event]
    ) -> Reaction | None:
        """The tenant's own reaction; None: the process manager's."""
        return self._in_force(tenant_id, (process_name, event_class))

    def performer(self, tenant_id: UUID, effect_class: type[Effect]) -> Performer | None:
        """The tenant's own performer; None: everybody's."""
        return self._in_force(tenant_id, effect_class)

    def _in_force(self, tenant_id: UUID, target: Target) -> Callable[..., Any] | None:
        of_tenants = self._by_target.get(target)
        if of_tenants is None:
            return None
        row = self._database.row(IN_FORCE, (self.name_of(target), tenant_id))
        slug, is_active = row or ("", False)
        return of_tenants[slug].function if is_active and slug in of_tenants else None

    # Switching -----------------------------------------------------------------------------------

    def name_of(self, target: Target) -> str:
        """Permanent, since switches are stored under it; as `manage.py handlers` lists it.

        Raises RegistrationError where the command, event or effect is not registered.
        """
        if isinstance(target, tuple):
            process_name, event_class = target
            return f"reaction {process_name} {self._events.of(event_class).name}"
        if issubclass(target, Effect):
            return f"effect {self._effects.of(target).name}"
        return f"command {self._commands.of(target).name}"

    def switch(self, tenant_id: UUID, name: str, *, active: bool, user: str, reason: str) -> bool:
        """Switch it on or off from now on, and keep on record by whom and why.

        False where it was so before. Its caller lets nobody else do the same meanwhile.
        """
        row = self._database.row(IN_FORCE, (name, tenant_id))
        if row is None or row[1] == active:
            return False
        OverrideSwitch.objects.using(self._database.alias).create(
            tenant_id=tenant_id, override=name, active=active, user=user, reason=reason
        )
        return True

    def __iter__(self) -> Iterator[Override]:
        for of_tenants in self._by_target.values():
            yield from of_tenants.values()


def described(target: Target) -> str:
    """For an error that comes before the target has a permanent name."""
    if isinstance(target, tuple):
        return f"{target[1].__name__} in {target[0]}"
    return target.__name__
