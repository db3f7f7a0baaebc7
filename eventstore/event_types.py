"""The table of permanent event names. A stored event never contains a Python path."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from eventstore.errors import RegistrationError, UnknownEventType
from eventstore.events import Event
from eventstore.upcasting import Upcaster, Upcasting, upcaster_name


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
        #: The names of former times, each with the one that came next.
        self.renames: dict[str, str] = {}
        #: By the type's name and the schema version that it starts from.
        self.upcasters: dict[tuple[str, int], Upcaster] = {}

    # Registering ---------------------------------------------------------------------------------

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

    def upcast(self, name: str, from_version: int, upcaster: Upcaster) -> None:
        """Read data of one schema version as that of the next, which `upcaster` returns."""
        if (name, from_version) in self.upcasters:
            raise RegistrationError(
                f"Event {name} has two upcasters from schema version {from_version}. "
                "Remove one of the two lines."
            )
        self.upcasters[name, from_version] = upcaster

    def rename(self, retired: str, name: str) -> None:
        """Read what was stored under a name of former times as `name`, version for version."""
        if retired in self.renames or self.present_name(name) == retired:
            raise RegistrationError(
                f"The name {retired} is renamed twice, or in a circle by way of {name}. "
                "Remove one of the lines `application.events.rename(...)`."
            )
        self.renames[retired] = name

    # Looking up ----------------------------------------------------------------------------------

    def of(self, event_class: type[Event]) -> EventType:
        """The permanent name of a class; raises RegistrationError where it has none."""
        try:
            return self._by_class[event_class]
        except KeyError:
            raise RegistrationError(
                f"Event {event_class.__name__} has no permanent name. "
                "Add a line `application.events.name(...)` to registration.py."
            ) from None

    def stored_names(self, event_classes: Iterable[type[Event]]) -> list[str]:
        """All names that events of these classes are stored under, also former ones."""
        present = [self.of(event_class).name for event_class in event_classes]
        return present + [name for name in self.renames if self.present_name(name) in present]

    def present_name(self, name: str) -> str:
        """The name after all renames. It ends: `rename` lets no circle in."""
        while name in self.renames:
            name = self.renames[name]
        return name

    def stored_as(self, name: str, schema_version: int) -> tuple[EventType, Upcasting]:
        """What to read stored data as, and what to do to it before.

        Raises UnknownEventType, and RegistrationError where an upcaster is missing.
        """
        event_type = self._by_name.get(self.present_name(name))
        if event_type is None or not 1 <= schema_version <= event_type.schema_version:
            raise UnknownEventType(name, schema_version)
        versions = range(schema_version, event_type.schema_version)
        for version in versions:
            if (event_type.name, version) not in self.upcasters:
                raise RegistrationError(missing_upcaster(event_type, version))
        upcasters = tuple(self.upcasters[event_type.name, version] for version in versions)
        return event_type, Upcasting(name, schema_version, upcasters)

    def __iter__(self) -> Iterator[EventType]:
        return iter(self._by_name.values())


def missing_upcaster(event_type: EventType, version: int) -> str:
    """A sentence that says what to write where a version cannot be read."""
    name = upcaster_name(event_type.name, version)
    return (
        f"Nothing turns schema version {version} of {event_type.name} into {version + 1}. Write "
        f"{name}(data) beside {event_type.event_class.__module__}, and register it: "
        f'application.events.upcast("{event_type.name}", {version}, {name}).'
    )
