"""What the events of a page changed, as text; or from which version on nobody can say."""

from dataclasses import dataclass, field
from typing import Any

from eventstore.admin.json_text import indented
from eventstore.application import get_application
from eventstore.changes import Change
from eventstore.errors import DaybookError
from eventstore.models import StoredStream
from eventstore.serialization import encode_text

#: Characters of a value in the timeline; the page of the state has it whole.
LONGEST_VALUE = 300


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One key, with its values in JSON; the empty text where there was or is none."""

    kind: str
    key: str
    before: str
    after: str


@dataclass(slots=True)
class ChangesByVersion:
    """Of the versions that give a state; `failure` says why others do not."""

    changes: dict[int, list[ShownChange]] = field(default_factory=dict)
    failure: str = ""


def changes_of(stream: StoredStream, first: int, last: int) -> ChangesByVersion:
    """What versions `first` to `last` changed: one replay of the stream, page by page."""
    found = ChangesByVersion()
    history = get_application().history
    where = (stream.tenant_id, stream.category, stream.aggregate_id)
    try:
        for moment in history.moments(*where, first, last):
            found.changes[moment.recorded.version] = shown(moment.changes)
    except DaybookError as error:
        found.failure = str(error)
    return found


def shown(changes: list[Change]) -> list[ShownChange]:
    return [
        ShownChange(
            kind=change.kind,
            key=change.key,
            before="" if change.kind == "added" else _shortened(change.before),
            after="" if change.kind == "removed" else _shortened(change.after),
        )
        for change in changes
    ]


def state_text(state: dict[str, Any]) -> str:
    """A state as indented JSON."""
    return indented(encode_text(state))


def _shortened(value: Any) -> str:
    text = encode_text(value)
    if len(text) <= LONGEST_VALUE:
        return text
    return f"{text[:LONGEST_VALUE]}… ({len(text):,} characters)"
