"""System checks: can this code read every event that earlier code has stored?"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

from eventstore.application import get_application
from eventstore.checks.event_schemas import compare, read
from eventstore.errors import RegistrationError
from eventstore.event_types import EventTypes, missing_upcaster


def check_events(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Upcasters and renames lead from every version to the present one, as it was released."""
    try:
        events = get_application().events
    except RegistrationError:
        return []  # eventstore.E002 says so.
    return [
        *(checks.Error(text, id="eventstore.E007") for text in _dead_ends(events)),
        *_check_schemas(events),
    ]


def _dead_ends(events: EventTypes) -> Iterator[str]:
    """Gaps between upcasters, and upcasters and renames that lead nowhere.

    There are no circles: an upcaster goes one version up, and `rename` refuses to close one.
    """
    present = {event_type.name: event_type for event_type in events}
    for event_type in events:
        for version in range(1, event_type.schema_version):
            if (event_type.name, version) not in events.upcasters:
                yield missing_upcaster(event_type, version)
    for (name, version), upcaster in events.upcasters.items():
        last = present[name].schema_version - 1 if name in present else 0
        if not 1 <= version <= last:
            yield (
                f"{upcaster.__name__} starts from schema version {version} of {name}, but the "
                f"last that needs an upcaster is {last or 'none'}. Correct its line "
                "`application.events.upcast(...)`."
            )
    for retired in events.renames:
        if retired in present or events.present_name(retired) not in present:
            yield (
                f"The name {retired} is renamed to {events.present_name(retired)}: the first must "
                "not be an event's name any more, the second must be one."
            )


def _check_schemas(events: EventTypes) -> Iterator[checks.CheckMessage]:
    """Compare with the file that EVENTSTORE["EVENT_SCHEMAS"] names, if it names one."""
    path = settings.EVENTSTORE.get("EVENT_SCHEMAS")
    if path is None:
        return
    try:
        for found in compare(read(path), events):
            yield checks.Error(found.text, hint=found.remedy, obj=found.name, id="eventstore.E008")
    except ValueError as error:
        hint = "Take the file from your version control again."
        yield checks.Error(f"{path} cannot be read: {error}.", hint=hint, id="eventstore.E008")
