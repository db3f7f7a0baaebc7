"""The table of effects: class, permanent name, and the function that performs it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventstore.errors import RegistrationError
from eventstore.process_managers import Effect

#: A plain function `perform(effect, effect_id) -> None`. It runs outside of any transaction, at
#: least once; `effect_id` is the same each time, so that the other side can tell. A Refusal that
#: it raises ends the effect and reaches `react`; after any other exception it is tried again.
Performer = Callable[[Any, UUID], None]


@dataclass(frozen=True, slots=True)
class EffectType:
    effect_class: type[Effect]
    name: str
    performer: Performer


class EffectTypes:
    """Filled by registration at start, read-only afterwards."""

    def __init__(self) -> None:
        self._by_class: dict[type[Effect], EffectType] = {}
        self._by_name: dict[str, EffectType] = {}

    def perform(self, effect_class: type[Effect], performer: Performer, *, name: str) -> None:
        """Perform effects of `effect_class`, stored under `name`, with `performer`."""
        if effect_class in self._by_class or name in self._by_name:
            raise RegistrationError(
                f"Effect {effect_class.__name__} or the name {name} is registered twice. "
                "Remove one of the two lines."
            )
        effect_type = EffectType(effect_class, name, performer)
        self._by_class[effect_class] = effect_type
        self._by_name[name] = effect_type

    def of(self, effect_class: type[Effect]) -> EffectType:
        """The entry of a class; raises RegistrationError where it has none."""
        try:
            return self._by_class[effect_class]
        except KeyError:
            raise RegistrationError(
                f"Effect {effect_class.__name__} has no performer. "
                "Add a line `application.effects.perform(...)` to registration.py."
            ) from None

    def named(self, name: str) -> EffectType:
        """The entry of a stored name; raises RegistrationError where there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            raise RegistrationError(
                f"Effect {name} is not registered, and one is to be done. "
                "Register it again, or deploy the code that knows it."
            ) from None

    def __iter__(self) -> Iterator[EffectType]:
        return iter(self._by_name.values())
