"""The committed file of schemas knows what a released event may not do."""

import pytest

from eventstore.checks.event_schemas import Difference, Schemas, compare
from eventstore.event_types import EventTypes
from eventstore.events import Event
from eventstore.serialization import schema_of
from tests.eventstore.checks import payments
from tests.eventstore.checks.payments import (
    LostDefault,
    LostField,
    MadeDefault,
    NewField,
    NewOptionalField,
    OtherDefault,
    OtherwiseSorted,
    Paid,
    RenamedField,
    RetypedField,
    RetypedPart,
    Tree,
)


def types(event_class: type[Event], version: int = 1, name: str = "bank.paid") -> EventTypes:
    events = EventTypes()
    events.name(event_class, name, schema_version=version)
    return events


RELEASED: Schemas = {"bank.paid": {"1": schema_of(Paid)}}


def differences(events: EventTypes, released: Schemas = RELEASED) -> list[Difference]:
    return list(compare(released, events))


@pytest.mark.parametrize("event_class", [Paid, OtherwiseSorted])
def test_what_is_as_it_was_released_does_not_differ(event_class: type[Event]) -> None:
    assert differences(types(event_class)) == []


@pytest.mark.parametrize(
    ("event_class", "text"),
    [
        (LostField, "amount is lost."),
        (RenamedField, "amount is lost; sum is new and has no default."),
        (
            RetypedField,
            'amount was {"type": "string", "format": "decimal"} and is {"type": "integer"}.',
        ),
        (RetypedPart, "lines was {"),
        (NewField, "purpose is new and has no default."),
        (LostDefault, "day has no default any more."),
        (OtherDefault, "the default of day was None and is '2000-01-01'."),
    ],
)
def test_a_released_event_that_breaks_needs_the_upcaster_that_is_named(
    event_class: type[Event], text: str
) -> None:
    (found,) = differences(types(event_class))

    assert found.is_breaking
    assert found.text.startswith("Event bank.paid, released as schema version 1: ")
    assert text in found.text
    assert found.remedy == (
        "Raise schema_version of bank.paid to 2, write upcast_paid_1_to_2(data) beside "
        f"{payments.__name__}, register it by application.events.upcast, and run "
        "`manage.py event_schemas --write`."
    )


def test_a_default_that_code_makes_is_refused() -> None:
    """Nobody would see it change, and with it what old events mean."""
    (found,) = [each for each in differences(types(MadeDefault)) if "made by code" in each.text]

    assert found.is_breaking
    assert "purpose" in found.text
    assert "make it a plain value" in found.remedy


def test_a_new_optional_field_only_asks_for_a_new_file() -> None:
    (found,) = differences(types(NewOptionalField))

    assert not found.is_breaking
    assert "manage.py event_schemas --write" in found.remedy


def test_a_new_version_only_asks_for_a_new_file() -> None:
    (found,) = differences(types(RetypedField, 2))

    assert (found.is_breaking, found.text) == (
        False,
        "Schema version 2 of bank.paid is not in the file.",
    )


def test_a_version_that_goes_down_is_refused() -> None:
    released = {"bank.paid": {"1": schema_of(Paid), "10": schema_of(RetypedField)}}

    texts = [found.text for found in differences(types(Paid, 1), released) if found.is_breaking]

    assert texts == ["Event bank.paid is at schema version 1, and 10 was released."]


def test_an_older_version_that_somebody_took_out_is_missed() -> None:
    (found,) = differences(types(Paid, 2), {"bank.paid": {"2": schema_of(Paid)}})

    assert (found.is_breaking, found.text) == (
        True,
        "The file has lost schema version 1 of bank.paid.",
    )


def test_a_released_event_that_is_gone_is_refused_unless_it_is_renamed() -> None:
    events = types(Paid, name="bank.payment_made")
    released = {**RELEASED, "bank.payment_made": {"1": schema_of(Paid)}}
    (found,) = differences(events, released)
    assert found.is_breaking
    assert found.text == "Event bank.paid was released and is registered no more."
    assert "application.events.rename(" in found.remedy

    events.rename("bank.paid", "bank.payment_made")
    assert differences(events, released) == []


@pytest.mark.parametrize(
    ("event_class", "version", "text"),
    [(RetypedField, 1, "amount was"), (Paid, 3, "version 2 is another: not there")],
)
def test_a_renamed_event_keeps_its_fields(
    event_class: type[Event], version: int, text: str
) -> None:
    events = types(event_class, version, name="bank.payment_made")
    events.rename("bank.paid", "bank.payment_made")
    released = {"bank.paid": {"1": schema_of(Paid), "2": schema_of(Paid)}}
    released["bank.payment_made"] = {"1": schema_of(Paid), "3": schema_of(Paid)}

    texts = [found.text for found in differences(events, released)]

    assert any(text in found for found in texts), texts


def test_a_type_that_contains_itself_has_an_end() -> None:
    assert schema_of(Tree)["properties"]["branches"]["items"] == {"$ref": "Tree"}
