"""`manage.py handlers`: what is registered, each with file and line."""

import inspect
import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from eventstore.application import Application, get_application


class Command(BaseCommand):
    help = "List what is registered: commands, aggregates, events, ..., with file and line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = list(registered(get_application()))
        if options["json"]:
            keys = ("kind", "name", "class", "where")
            self.stdout.write(json.dumps([dict(zip(keys, row, strict=True)) for row in rows]))
            return
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for kind, name, target, where in rows:
            cells = (kind.ljust(widths[0]), name.ljust(widths[1]), target.ljust(widths[2]), where)
            self.stdout.write("  ".join(cells))


def registered(application: Application) -> Iterator[tuple[str, str, str, str]]:
    """Kind, permanent name, class or function, and `file:line` of each entry."""
    yield from _commands_and_events(application)
    yield from _processes(application)
    for effect in application.effects:
        target = f"{effect.effect_class.__name__} -> {effect.performer.__name__}"
        yield "effect", effect.name, target, _where(effect.performer)
    for projection in application.projections:
        yield (
            "projection",
            f"{projection.name} (inline)",
            projection.project.__name__,
            _where(projection.project),
        )
    for override in application.overrides:
        name = f"{override.tenant_slug}: {application.overrides.name_of(override.target)}"
        function = override.plain_function
        yield "override", name, function.__name__, _where(function)


def _commands_and_events(application: Application) -> Iterator[tuple[str, str, str, str]]:
    for command in application.commands:
        target = f"{command.command_class.__name__} -> {command.handler.__name__}"
        yield "command", command.name, target, _where(command.handler)
    for aggregate in application.aggregates:
        yield "aggregate", aggregate.category, aggregate.__name__, _where(aggregate)
    for event in application.events:
        name = f"{event.name} v{event.schema_version}"
        yield "event", name, event.event_class.__name__, _where(event.event_class)
    for (type_name, version), upcaster in application.events.upcasters.items():
        name = f"{type_name} v{version}"
        yield "upcaster", name, upcaster.__name__, _where(upcaster)


def _processes(application: Application) -> Iterator[tuple[str, str, str, str]]:
    """Each process manager, then the events it takes with what says which instance takes them."""
    for manager, on in ((process.manager, process.on) for process in application.processes):
        yield "process", manager.name, type(manager).__name__, _where(type(manager))
        for event_class, instance_of in on.items():
            name = f"{manager.name} {application.events.of(event_class).name}"
            yield "reaction", name, instance_of.__name__, _where(instance_of)


def _where(target: Any) -> str:
    path = Path(inspect.getsourcefile(target) or "?")
    line = inspect.getsourcelines(target)[1]
    root = Path(settings.BASE_DIR)
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{shown}:{line}"
