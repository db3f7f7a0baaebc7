"""How the data of an older schema version becomes that of a newer one. Pure Python."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eventstore.errors import UpcastFailed

#: Takes the data of one schema version, which is its own to change, and returns the next one's.
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Upcasting:
    """The upcasters from one schema version of an event type to the present one, in order."""

    type_name: str
    from_version: int
    upcasters: tuple[Upcaster, ...]

    def apply(self, data: Any) -> dict[str, Any]:
        """The data as of the present version; raises UpcastFailed."""
        for version, upcaster in enumerate(self.upcasters, self.from_version):
            try:
                data = upcaster(data)
            except Exception as error:
                # Whatever it raises, the event cannot be read: one error says so for all readers.
                problem = f"raised {type(error).__name__}"
                raise UpcastFailed(self.type_name, version, upcaster.__name__, problem) from error
            if not isinstance(data, dict):
                problem = f"returned a {type(data).__name__}, not a dict"
                raise UpcastFailed(self.type_name, version, upcaster.__name__, problem)
        upcast: dict[str, Any] = data
        return upcast

    def misfit(self, problem: str) -> UpcastFailed:
        """The error for data that all upcasters have passed and that is no event of today's."""
        last_version = self.from_version + len(self.upcasters) - 1
        return UpcastFailed(self.type_name, last_version, self.upcasters[-1].__name__, problem)


def upcaster_name(type_name: str, from_version: int) -> str:
    """What the upcaster is called: `upcast_money_withdrawn_1_to_2`."""
    return f"upcast_{type_name.rpartition('.')[2]}_{from_version}_to_{from_version + 1}"
