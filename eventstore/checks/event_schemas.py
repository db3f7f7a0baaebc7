"""The committed file of every event's schema at every version ever released, and what differs.

What stands in it may lie in somebody's database, so it only grows: a version's schema may get
optional fields, and nothing else. `manage.py event_schemas` compares and writes it.
"""

import json
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from eventstore.event_types import EventType, EventTypes
from eventstore.serialization import schema_of
from eventstore.upcasting import upcaster_name

#: A JSON Schema, by the event's permanent name and its schema version.
Schemas = dict[str, dict[str, Any]]

WRITE = "Run `manage.py event_schemas --write` and commit the file."


@dataclass(frozen=True, slots=True)
class Difference:
    """`is_breaking`: events that were stored before could not be read any more, or wrongly."""

    name: str
    text: str
    remedy: str
    is_breaking: bool


def read(path: Path | str) -> Schemas:
    """What the file says, nothing where there is none; raises ValueError where it is no JSON."""
    file = Path(path)
    schemas: Schemas = json.loads(file.read_text()) if file.exists() else {}
    return schemas


def write(path: Path | str, released: Schemas, event_types: EventTypes) -> None:
    """Add today's schemas to those that were released; the caller has seen what differs."""
    schemas = {name: dict(versions) for name, versions in released.items()}
    for event_type in event_types:
        versions = schemas.setdefault(event_type.name, {})
        versions[str(event_type.schema_version)] = schema_of(event_type.event_class)
    Path(path).write_text(_laid_out(schemas, levels=4) + "\n")


def compare(released: Schemas, event_types: EventTypes) -> Iterator[Difference]:
    """How today's events differ from those that were released."""
    for event_type in event_types:
        yield from _compare_type(released.get(event_type.name, {}), event_type)
        yield from _made_defaults(event_type)
    present = {event_type.name: event_type for event_type in event_types}
    for name in sorted(released.keys() - present.keys()):
        successor = present.get(event_types.present_name(name))
        if successor is None:
            yield Difference(
                name,
                f"Event {name} was released and is registered no more.",
                "Register it again, or its new name by `application.events.rename(...)`. "
                "If no database can hold one, take it out of the file.",
                is_breaking=True,
            )
        else:
            yield from _compare_renamed(name, released, successor)


def _laid_out(value: Any, levels: int, indent: str = "") -> str:
    """JSON with a line for each member down to so many levels: one for each field of an event."""
    if not levels or not value or not isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    inner = indent + "  "
    members = (
        f"{inner}{json.dumps(key)}: {_laid_out(value[key], levels - 1, inner)}"
        for key in sorted(value)
    )
    return "{\n" + ",\n".join(members) + f"\n{indent}}}"


def _compare_type(released: dict[str, Any], event_type: EventType) -> Iterator[Difference]:
    name, version = event_type.name, event_type.schema_version
    for older in range(1, version):
        if str(older) not in released:
            text = f"The file has lost schema version {older} of {name}."
            remedy = "Take it from your version control again."
            yield Difference(name, text, remedy, is_breaking=True)
    newest = max(map(int, released), default=0)
    if newest > version:
        text = f"Event {name} is at schema version {version}, and {newest} was released."
        remedy = "A schema version never goes down. Raise it again."
        yield Difference(name, text, remedy, is_breaking=True)
    today = schema_of(event_type.event_class)
    before = released.get(str(version))
    if before is None:
        text = f"Schema version {version} of {name} is not in the file."
        yield Difference(name, text, WRITE, is_breaking=False)
    elif broken := list(_broken(before, today)):
        text = f"Event {name}, released as schema version {version}: {'; '.join(broken)}."
        yield Difference(name, text, _raise_version(event_type), is_breaking=True)
    elif before != today:
        text = f"Schema version {version} of {name} has become wider; old events still fit."
        yield Difference(name, text, WRITE, is_breaking=False)


def _made_defaults(event_type: EventType) -> Iterator[Difference]:
    """Defaults that the file cannot hold, so that nobody would see them change."""
    event_class: Any = event_type.event_class
    for field in fields(event_class):
        if field.default_factory not in (MISSING, list, dict, set, frozenset):
            text = f"The default of {field.name} in event {event_type.name} is made by code."
            remedy = "Old events without the field have it for ever: make it a plain value."
            yield Difference(event_type.name, text, remedy, is_breaking=True)


def _compare_renamed(name: str, released: Schemas, event_type: EventType) -> Iterator[Difference]:
    """A name is all that a rename changes: every version reads as the new name's."""
    known = dict(released.get(event_type.name, {}))
    known[str(event_type.schema_version)] = schema_of(event_type.event_class)
    for version, schema in released[name].items():
        problems = list(_broken(schema, known[version])) if version in known else ["not there"]
        if problems:
            text = (
                f"Event {name}, schema version {version}, is read as {event_type.name}, whose "
                f"version {version} is another: {'; '.join(problems)}."
            )
            remedy = "Rename first, with the same fields; change them in a version after that."
            yield Difference(name, text, remedy, is_breaking=True)


def _broken(before: dict[str, Any], today: dict[str, Any]) -> Iterator[str]:
    """What changed so that data of the same version could not be read as it was meant."""
    old, new = before["properties"], today["properties"]
    for field in sorted(old.keys() - new.keys()):
        yield f"{field} is lost"
    for field in sorted(new):
        is_required = field in today["required"]
        if field not in old:
            if is_required:
                yield f"{field} is new and has no default"
            continue
        was, now = ({**properties[field]} for properties in (old, new))
        default, default_now = was.pop("default", None), now.pop("default", None)
        if was != now:
            yield f"{field} was {json.dumps(was)} and is {json.dumps(now)}"
        if is_required and field not in before["required"]:
            yield f"{field} has no default any more"
        elif field not in before["required"] and default != default_now:
            yield f"the default of {field} was {default!r} and is {default_now!r}"


def _raise_version(event_type: EventType) -> str:
    name, version = event_type.name, event_type.schema_version
    return (
        f"Raise schema_version of {name} to {version + 1}, write {upcaster_name(name, version)}"
        f"(data) beside {event_type.event_class.__module__}, register it by "
        "application.events.upcast, and run `manage.py event_schemas --write`."
    )
