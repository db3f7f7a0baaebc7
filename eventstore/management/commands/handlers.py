"""`manage.py handlers`: what is registered, each with file and line."""

import inspect
import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error as DatabaseError

from eventstore.application import Application, get_application
from eventstore.models import OverrideSwitch


class Command(BaseCommand):
    help = "List what is registered: commands, aggregates, events, ..., with file and line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        application = get_application()
        entries = list(registered(application, self._switched_off(application)))
        if options["json"]:
            self.stdout.write(json.dumps([entry.for_programs() for entry in entries]))
            return
        widths = [max(map(len, column)) for column in zip(*entries, strict=True)]
        for entry in entries:
            cells = (cell.ljust(width) for cell, width in zip(entry, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())

    def _switched_off(self, application: Application) -> set[tuple[str, str]]:
        """Empty where the database does not tell: what is registered is listed all the same."""
        try:
            return switched_off(application)
        except DatabaseError as error:
            self.stderr.write(
                f"Whether overrides are switched off is not known: {str(error).splitlines()[0]} "
                "Run `manage.py migrate`, or see that the database answers."
            )
            return set()


class Entry(NamedTuple):
    """`target` is a class or function, `where` its `file:line`, `remark` "" where nothing is."""

    kind: str
    name: str
    target: str
    where: str
    remark: str = ""

    def for_programs(self) -> dict[str, str]:
        return {
            "kind": self.kind,
            "name": self.name,
            "class": self.target,
            "where": self.where,
            "remark": self.remark,
        }


def switched_off(application: Application) -> set[tuple[str, str]]:
    """The overrides whose last switch was off, each by its tenant's slug and its name."""
    switches = OverrideSwitch.objects.using(application.database.alias)
    last = switches.order_by("tenant", "override", "-pk").distinct("tenant", "override")
    told = last.values_list("tenant__slug", "override", "active")
    return {(slug, name) for slug, name, is_active in told if not is_active}


def registered(application: Application, off: set[tuple[str, str]]) -> Iterator[Entry]:
    """Each entry under its permanent name; `off` are the overrides that are switched off."""
    yield from _commands_and_events(application)
    yield from _processes(application)
    for effect in application.effects:
        target = f"{effect.effect_class.__name__} -> {effect.performer.__name__}"
        yield Entry("effect", effect.name, target, _where(effect.performer))
    for projection in application.projections:
        mode = application.projections.mode_of(projection.name)
        name, project = f"{projection.name} ({mode})", projection.project
        yield Entry("projection", name, project.__name__, _where(project))
    for override in application.overrides:
        slug, name = override.tenant_slug, application.overrides.name_of(override.target)
        function = override.plain_function
        remark = "switched off" if (slug, name) in off else ""
        yield Entry("override", f"{slug}: {name}", function.__name__, _where(function), remark)


def _commands_and_events(application: Application) -> Iterator[Entry]:
    for command in application.commands:
        target = f"{command.command_class.__name__} -> {command.handler.__name__}"
        remark = "only processes send it" if command.only_processes else ""
        yield Entry("command", command.name, target, _where(command.handler), remark)
    for aggregate in application.aggregates:
        yield Entry("aggregate", aggregate.category, aggregate.__name__, _where(aggregate))
    for event in application.events:
        name = f"{event.name} v{event.schema_version}"
        yield Entry("event", name, event.event_class.__name__, _where(event.event_class))
    for (type_name, version), upcaster in application.events.upcasters.items():
        name = f"{type_name} v{version}"
        yield Entry("upcaster", name, upcaster.__name__, _where(upcaster))


def _processes(application: Application) -> Iterator[Entry]:
    """Each process manager, then the events it takes with what says which instance takes them."""
    for manager, on in ((process.manager, process.on) for process in application.processes):
        yield Entry("process", manager.name, type(manager).__name__, _where(type(manager)))
        for event_class, instance_of in on.items():
            name = f"{manager.name} {application.events.of(event_class).name}"
            yield Entry("reaction", name, instance_of.__name__, _where(instance_of))


def _where(target: Any) -> str:
    path = Path(inspect.getsourcefile(target) or "?")
    line = inspect.getsourcelines(target)[1]
    root = Path(settings.BASE_DIR)
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{shown}:{line}"
