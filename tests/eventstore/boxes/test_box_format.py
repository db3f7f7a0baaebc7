"""What stands in a box, which has to be readable in twenty years, also without this program."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from eventstore.box_files import (
    LONGEST_LINE,
    BoxedCommand,
    BoxedEvent,
    BoxedSnapshot,
    BoxHeader,
    BoxReader,
    line_of,
    microseconds,
    time_at,
)
from eventstore.errors import BoxDamaged, ColdStorageFailed
from eventstore.models import Box, StoredEvent
from tests.eventstore.boxes.support import box, cold_root, file_of, rename, renamed_person
from tests.http import Api

#: Written by the first version; it must be read by every later one. Not to be written anew.
GOLDEN = Path(__file__).parent / "golden" / "person.v1.jsonl"


@pytest.fixture
def person(operator: Api) -> str:
    person = renamed_person(operator, 2)
    rename(operator, person, 'Größe "ﷺ" \U0001f600 \\')
    assert box(operator, person).status == 200
    return person


def test_a_box_of_the_first_version_can_still_be_read() -> None:
    content = GOLDEN.read_bytes()
    reader = BoxReader(BytesIO(content), "golden")
    parts = list(reader.parts())

    header = reader.header
    assert (header.tenant, header.category, header.event_count) == ("acme", "person", 3)
    assert header.aggregate_id == UUID("0b5b8d5e-8a8e-5f1c-9c53-94f0c6a2f2f4")
    assert [type(part) for part in parts] == [
        *[BoxedEvent] * 3,
        *[BoxedCommand] * 3,
        BoxedSnapshot,
    ]
    assert [part.type for part in parts if isinstance(part, BoxedEvent)] == [
        "person.registered",
        "person.renamed",
        "person.renamed",
    ]
    assert parts[2].recorded_at == datetime(2026, 11, 22, 3, 0, 0, 123456, tzinfo=UTC)
    assert reader.digest == sha256(content).digest()
    assert b"".join(map(line_of, (header, *parts))) == content[: content.rindex(b'{"end"')]


def test_a_version_that_this_code_does_not_know_is_not_read() -> None:
    later = GOLDEN.read_bytes().replace(b'"format_version":1', b'"format_version":2', 1)

    with pytest.raises(BoxDamaged, match="of a format that this code does not read"):
        BoxReader(BytesIO(later), "golden")


def test_the_file_says_whose_it_is_and_how_much_there_is_of_what(
    operator: Api, person: str
) -> None:
    lines = file_of(person).read_text().splitlines()
    registered = Box.objects.get()
    first = json.loads(lines[0])["box"]

    assert first.pop("head_hash") == json.loads(lines[4])["event"]["hash"]
    assert first.pop("boxed_at") == microseconds(registered.boxed_at)
    assert first == {
        "format": "daybook-box",
        "format_version": 1,
        "id": str(registered.id),
        "tenant_id": str(registered.tenant_id),
        "tenant": "acme",
        "category": "person",
        "aggregate_id": person,
        "event_count": 4,
        "last_version": 4,
        "first_position": registered.first_position,
        "last_position": registered.last_position,
        "schema_versions": {"person.registered": [1], "person.renamed": [1]},
        "boxed_by": "mary",
        "reason": "it has ended",
    }


def test_the_registry_says_what_the_file_is(operator: Api, person: str) -> None:
    content = file_of(person).read_bytes()
    registered = Box.objects.get()

    assert (registered.size, bytes(registered.digest)) == (len(content), sha256(content).digest())
    assert (registered.event_count, registered.command_count, registered.last_version) == (4, 4, 4)
    assert registered.path.endswith(f"/{person}/{registered.id}.jsonl")


def test_it_can_be_read_with_nothing_but_json_and_a_digest(operator: Api, person: str) -> None:
    """As the README tells: each line an object, the last one with the digest of the rest."""
    content = file_of(person).read_bytes()
    lines = content.splitlines(keepends=True)
    end = json.loads(lines[-1])["end"]

    assert end["sha256"] == sha256(b"".join(lines[:-1])).hexdigest()
    names = [next(iter(json.loads(line))) for line in lines]
    assert names.count("event") == end["events"] == 4
    assert names.count("command") == end["commands"] == 4
    last = json.loads(lines[4])["event"]
    assert json.loads(last["data"])["last_name"] == 'Größe "ﷺ" \U0001f600 \\'
    assert "Größe" in content.decode(), "in the clear"
    assert last.keys() == {
        *("version", "position", "type", "schema_version"),
        *("data", "metadata", "recorded_at", "hash"),
    }


def test_nobody_else_may_read_it(operator: Api, person: str) -> None:
    path = file_of(person)

    assert path.stat().st_mode & 0o777 == 0o600
    for folder in (path.parent, path.parent.parent, cold_root()):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert [other.name for other in path.parent.iterdir()] == [path.name]
    assert path.stat().st_nlink == 1


@pytest.mark.parametrize("text", ["1969-12-31T23:59:59.999999", "2026-01-01T00:00:00.000001"])
def test_times_are_exact(text: str) -> None:
    time = datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert time_at(microseconds(time)) == time


def test_a_part_that_nobody_could_read_again_is_not_written() -> None:
    with pytest.raises(ColdStorageFailed, match="box a command: it takes"):
        line_of(BoxedCommand(uuid4(), "rename-person", "x" * LONGEST_LINE))


def test_every_field_of_a_stored_event_is_in_its_line() -> None:
    """A new column of the table has to go into the file as well, and come back."""
    columns = {field.attname for field in StoredEvent._meta.concrete_fields}

    assert columns - {"stream_id", "tenant_id"} == set(BoxedEvent._fields)
    assert {"tenant_id", "category", "aggregate_id"} <= set(BoxHeader._fields)
