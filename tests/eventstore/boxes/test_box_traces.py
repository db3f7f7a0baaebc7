"""What stood in an aggregate's events is in its file, and nowhere else."""

from tests.eventstore.boxes.support import (
    box,
    boxed_person,
    file_of,
    rename,
    renamed_person,
    unbox,
)
from tests.http import Api, new_id
from tests.ledger.traces import everything_logged, whole_database

MARKER = "Zorglub of Andorra"

#: What aggregates are made of. Read models keep their rows: boxing changes none.
OF_AGGREGATES = (
    "eventstore_event",
    "eventstore_snapshot",
    "eventstore_command",
    "eventstore_stream",
    "eventstore_process",
    "eventstore_reaction",
    "eventstore_box",
)


def places_of(marker: str) -> list[str]:
    """The tables in which it stands."""
    return [table for table, text in whole_database().items() if marker in text]


def test_a_name_is_in_no_event_snapshot_or_command_and_in_no_log(operator: Api) -> None:
    with everything_logged() as logged:
        person = operator.registered_person(first_name=MARKER)
        for number in range(12):  # There is a snapshot after ten.
            fields = {"aggregate_id": person, "first_name": MARKER, "last_name": f"{number}"}
            operator.send("rename-person", fields)
        operator.send("rename-person", fields).refused(422, "not_renamed")
        before = places_of(MARKER)

        assert box(operator, person).status == 200

        assert {"eventstore_event", "eventstore_command", "person_summary"} <= set(before)
        assert set(places_of(MARKER)).isdisjoint(OF_AGGREGATES)
        assert "person_summary" in places_of(MARKER)
        assert MARKER in file_of(person).read_text()

        assert unbox(operator, person).status == 200
    assert set(before) <= set(places_of(MARKER))
    assert MARKER not in logged.getvalue()


def test_what_is_sent_while_it_is_boxed_leaves_no_trace_either(operator: Api) -> None:
    """The refusal is a fact of the log; what was refused is nobody's business any more."""
    person = boxed_person(operator)
    key = new_id()

    rename(operator, person, MARKER, Idempotency_Key=key).refused(410, "boxed")

    assert places_of(MARKER) == []
    rename(operator, person, MARKER, Idempotency_Key=key).refused(410, "boxed")
    rename(operator, person, "Other", Idempotency_Key=key).refused(422, "command_id_reused")


def test_others_of_the_tenant_keep_what_they_hold(operator: Api) -> None:
    person, other = renamed_person(operator, 1), renamed_person(operator, 0)
    rename(operator, other, MARKER)

    assert box(operator, person).status == 200

    assert {"eventstore_event", "eventstore_command"} <= set(places_of(MARKER))
