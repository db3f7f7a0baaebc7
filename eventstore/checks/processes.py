"""System check: process managers and effects can be stored, and overrides replace what exists."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core import checks

from eventstore.application import Application
from eventstore.errors import RegistrationError, UnreadableData
from eventstore.overrides import Override, described
from eventstore.process_managers import ProcessManager, RegisteredProcess
from eventstore.serialization import decode_as, encode_text, schema_of


def check_processes(application: Application) -> Iterator[checks.CheckMessage]:
    for process in application.processes:
        yield from _check_events(application, process)
        yield from _check_state(process.manager)
    for effect in application.effects:
        try:
            schema_of(effect.effect_class)
        except TypeError as error:
            yield checks.Error(
                f"Effect {effect.name} has no form in JSON: {error}.",
                hint="Make it a frozen dataclass whose fields have types with a form in JSON.",
                obj=effect.effect_class.__name__,
                id="eventstore.E012",
            )
    for override in application.overrides:
        yield from _check_override(application, override)


def _check_events(
    application: Application, process: RegisteredProcess
) -> Iterator[checks.CheckMessage]:
    for event_class in process.on:
        try:
            application.events.of(event_class)
        except RegistrationError as error:
            yield checks.Error(
                f"Process manager {process.manager.name} takes an event that cannot be stored. "
                f"{error}",
                hint="Or take the event out of its line `application.processes.run(...)`.",
                obj=process.manager.name,
                id="eventstore.E010",
            )


def _check_state(manager: ProcessManager[Any]) -> Iterator[checks.CheckMessage]:
    """A first step can make one from the id alone; it can be stored, and read again."""
    problem = ""
    try:
        state = manager.state_type(id=UUID(int=1))
        restored = decode_as(manager.state_type, encode_text(state))
        if restored != state:
            problem = f"comes back from the database as {restored!r}"
    except (TypeError, UnreadableData) as error:
        problem = f"cannot be made from its id alone, or cannot be stored: {error}"
    if problem:
        yield checks.Error(
            f"The state of process manager {manager.name} {problem}.",
            hint="Make it a dataclass with `id: UUID` and a default for every other field, all of "
            "types with a form in JSON.",
            obj=manager.name,
            id="eventstore.E011",
        )


def _check_override(application: Application, override: Override) -> Iterator[checks.CheckMessage]:
    try:
        application.overrides.name_of(override.target)
        if isinstance(override.target, tuple):
            process_name, event_class = override.target
            taken = {process.manager.name: process.on for process in application.processes}
            if event_class not in taken.get(process_name, ()):
                raise RegistrationError(
                    f"No process manager {process_name} takes {event_class.__name__}."
                )
    except RegistrationError as error:
        yield checks.Error(
            f"Tenant {override.tenant_slug} overrides {described(override.target)}, which is not "
            f"there. {error}",
            hint=f"Register it, or remove the line with {override.plain_function.__name__}.",
            obj=override.tenant_slug,
            id="eventstore.E013",
        )
