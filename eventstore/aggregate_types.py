"""The table of aggregates: which class replays the streams of a category."""

from collections.abc import Iterator
from typing import Any

from eventstore.aggregates import Aggregate
from eventstore.errors import RegistrationError


class AggregateTypes:
    """Filled by registration at start, read-only afterwards."""

    def __init__(self) -> None:
        self._by_category: dict[str, type[Aggregate[Any]]] = {}

    def add(self, aggregate_class: type[Aggregate[Any]]) -> None:
        """Replay the streams of the class's category with it."""
        category = aggregate_class.category
        if category in self._by_category:
            raise RegistrationError(
                f"Category {category} is registered twice, for "
                f"{self._by_category[category].__name__} and {aggregate_class.__name__}. "
                "Remove one of the two lines, or give one another category."
            )
        self._by_category[category] = aggregate_class

    def of(self, category: str) -> type[Aggregate[Any]]:
        """The class of a category; raises RegistrationError where it has none."""
        try:
            return self._by_category[category]
        except KeyError:
            raise RegistrationError(
                f"Category {category} has no aggregate. "
                "Add a line `application.aggregates.add(...)` to registration.py."
            ) from None

    def __iter__(self) -> Iterator[type[Aggregate[Any]]]:
        return iter(self._by_category.values())
