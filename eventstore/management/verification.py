"""Goes through everything that is stored and hears all who know of it: `manage.py verify`.

Five witnesses must agree: each stream's hash chain, its row, the snapshots, the command log, and
the boxes of cold storage with their registry.
Nobody finds here who rewrites all of them to match, or who appends rightly hashed events that name
no command, as any program may. The remedy is a head noted elsewhere, as `verify --stream` prints
it: the hash at that version never changes again. Rows of projections are heard afterwards, in
`row_verification`.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain, groupby
from operator import attrgetter
from typing import Any

from eventstore.aggregates import State
from eventstore.application import Application
from eventstore.errors import DaybookError, RegistrationError
from eventstore.integrity import (
    STREAMS,
    EventRow,
    Finding,
    Head,
    Scope,
    broken_link,
    finding,
    one_moment,
    read,
    wrong_head,
)
from eventstore.management.box_verification import BoxVerification
from eventstore.management.cross_checks import cross_findings
from eventstore.serialization import EventSerializer, to_builtins
from eventstore.store import StoredState


class Verification:
    """One pass; what it counts is complete once its findings have been read."""

    def __init__(
        self, application: Application, scope: Scope, advance: Callable[[], object]
    ) -> None:
        """`advance` is called once for each event."""
        self._application = application
        self._serializer = EventSerializer(application.events)
        self._scope = scope
        self._advance = advance
        self.looked_at = Counter(streams=0, events=0, snapshots=0)
        #: What was not looked at, and why, with how often.
        self.passed_over: Counter[str] = Counter()
        #: The end of the last stream.
        self.head = Head()

    def findings(self) -> Iterator[Finding]:
        """Stream by stream in the order in which they were made, then across streams.

        Holds a transaction open, which idles out where the caller takes a minute for a finding.
        """
        with one_moment(self._application.database) as connection:
            rows = map(EventRow._make, read(connection, STREAMS, self._scope))
            for _, of_stream in groupby(rows, key=attrgetter("stream_id")):
                yield from self._stream_findings(of_stream)
            boxes = BoxVerification(self._application, self._scope, self._advance)
            with closing(boxes):
                yield from boxes.findings(connection)
                self.looked_at.update(boxes.looked_at)
                self.head = boxes.head or self.head
                yield from cross_findings(connection, self._scope, boxes)

    def _stream_findings(self, rows: Iterator[EventRow]) -> Iterator[Finding]:
        first = next(rows)
        events = () if first.version is None else chain((first,), rows)
        if first.status == "boxed":
            if events:
                yield finding(first, "The stream is boxed, and its events are here all the same.")
            return
        self.looked_at["streams"] += 1
        self.head = Head()
        replay = _Replay(self._application, self._serializer, first.category)
        for row in events:
            yield from self._event_findings(row, replay)
        if found := wrong_head(first, self.head):
            yield found

    def _event_findings(self, row: EventRow, replay: "_Replay") -> Iterator[Finding]:
        self.looked_at["events"] += 1
        if problem := broken_link(self.head, row):
            replay.obstacle = "The chain of their stream is broken."
            yield finding(row, problem)
        self.head = Head(row.version or 0, row.position, row.hash)
        replay.apply(row)
        if row.snapshot_schema and (problem := self._wrong_snapshot(row, replay)):
            yield finding(row, problem)
        self._advance()

    def _wrong_snapshot(self, row: EventRow, replay: "_Replay") -> str | None:
        if replay.obstacle:
            self.passed_over[f"snapshots: {replay.obstacle}"] += 1
            return None
        snapshots = self._application.snapshots
        aggregate_class = self._application.aggregates.of(row.category)
        if row.snapshot_schema != snapshots.schema_of(aggregate_class):
            self.passed_over["snapshots of another state schema"] += 1
            return None
        self.looked_at["snapshots"] += 1
        stored = StoredState(row.version or 0, row.snapshot, row.snapshot_digest, row.hash)
        state = snapshots.read(aggregate_class, stored)
        if state is None:
            return (
                "The snapshot of this version cannot be read, or is not as it was taken. Loads "
                "pass it over; delete it."
            )
        if state == replay.state:
            return None
        names = _differing(to_builtins(state), to_builtins(replay.state))
        return (
            f"The snapshot of this version is not what its events give: {names} differs. Delete "
            "it; if the events mean something else by now, raise state_version of "
            f"{aggregate_class.__name__}."
        )


def _differing(stored: dict[str, Any], replayed: dict[str, Any]) -> str:
    return ", ".join(name for name in replayed if stored[name] != replayed[name])


class _Replay:
    """A stream's state after each event, until something makes it unknown."""

    def __init__(
        self, application: Application, serializer: EventSerializer, category: str
    ) -> None:
        self._serializer = serializer
        self.state: State | None = None
        self.obstacle = ""
        try:
            self.state = application.aggregates.of(category).state_type()
        except RegistrationError as error:
            self.obstacle = str(error)

    def apply(self, row: EventRow) -> None:
        if self.state is None or self.obstacle:
            return
        try:
            self.state.apply(self._serializer.decode(row.type, row.schema_version, row.data))
        except DaybookError as error:
            self.obstacle = str(error)
        except Exception as error:
            # Whatever the domain's code raises, the other streams are still to be verified.
            self.obstacle = f"{row.type} cannot be applied ({type(error).__name__})."
