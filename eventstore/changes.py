"""What differs between two states, as they would stand in JSON."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from eventstore.serialization import encode_text


class Change(NamedTuple):
    """What became of one key of a state; in nested dicts `key` is the path, joined by dots."""

    kind: Literal["added", "removed", "changed"]
    key: str
    before: Any
    after: Any


def changes_between(
    before: dict[str, Any], after: dict[str, Any], path: str = ""
) -> Iterator[Change]:
    """Each dict is looked into where both have one; a list counts as one value."""
    for key in {**before, **after}:
        old, new = before.get(key), after.get(key)
        if key not in before:
            yield Change("added", f"{path}{key}", None, new)
        elif key not in after:
            yield Change("removed", f"{path}{key}", old, None)
        elif isinstance(old, dict) and isinstance(new, dict):
            yield from changes_between(old, new, f"{path}{key}.")
        elif encode_text(old) != encode_text(new):  # Python calls 1, 1.0 and True equal.
            yield Change("changed", f"{path}{key}", old, new)
