"""What stands in a box: one JSON object in each line. The README describes it for other programs.

    {"box": {...}}        once: whose it is, and how much there is of what
    {"event": {...}}      each event, by version
    {"command": {...}}    each command of the log whose data lies here, by id
    {"snapshot": {...}}   the state after the last event, if this code could compute it
    {"end": {...}}        how many events and commands, and the SHA-256 of all bytes before it

What is hashed, `data` and `metadata` of an event, stands as text, so that not one byte of it
depends on who reads or writes JSON. For the same reason times are microseconds since 1970, UTC.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID

from eventstore.cold_storage import Digesting
from eventstore.errors import BodyTooLarge, BoxDamaged, ColdStorageFailed, MalformedJson
from eventstore.events import stream_name
from eventstore.hash_chain import GENESIS, HashChain
from eventstore.input.documents import parse_object

FORMAT = "daybook-box"
FORMAT_VERSION = 1

#: Bytes of a line: what is larger is not boxed, and not read. (An event has at most 64 KiB.)
LONGEST_LINE = 2 * 1024 * 1024

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class BoxHeader(NamedTuple):
    """The first line. `schema_versions`: for each stored type those that occur."""

    id: UUID
    tenant_id: UUID
    tenant: str
    category: str
    aggregate_id: UUID
    event_count: int
    last_version: int
    first_position: int
    last_position: int
    head_hash: bytes
    schema_versions: dict[str, list[int]]
    boxed_at: datetime
    boxed_by: str
    reason: str


class BoxedEvent(NamedTuple):
    version: int
    position: int
    type: str
    schema_version: int
    data: str
    metadata: str
    recorded_at: datetime
    hash: bytes


class BoxedCommand(NamedTuple):
    """The content of a command; its answer stays in the log."""

    id: UUID
    type: str
    data: str


class BoxEnd(NamedTuple):
    """The last line; `sha256` is of all bytes before it."""

    events: int
    commands: int
    sha256: bytes


class BoxedSnapshot(NamedTuple):
    """As `eventstore.snapshots` stores it."""

    version: int
    state_schema: str
    state: str
    digest: bytes


Part = BoxedEvent | BoxedCommand | BoxedSnapshot

_NAMES: dict[type[Any], str] = {
    BoxHeader: "box",
    BoxedEvent: "event",
    BoxedCommand: "command",
    BoxedSnapshot: "snapshot",
    BoxEnd: "end",
}


def microseconds(time: datetime) -> int:
    """Since 1970, UTC; exact."""
    return (time - _EPOCH) // _MICROSECOND


def time_at(microseconds_since_1970: int) -> datetime:
    return _EPOCH + microseconds_since_1970 * _MICROSECOND


# Writing -----------------------------------------------------------------------------------------


def is_short_enough(part: Part) -> bool:
    """Whether it can be read again."""
    return len(_line_of(part)) <= LONGEST_LINE


def line_of(part: BoxHeader | Part | BoxEnd) -> bytes:
    """A part as a line; raises ColdStorageFailed for one that is too large to be read again."""
    line = _line_of(part)
    if len(line) > LONGEST_LINE:
        what = f"box a {_NAMES[type(part)]}"
        raise ColdStorageFailed(what, f"it takes {len(line)} bytes, of at most {LONGEST_LINE}")
    return line


def _line_of(part: BoxHeader | Part | BoxEnd) -> bytes:
    fields = {name: _written(value) for name, value in part._asdict().items()}
    if isinstance(part, BoxHeader):
        fields = {"format": FORMAT, "format_version": FORMAT_VERSION} | fields
    return _line({_NAMES[type(part)]: fields})


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _written(value: Any) -> Any:
    match value:
        case UUID():
            return str(value)
        case datetime():
            return microseconds(value)
        case bytes() | memoryview():
            return value.hex()
        case _:
            return value


# Reading -----------------------------------------------------------------------------------------


class BoxReader:
    """The parts of a box, each checked against the ones before it.

    The header must be that of `tenant_id` and `stream`; the events must be a hash chain without
    holes from the first version to the header's head, with rising positions. Raises BoxDamaged.
    """

    def __init__(self, file: BinaryIO, path: str) -> None:
        self._path = path
        self._lines = Digesting(file, path, longest=LONGEST_LINE)
        self._parts = iter(self._lines)
        self._number = 0
        self.header = self._read_header()

    @property
    def digest(self) -> bytes:
        """Of what was read so far; of the whole file once `parts` has come to its end."""
        return self._lines.digest

    def parts(self) -> Iterator[Part]:
        """Events, commands and snapshot, in this order."""
        chain = _Chain(self.header)
        counts = {BoxedEvent: 0, BoxedCommand: 0, BoxedSnapshot: 0}
        before = self._lines.digest
        for line in self._parts:
            self._number += 1
            name, fields = self._object(line)
            if name == "end":
                self._check_end(BoxEnd(*self._fields(BoxEnd, fields)), before, counts)
                if problem := chain.problem_at_the_end():
                    raise self._damaged(problem)
                return
            part = self._part(name, fields)
            if isinstance(part, BoxedEvent):
                if counts[BoxedCommand] or counts[BoxedSnapshot]:
                    raise self._damaged("has an event that does not stand among its events")
                if problem := chain.problem(part):
                    raise self._damaged(problem)
            counts[type(part)] += 1
            yield part
            before = self._lines.digest
        raise self._damaged("ends too early")

    def _check_end(self, end: BoxEnd, before: bytes, counts: dict[type[Any], int]) -> None:
        if end.sha256 != before:
            raise self._damaged("says another digest than its lines have")
        if next(self._parts, None) is not None:
            raise self._damaged("goes on after its end")
        said = (self.header.event_count, end.events, end.commands)
        if (counts[BoxedEvent], counts[BoxedEvent], counts[BoxedCommand]) != said:
            raise self._damaged("has not as many events and commands as it says")
        if counts[BoxedSnapshot] > 1:
            raise self._damaged("has more than one snapshot")

    def _read_header(self) -> BoxHeader:
        self._number = 1
        name, fields = self._object(next(self._parts, b""))
        if name != "box" or not isinstance(fields, dict):
            raise self._damaged("does not begin as a box does")
        found = (fields.pop("format", None), fields.pop("format_version", None))
        if found != (FORMAT, FORMAT_VERSION):
            raise self._damaged("is of a format that this code does not read")
        values = self._fields(BoxHeader, fields)
        return BoxHeader(*values)

    def _part(self, name: str, fields: Any) -> Part:
        for kind in (BoxedEvent, BoxedCommand, BoxedSnapshot):
            if _NAMES[kind] == name:
                return kind(*self._fields(kind, fields))
        raise self._damaged("has a line that is none of a box")

    def _object(self, line: bytes) -> tuple[str, Any]:
        """The one key of a line's object, and its value."""
        try:
            found = parse_object(line, maximum_size=LONGEST_LINE)
        except (MalformedJson, BodyTooLarge, RecursionError) as error:
            raise self._damaged("has a line that is no JSON object") from error
        if len(found) != 1 or not line.endswith(b"\n"):
            raise self._damaged("has a line that is none of a box")
        return next(iter(found.items()))

    def _fields(self, kind: Any, fields: Any) -> Sequence[Any]:
        if not isinstance(fields, dict) or fields.keys() != set(kind._fields):
            raise self._damaged("has a line with other fields than it should have")
        try:
            return [_read(kind.__annotations__[name], fields[name]) for name in kind._fields]
        except (ValueError, OverflowError) as error:
            raise self._damaged("has a line with a value that it cannot have") from error

    def _damaged(self, problem: str) -> BoxDamaged:
        return BoxDamaged(self._path, f"{problem} (line {self._number})")


def _read(hint: Any, value: Any) -> Any:
    """A field's value; raises ValueError where it is not what was written."""
    if hint is int and type(value) is int and 0 <= value < 2**63:
        return value
    if hint == dict[str, list[int]] and isinstance(value, dict):
        return value
    if hint is datetime and type(value) is int:
        return time_at(value)
    if isinstance(value, str):
        value.encode()  # Half a surrogate pair raises here.
        if hint is str and "\0" not in value:
            return value
        if hint is UUID and str(uuid := UUID(value)) == value:
            return uuid
        if hint is bytes and (read := bytes.fromhex(value)).hex() == value:
            return read
    raise ValueError(hint)


class _Chain:
    """Whether events are those of the header, each after the one before it."""

    def __init__(self, header: BoxHeader) -> None:
        self._header = header
        self._stream = stream_name(header.category, header.aggregate_id)
        self._version, self._position, self._hash = 0, 0, GENESIS

    def problem(self, event: BoxedEvent) -> str | None:
        if event.version != self._version + 1:
            return f"has not version {self._version + 1} where it should be"
        if event.position <= self._position:
            return f"has version {event.version} at a position that is not above the one before"
        if not self._version and event.position != self._header.first_position:
            return "begins at another position than it says"
        hash_chain = HashChain(
            tenant_id=self._header.tenant_id,
            stream=self._stream,
            recorded_at=event.recorded_at,
            metadata=event.metadata.encode(),
        )
        expected = hash_chain.link(
            self._hash,
            version=event.version,
            type_name=event.type,
            schema_version=event.schema_version,
            data=event.data.encode(),
        )
        if event.hash != expected:
            return f"breaks the hash chain at version {event.version}"
        self._version, self._position, self._hash = event.version, event.position, event.hash
        return None

    def problem_at_the_end(self) -> str | None:
        header = self._header
        end = (self._version, self._position, self._hash)
        if end != (header.last_version, header.last_position, header.head_hash):
            return "does not end where it says"
        return None
