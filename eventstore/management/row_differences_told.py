"""Rows that are not those of a replay, in words: which one, in what, and from which event on."""

from collections.abc import Iterable
from typing import NamedTuple

from eventstore.inspection import all_events
from eventstore.management.arguments import tenants
from eventstore.row_differences import Difference


class Told(NamedTuple):
    """A `Difference` for people and programs: `stream` and `version` are of the event at
    `position`, the first one that the row does not show."""

    tenant: str
    table: str
    key: dict[str, str]
    kind: str
    columns: tuple[str, ...]
    position: int | None
    stream: str | None
    version: int | None


def told(differences: Iterable[Difference]) -> list[Told]:
    """With the tenants' slugs, and the events looked up."""
    differences = list(differences)
    events = _events({found.position for found in differences if found.position is not None})
    slugs = dict(
        tenants()
        .filter(pk__in={found.tenant_id for found in differences})
        .values_list("pk", "slug")
    )
    return [
        Told(
            tenant=slugs.get(found.tenant_id, str(found.tenant_id)),
            table=found.table,
            key={name: _printable(str(value)) for name, value in found.key.items()},
            kind=found.kind,
            columns=found.columns,
            position=found.position,
            stream=events.get(found.position, (None, None))[0],
            version=events.get(found.position, (None, None))[1],
        )
        for found in differences
    ]


def as_line(difference: Told) -> str:
    """Such as `acme account_summary account_id=...: differs in balance, from ... on`."""
    position = f" (position {difference.position})" if difference.position is not None else ""
    return f"{difference.tenant} {row_of(difference)}: {problem(difference)}{position}"


def row_of(difference: Told) -> str:
    """Table and key."""
    key = ", ".join(f"{name}={value}" for name, value in difference.key.items())
    return f"{difference.table} {key}"


def problem(difference: Told) -> str:
    """What is wrong with it, and since which event."""
    since = ""
    if difference.stream is not None:
        since = f", from {difference.stream} version {difference.version} on"
    match difference.kind:
        case "missing":
            return f"missing, where a replay has a row{since}"
        case "extra":
            return f"extra, where a replay has no row{since}"
        case _:
            return f"different from a replay in {', '.join(difference.columns)}{since}"


def _events(positions: set[int]) -> dict[int | None, tuple[str, int]]:
    events = all_events().filter(position__in=positions)
    return {event.position: (str(event.stream), event.version) for event in events}


def _printable(text: str) -> str:
    """What would steer the terminal stands as its code."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
