"""Every event ever released, as it was stored then and as today's code reads it.

A file of `golden/` is never changed in `stored`: such text lies in databases. When an event gets
a new schema version, its older files get the new repr in `event`, and a file is added. When it
gets a field with a default, its older cases also get `stored_today`: how it is stored since then.
"""

import json
from pathlib import Path

import pytest
from django.conf import settings

from eventstore.application import Application
from eventstore.checks.event_schemas import read
from eventstore.serialization import EventSerializer, encode_text
from ledger.registration import register

GOLDEN = Path(__file__).parent / "golden"
RELEASED = sorted(
    (name, int(version))
    for name, versions in read(settings.EVENTSTORE["EVENT_SCHEMAS"]).items()
    for version in versions
)


def registered_types() -> Application:
    application = Application(pipeline=[])
    register(application)
    return application


#: What today's code stores.
PRESENT = sorted((event.name, event.schema_version) for event in registered_types().events)


@pytest.fixture(scope="module")
def registered() -> Application:
    return registered_types()


def cases(name: str, version: int) -> list[dict[str, str]]:
    path = GOLDEN / f"{name}.v{version}.json"
    assert path.exists(), (
        f"Write {path}: a list of {{stored, event}}, the data as it is stored at this version and "
        "the repr() of the event that today's code reads from it. Older versions' files keep "
        "`stored`; their `event` becomes what it is read as now."
    )
    return json.loads(path.read_text())


def test_there_is_a_golden_file_for_every_type_and_version_and_none_besides() -> None:
    assert len(RELEASED) >= 8
    assert {path.name for path in GOLDEN.iterdir()} == {f"{n}.v{v}.json" for n, v in RELEASED}
    assert all(cases(name, version) for name, version in RELEASED)


@pytest.mark.parametrize(("name", "version"), RELEASED)
def test_what_was_stored_then_is_read_today(
    registered: Application, name: str, version: int
) -> None:
    serializer = EventSerializer(registered.events)

    for case in cases(name, version):
        assert repr(serializer.decode(name, version, case["stored"])) == case["event"]


@pytest.mark.parametrize(("name", "version"), PRESENT)
def test_the_present_version_is_stored_byte_for_byte_as_its_golden_file_says(
    registered: Application, name: str, version: int
) -> None:
    serializer = EventSerializer(registered.events)

    for case in cases(name, version):
        again = encode_text(serializer.decode(name, version, case["stored"]))
        assert again == case.get("stored_today", case["stored"])


def test_every_present_type_has_a_golden_file_of_its_present_version() -> None:
    assert set(PRESENT) <= set(RELEASED)
