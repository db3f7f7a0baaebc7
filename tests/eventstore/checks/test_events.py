"""A developer changes an event: what `manage.py check` and `manage.py event_schemas` say."""

import io
import json
from collections.abc import Generator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.test import override_settings

from eventstore.application import Application, get_application
from eventstore.checks import events as event_checks
from eventstore.checks.event_schemas import read
from eventstore.checks.events import check_events
from eventstore.errors import RegistrationError
from eventstore.event_types import EventTypes
from eventstore.events import Event
from eventstore.management.commands import event_schemas as command
from tests.eventstore.checks.payments import (
    NewField,
    NewOptionalField,
    OtherDefault,
    Paid,
    RetypedField,
)


def upcast_paid_1_to_2(data: dict[str, object]) -> dict[str, object]:
    return data


class Desk:
    """The code as the developer has it now, and the committed file."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self._monkeypatch = monkeypatch

    def has(self, event_class: type[Event], version: int = 1) -> EventTypes:
        """From now on the code has this event, and the upcaster that its version needs."""
        application = Application(pipeline=[])
        application.events.name(event_class, "bank.paid", schema_version=version)
        if version == 2:
            application.events.upcast("bank.paid", 1, upcast_paid_1_to_2)
        for module in (command, event_checks):
            self._monkeypatch.setattr(module, "get_application", lambda: application)
        return application.events

    def run(self, *arguments: str) -> str:
        """All that `manage.py event_schemas` says, and its exit code where it is not 0."""
        out = io.StringIO()
        try:
            call_command("event_schemas", *arguments, stdout=out)
        except CommandError as error:
            return f"{out.getvalue()}{error} ({error.returncode})"
        return out.getvalue()

    def check(self) -> list[tuple[str, str]]:
        """The checks' ids and texts."""
        return [
            (message.id, f"{message.msg} {message.hint or ''}") for message in check_events(None)
        ]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Desk]:
    path = tmp_path / "schemas.json"
    with override_settings(EVENTSTORE={**settings.EVENTSTORE, "EVENT_SCHEMAS": path}):
        yield Desk(path, monkeypatch)


@pytest.fixture
def released(desk: Desk) -> Desk:
    """A desk at which `Paid` was released as schema version 1."""
    desk.has(Paid)
    desk.run("--write")
    return desk


def test_the_sample_application_reads_all_that_it_ever_released() -> None:
    assert check_events(None) == []


def test_the_check_is_registered_with_django(released: Desk) -> None:
    released.has(RetypedField)

    assert "eventstore.E008" in [message.id for message in run_checks(tags=["eventstore"])]


def test_the_first_file_is_written_and_then_nothing_differs(desk: Desk) -> None:
    desk.has(Paid)
    assert "is not in the file" in desk.check()[0][1]
    assert desk.run().endswith("The file is out of date. (1)")
    assert not desk.path.exists()

    assert "is up to date" in desk.run("--write")

    assert desk.run() == ""
    assert desk.check() == []
    assert list(json.loads(desk.path.read_text())["bank.paid"]) == ["1"]


def test_a_field_stands_in_one_line_of_the_file(released: Desk) -> None:
    lines = released.path.read_text().splitlines()

    assert '        "amount": {"format": "decimal", "type": "string"},' in lines


@pytest.mark.parametrize("event_class", [RetypedField, NewField, OtherDefault])
def test_a_broken_event_is_never_written(released: Desk, event_class: type[Event]) -> None:
    before = released.path.read_text()
    released.has(event_class)

    said = released.run("--write")

    assert "upcast_paid_1_to_2(data)" in said
    assert said.endswith("nothing was written. (1)")
    assert released.path.read_text() == before
    ((check_id, text),) = released.check()
    assert check_id == "eventstore.E008"
    assert "Raise schema_version of bank.paid to 2" in text


def test_an_optional_field_is_written_into_its_version(released: Desk) -> None:
    released.has(NewOptionalField)
    assert [check_id for check_id, _ in released.check()] == ["eventstore.E008"]

    released.run("--write")

    assert released.check() == []
    assert "purpose" in read(released.path)["bank.paid"]["1"]["properties"]


def test_a_new_version_stands_beside_the_older_one_for_ever(released: Desk) -> None:
    before = read(released.path)["bank.paid"]["1"]
    released.has(RetypedField, 2)

    released.run("--write")

    assert released.check() == []
    versions = read(released.path)["bank.paid"]
    assert (list(versions), versions["1"]) == (["1", "2"], before)


def test_a_file_that_is_no_json_is_named(released: Desk) -> None:
    released.path.write_text("<<<<<<< ours")

    ((check_id, text),) = released.check()
    assert check_id == "eventstore.E008"
    assert f"{released.path} cannot be read" in text
    assert "cannot be read" in released.run("--write")
    assert released.path.read_text() == "<<<<<<< ours"


def test_without_a_file_in_the_settings_nothing_is_compared(released: Desk) -> None:
    released.has(RetypedField)
    with override_settings(EVENTSTORE={**settings.EVENTSTORE, "EVENT_SCHEMAS": None}):
        assert released.check() == []
        assert 'settings.EVENTSTORE["EVENT_SCHEMAS"]' in released.run()


def test_an_application_that_cannot_be_built_is_another_checks_business(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def build() -> Application:
        raise RegistrationError("twice")

    monkeypatch.setattr(event_checks, "get_application", build)
    assert check_events(None) == []


# Upcasters and renames: eventstore.E007 ----------------------------------------------------------


def test_a_gap_between_the_versions_names_the_upcaster_to_write(released: Desk) -> None:
    events = released.has(RetypedField, 4)
    events.upcast("bank.paid", 2, upcast_paid_1_to_2)

    found = [text for check_id, text in released.check() if check_id == "eventstore.E007"]

    assert len(found) == 2
    assert found[0].startswith("Nothing turns schema version 1 of bank.paid into 2. Write ")
    assert "upcast_paid_1_to_2(data) beside tests.eventstore.checks.payments" in found[0]
    assert 'application.events.upcast("bank.paid", 3, upcast_paid_3_to_4)' in found[1]


@pytest.mark.parametrize(
    ("name", "version", "last"),
    [
        ("bank.paid", 0, "1"),
        ("bank.paid", 2, "1"),
        ("bank.paid", 9, "1"),
        ("bank.payd", 1, "none"),
    ],
)
def test_an_upcaster_that_nothing_needs_is_e007(
    desk: Desk, name: str, version: int, last: str
) -> None:
    events = desk.has(Paid, 2)
    desk.run("--write")
    events.upcast(name, version, upcast_paid_1_to_2)

    found = [text for check_id, text in desk.check() if check_id == "eventstore.E007"]

    assert found == [
        f"upcast_paid_1_to_2 starts from schema version {version} of {name}, but the last that "
        f"needs an upcaster is {last}. Correct its line `application.events.upcast(...)`. "
    ]


@pytest.mark.parametrize(
    "renames",
    [[("bank.payed", "bank.unknown")], [("bank.paid", "bank.other")], [("a", "b"), ("b", "c")]],
)
def test_a_rename_that_leads_nowhere_is_e007(
    released: Desk, renames: list[tuple[str, str]]
) -> None:
    events = released.has(Paid)
    for retired, name in renames:
        events.rename(retired, name)

    found = [check_id for check_id, _ in released.check() if check_id == "eventstore.E007"]

    assert len(found) == len(renames)


def test_a_name_that_events_still_have_is_not_renamed(released: Desk) -> None:
    events = released.has(Paid)
    events.name(NewField, "bank.moved")
    events.rename("bank.paid", "bank.moved")

    (found,) = [text for check_id, text in released.check() if check_id == "eventstore.E007"]

    assert found.startswith("The name bank.paid is renamed to bank.moved: the first must not be")


def test_a_rename_to_a_registered_name_is_fine(released: Desk) -> None:
    events = released.has(Paid)
    events.rename("bank.first", "bank.second")
    events.rename("bank.second", "bank.paid")

    assert released.check() == []


def test_the_sample_applications_upcasters_are_listed() -> None:
    assert ("account.money_withdrawn", 1) in get_application().events.upcasters
