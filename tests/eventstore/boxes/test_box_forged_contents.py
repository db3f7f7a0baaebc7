"""Of what a file says of itself nothing is believed, though the registry knows its digest.

Whoever can write to cold storage and to the registry has changed both. The reader's checks are
then the second line, and the guard of the event table the third.
"""

import re
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest

from eventstore.box_files import LONGEST_LINE, BoxReader
from eventstore.errors import BoxDamaged
from tests.eventstore.boxes.failing_storage import doing_at
from tests.eventstore.boxes.forged import (
    Lines,
    Scene,
    boxed_among_others,
    events_of,
    rechained,
    scene,
    written,
)
from tests.eventstore.boxes.support import box, renamed_person, unbox


@pytest.fixture(scope="module")
def boxed(lasting_database: None) -> Scene:
    return boxed_among_others()


def header(**fields: Any) -> Callable[[Lines], Any]:
    return lambda lines: lines[0]["box"].update(fields)


def event(**fields: Any) -> Callable[[Lines], Any]:
    """Change the third of four events."""
    return lambda lines: events_of(lines)[2].update(fields)


def end(**fields: Any) -> Callable[[Lines], Any]:
    return lambda lines: lines[-1]["end"].update(fields)


def swap_positions(lines: Lines) -> None:
    _, second, third, _ = events_of(lines)
    second["position"], third["position"] = third["position"], second["position"]


def rename_everywhere(lines: Lines) -> None:
    events_of(lines)[1]["data"] = '{"first_name":"Eve","last_name":"King 0"}'
    rechained(lines)


def move_last(lines: Lines) -> None:
    events_of(lines)[-1]["position"] += 1


def event_behind_commands(lines: Lines) -> None:
    lines.insert(-2, lines.pop(4))


def without_end_of_events(lines: Lines) -> None:
    del lines[4]
    header(event_count=3)(lines)
    end(events=3)(lines)


def command(**fields: Any) -> Callable[[Lines], Any]:
    return lambda lines: lines[5]["command"].update(fields)


#: The inner digest is right, and the registry says size and digest of this very file.
CONTENTS: dict[str, tuple[Callable[[Lines], Any], str]] = {
    "another format": (header(format="zip"), "of a format that this code does not read"),
    "a later version": (header(format_version=2), "of a format that this code does not read"),
    "no header": (lambda lines: lines.pop(0), "does not begin as a box does"),
    "another tenant": (header(tenant_id=str(uuid4())), "is another stream's"),
    "another category": (header(category="account"), "is another stream's"),
    "another aggregate": (header(aggregate_id=str(uuid4())), "is another stream's"),
    "a longer past": (header(last_version=5), "does not end where its stream does"),
    "another past": (header(head_hash="00" * 32), "does not end where its stream does"),
    "another past, rightly chained": (rename_everywhere, "does not end where its stream does"),
    "a hole": (lambda lines: lines.pop(2), "has not version 2 where it should be"),
    "no first event": (lambda lines: lines.pop(1), "has not version 1 where it should be"),
    "an event twice": (lambda lines: lines.insert(2, lines[2]), "has not version 3 where"),
    "no last event": (without_end_of_events, "does not end where it says"),
    "other data": (event(data='{"first_name":"Eve","last_name":"K"}'), "breaks the hash chain"),
    "other metadata": (event(metadata="{}"), "breaks the hash chain at version 3"),
    "another type": (event(type="person.registered"), "breaks the hash chain at version 3"),
    "another schema": (event(schema_version=2), "breaks the hash chain at version 3"),
    "another time": (event(recorded_at=0), "breaks the hash chain at version 3"),
    "another hash": (event(hash="00" * 32), "breaks the hash chain at version 3"),
    "another order": (swap_positions, "at a position that is not above the one before"),
    "another beginning": (header(first_position=0), "begins at another position than it says"),
    "another end": (move_last, "does not end where it says"),
    "an event behind the commands": (event_behind_commands, "has an event that does not stand"),
    "more events in the header": (header(event_count=5), "has not as many events and commands"),
    "more events at the end": (end(events=5), "has not as many events and commands"),
    "fewer commands at the end": (end(commands=3), "has not as many events and commands"),
    "a lost command": (lambda lines: lines.pop(5), "has not as many events and commands"),
    "two snapshots": (lambda lines: lines.insert(-1, lines[-2]), "more than one snapshot"),
    "a line of another kind": (lambda lines: lines.insert(2, {"note": {}}), "none of a box"),
    "two parts in a line": (lambda lines: lines[2].update(note={}), "that is none of a box"),
    "a field too many": (event(colour="red"), "with other fields than it should have"),
    "a field too few": (lambda lines: lines[2]["event"].pop("hash"), "with other fields than"),
    "no fields": (lambda lines: lines[2].update(event=[1]), "with other fields than"),
    "no header's fields": (lambda lines: lines[0].update(box=[]), "does not begin as a box does"),
    "a version as text": (event(version="3"), "with a value that it cannot have (line 4)"),
    "a version as truth": (event(version=True), "with a value that it cannot have"),
    "a version with a point": (event(version=3.0), "with a value that it cannot have"),
    "a position too large": (event(position=2**63), "with a value that it cannot have"),
    "a position below zero": (event(position=-1), "with a value that it cannot have"),
    "a time beyond all": (event(recorded_at=2**62), "with a value that it cannot have"),
    "a hash in capitals": (event(hash="AB" * 32), "with a value that it cannot have"),
    "a hash that is none": (event(hash="no hash"), "with a value that it cannot have"),
    "data that is no text": (event(data={}), "with a value that it cannot have"),
    "a command's id that is none": (command(id="1"), "with a value that it cannot have"),
    "a command that is no JSON": (command(data="{"), "holds what the tables do not take"),
    "a command with a zero byte": (command(type="\0"), "with a value that it cannot have"),
}


IN_THE_DATABASE = ("is another stream's", "where its stream does", "the tables do not take")
ALONE = {name: case for name, case in CONTENTS.items() if not case[1].endswith(IN_THE_DATABASE)}


@pytest.mark.parametrize("change", [change for change, _ in CONTENTS.values()], ids=CONTENTS)
def test_a_content_that_contradicts_itself_or_the_stream_is_refused(
    boxed: Scene, change: Callable[[Lines], Any]
) -> None:
    """Whether the reader finds it first or the guard of the table."""
    lines = boxed.lines()
    change(lines)
    with boxed.restored():
        boxed.register(written(lines))

        boxed.refused()


@pytest.mark.parametrize(
    ("change", "problem"),
    [case for name, case in CONTENTS.items() if name not in ALONE],
    ids=[name for name in CONTENTS if name not in ALONE],
)
def test_a_content_that_contradicts_the_database_is_named(
    boxed: Scene, change: Callable[[Lines], Any], problem: str
) -> None:
    lines = boxed.lines()
    change(lines)
    with boxed.restored():
        boxed.register(written(lines))

        assert problem in boxed.refused()


@pytest.mark.parametrize(("change", "problem"), ALONE.values(), ids=ALONE)
def test_the_reader_finds_each_contradiction_by_itself(
    boxed: Scene, change: Callable[[Lines], Any], problem: str
) -> None:
    lines = boxed.lines()
    change(lines)

    with pytest.raises(BoxDamaged, match=re.escape(problem)):
        list(BoxReader(BytesIO(written(lines)), "box").parts())


def test_the_same_content_written_anew_is_as_good(boxed: Scene) -> None:
    """Else the refusals above would prove nothing."""
    assert written(boxed.lines()) == boxed.content
    assert len(list(BoxReader(BytesIO(boxed.content), "box").parts())) == 4 + 4 + 1


DIGEST_AND_END = b"0" * 64 + b'"}}\n'

#: The registry says size and digest of this very file; the lines are not those of a program.
RAW: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "nothing": (lambda content: b"", "no JSON object (line 1)"),
    "no end": (lambda content: content[: content.rindex(b'{"end"')], "ends too early"),
    "more behind its end": (lambda content: content + b"\n", "goes on after its end"),
    "an inner digest that is not right": (
        lambda content: content.replace(b"King 0", b"King O"),
        "breaks the hash chain",
    ),
    "another inner digest": (
        lambda content: content[: -len(DIGEST_AND_END)] + DIGEST_AND_END,
        "says another digest than its lines have",
    ),
    "a last line without its end": (lambda content: content[:-1], "none of a box"),
    "what is no JSON": (lambda content: b"daybook\n" + content, "no JSON object (line 1)"),
    "what is no UTF-8": (lambda content: content.replace(b"Ada", b"A\xff\xfe"), "no JSON object"),
    "a key twice": (
        lambda content: content.replace(b'"version":2', b'"version":1,"version":2'),
        "no JSON object",
    ),
    "not a number": (lambda content: content.replace(b'n":2', b'n":NaN', 1), "no JSON object"),
    "a number of thousands of digits": (
        lambda content: content.replace(b'"version":2', b'"version":' + b"9" * 5000),
        "no JSON object",
    ),
    "a list": (lambda content: b"[]\n" + content, "no JSON object (line 1)"),
    "a line of brackets": (lambda content: b"[" * 100_000 + b"\n", "no JSON object (line 1)"),
    "50 MB of brackets": (
        lambda content: b"[" * 50_000_000,
        f"a line of more than {LONGEST_LINE} bytes",
    ),
    "a line that never ends behind the first": (
        lambda content: content[: content.index(b"\n") + 1] + b" " * 9_000_000,
        f"a line of more than {LONGEST_LINE} bytes",
    ),
}


@pytest.mark.parametrize(("change", "problem"), RAW.values(), ids=RAW.keys())
def test_lines_that_are_none_are_refused_with_bounded_memory(
    boxed: Scene, change: Callable[[bytes], bytes], problem: str
) -> None:
    with boxed.restored():
        boxed.register(change(boxed.content))
        tracemalloc.start()
        try:
            told = boxed.refused()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert problem in told
    assert peak < 20_000_000, "a line and its copies, not the file"


def test_what_is_changed_while_it_is_read_is_refused(boxed: Scene) -> None:
    """Somebody waits until the digest was compared, and then changes a command at the end of a
    file of several reads: no chain of hashes knows of it."""
    person = renamed_person(boxed.operator, 120)
    box(boxed.operator, person)
    large = scene(boxed.operator, person)
    lines = large.lines()
    lines[-3]["command"]["data"] = lines[-3]["command"]["data"].replace("Ada", "Eve")
    changed = written(lines)
    assert len(changed) == len(large.content) > 64 * 1024

    with large.restored(), doing_at("unbox.begun", lambda: overwrite(large, changed)):
        assert "was changed while it was read" in large.refused()
    assert unbox(boxed.operator, person).status == 200


def overwrite(boxed: Scene, content: bytes) -> None:
    """The file that is open, and in part read already; what was read stays."""
    with open(boxed.path, "r+b") as file:
        file.write(content)
