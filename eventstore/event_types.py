"""The table of permanent event names. A stored event never contains a Python path."""

from collections.abc import Iterator
from dataclasses import dataclass

from eventstore.errors import RegistrationError
from eventstore.events import Event


@dataclass(frozen=True, slots=True)
class EventType:
    """A class under its permanent name. The schema version rises when its shape changes."""

    event_class: type[Event]
    name: str
    schema_version: int


class EventTypes:
    """Filled by registration at start, read-only afterwards."""

    def __init__(self) -> None:
        self._by_class: dict[type[Event], EventType] = {}
        self._by_name: dict[str, EventType] = {}

    def name(self, event_class: type[Event], name: str, *, schema_version: int = 1) -> None:
        """Store `event_class` under `name`, such as `account.money_deposited`, for ever."""
        if event_class in self._by_class or name in self._by_name:
            raise RegistrationError(
                f"Event {event_class.__name__} or the name {name} is registered twice. "
                "Remove one of the two lines."
            )
        event_type = EventType(event_class, name, schema_version)
        self._by_class[event_class] = event_type
        self._by_name[name] = event_type

    def of(self, event_class: type[Event]) -> EventType:
        """The permanent name of a class; raises RegistrationError where it has none."""
        try:
            return self._by_class[event_class]
        except KeyError:
            raise RegistrationError(
                f"Event {event_class.__name__} has no permanent name. "
                "Add a line `application.events.name(...)` to registration.py."
            ) from None

    def __iter__(self) -> Iterator[EventType]:
        return iter(self._by_name.values())
