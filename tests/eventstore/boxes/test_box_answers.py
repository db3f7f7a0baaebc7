"""What whoever boxes and unboxes is told, and what others see of it meanwhile."""

from uuid import UUID

import pytest

from config.composition import build_application
from eventstore.application import Application
from eventstore.models import Box, Snapshot, StoredCommand, StoredStream, Tenant
from eventstore.tenancy import Actor, Role
from ledger.persons.aggregate import Person
from ledger.persons.commands import RenamePerson
from tests.eventstore.boxes.support import (
    OF_COLD_STORAGE,
    box,
    boxed_person,
    exported,
    file_of,
    let_all_read,
    nothing_changes,
    rename,
    renamed_person,
    unbox,
)
from tests.http import Api, api_for, new_id


def test_boxing_again_changes_nothing_and_says_so(operator: Api) -> None:
    person = boxed_person(operator)

    with nothing_changes("eventstore_command"):
        again = box(operator, person)

    assert again.status == 200
    assert again.body["detail"] == f"The person {person} is in cold storage already."
    assert again.body["events"] == []


def test_unboxing_what_is_online_changes_nothing_and_says_so(operator: Api) -> None:
    person = boxed_person(operator)
    unbox(operator, person)

    with nothing_changes("eventstore_command"):
        again = unbox(operator, person)

    assert again.status == 200
    assert again.body["detail"] == f"The person {person} is not in cold storage."


def test_the_answer_says_what_came_of_it_also_when_the_id_comes_again(operator: Api) -> None:
    person = renamed_person(operator, 2)
    key = new_id()

    first = box(operator, person, Idempotency_Key=key)
    unbox(operator, person)
    with nothing_changes():
        again = box(operator, person, Idempotency_Key=key)

    path = Box.objects.get().path
    said = f"The person {person} is in cold storage: 3 events in {path}."
    assert (first.status, first.body["detail"], first.body["events"]) == (200, said, [])
    assert (again.status, again.body) == (200, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert StoredStream.objects.get(aggregate_id=person).status == "active"


def test_an_unbox_is_answered_alike_when_its_id_comes_again(operator: Api) -> None:
    person = boxed_person(operator)
    key = new_id()

    first = unbox(operator, person, Idempotency_Key=key)
    box(operator, person)
    with nothing_changes():
        again = unbox(operator, person, Idempotency_Key=key)

    assert first.body["detail"] == f"The person {person} is back from cold storage: 3 events."
    assert (again.status, again.body) == (200, first.body)


def test_the_reason_stays_in_the_log_and_in_the_registry(operator: Api) -> None:
    person = boxed_person(operator)
    unbox(operator, person)

    kept = StoredCommand.objects.filter(type__in=OF_COLD_STORAGE).order_by("number")
    assert ["it has ended" in kept[0].data, "it goes on" in kept[1].data] == [True, True]
    registered = Box.objects.get()
    assert (registered.reason, registered.boxed_by) == ("it has ended", "mary")
    assert registered.unboxed_at is not None


@pytest.mark.parametrize("send", [box, unbox])
def test_what_is_not_there_is_not_found_and_nobody_elses_is_told_apart(
    operator: Api, other_tenant: Tenant, send
) -> None:
    strangers = renamed_person(api_for(other_tenant), 1)
    mine = renamed_person(operator, 1)
    missing = new_id()
    let_all_read()

    with nothing_changes("eventstore_command"):
        bodies = [
            send(operator, aggregate_id, category).refused(404, "not_found").body
            for aggregate_id, category in (
                (missing, "person"),
                (strangers, "person"),
                (mine, "account"),
            )
        ]

    told = [body["detail"].replace(strangers, missing) for body in bodies[:2]]
    assert told[0] == told[1]
    assert bodies[0].keys() == bodies[1].keys() == bodies[2].keys()
    assert bodies[2]["detail"].replace(mine, missing) == told[0].replace("person", "account")


@pytest.mark.parametrize("send", [box, unbox])
def test_a_version_that_is_no_more_is_stale(operator: Api, send) -> None:
    person = renamed_person(operator, 2) if send is box else boxed_person(operator)
    let_all_read()

    with nothing_changes():
        send(operator, person, If_Match='"2"').refused(412, "stale_version")

    assert send(operator, person, If_Match='"3"').status == 200


@pytest.mark.parametrize("role", [Role.MEMBER, Role.AUDITOR])
def test_only_operators_box_and_unbox(operator: Api, tenant: Tenant, role: Role) -> None:
    online, boxed = renamed_person(operator, 0), boxed_person(operator, 0)
    caller = api_for(tenant, role, "otto")

    with nothing_changes():
        box(caller, online).refused(403, "forbidden")
        unbox(caller, boxed).refused(403, "forbidden")


@pytest.mark.parametrize("name", OF_COLD_STORAGE)
def test_a_reason_and_a_category_are_asked_for(operator: Api, name: str) -> None:
    person = renamed_person(operator, 0)

    with nothing_changes():
        empty = operator.send(name, {"aggregate_id": person}).refused(400, "validation_failed")
        blank = {"aggregate_id": person, "category": " ", "reason": " "}
        blanks = operator.send(name, blank).refused(400, "validation_failed")

    assert empty.body["errors"].keys() == blanks.body["errors"].keys() == {"category", "reason"}


def test_the_id_of_what_is_boxed_stays_taken_for_every_command(operator: Api) -> None:
    person = boxed_person(operator)
    name = {"aggregate_id": person, "first_name": "Eve", "last_name": "Byron"}

    operator.send("register-person", name).refused(410, "boxed")
    operator.send("rename-person", name).refused(410, "boxed")
    operator.send("open-account", {"owner_id": person, "code": "1"}).refused(410, "boxed")
    account = {"aggregate_id": person, "owner_id": renamed_person(operator, 0), "code": "1"}
    operator.send("open-account", account).refused(410, "boxed")


def test_commands_of_before_are_answered_as_before_while_boxed_and_after(operator: Api) -> None:
    person = renamed_person(operator, 0)
    done, refused = new_id(), new_id()
    fields = {"aggregate_id": person, "first_name": "Ada", "last_name": "King"}
    first = operator.send("rename-person", fields, Idempotency_Key=done)
    operator.send("rename-person", fields, Idempotency_Key=refused).refused(422, "not_renamed")
    before = exported(person)

    for send in (box, unbox, box):
        assert send(operator, person).status == 200
        again = operator.send("rename-person", fields, Idempotency_Key=done)
        assert (again.status, again.body) == (first.status, first.body)
        operator.send("rename-person", fields, Idempotency_Key=refused).refused(422, "not_renamed")
        other = fields | {"last_name": "Queen"}
        reused = operator.send("rename-person", other, Idempotency_Key=done)
        reused.refused(422, "command_id_reused")

    assert unbox(operator, person).status == 200
    assert exported(person) == before


def test_commands_hold_nothing_while_boxed_and_the_same_text_afterwards(operator: Api) -> None:
    person = renamed_person(operator, 2)
    before = commands_of(person)

    box(operator, person)
    blank = commands_of(person)
    unbox(operator, person)

    assert set(blank.values()) == {"{}"}
    assert commands_of(person) == before
    assert "{}" not in before.values()


def commands_of(person: str) -> dict[UUID, str]:
    """The content of each command that the aggregate's own history is made of."""
    rows = StoredCommand.objects.filter(aggregate_id=person).exclude(type__in=OF_COLD_STORAGE)
    return dict(rows.values_list("id", "data"))


def test_boxed_twice_it_has_two_files_and_comes_back_from_the_second(operator: Api) -> None:
    person = boxed_person(operator)
    first = file_of(person)
    unbox(operator, person)
    rename(operator, person)
    before = exported(person)

    assert box(operator, person).status == 200
    second = file_of(person)
    assert unbox(operator, person).status == 200

    assert exported(person) == before
    assert first != second
    assert first.exists()
    assert second.exists()


def test_a_copy_in_another_process_is_not_believed_after_an_unbox(
    operator: Api, application: Application, tenant: Tenant
) -> None:
    person = UUID(renamed_person(operator, 2))
    actor = Actor(tenant_id=tenant.id, user="mary", role=Role.MEMBER)
    other = build_application()
    other.bus.send(renaming(person, "Kept"), actor=actor)
    entry = other.cache.get(tenant.id, Person.category, person)
    assert entry is not None
    entry.state.last_name = "Tampered"
    box(operator, str(person))
    unbox(operator, str(person))

    # Of the tampered copy this would be no renaming.
    result = other.bus.send(renaming(person, "Tampered"), actor=actor)

    assert result.version == 5


def renaming(person: UUID, last_name: str) -> RenamePerson:
    return RenamePerson(aggregate_id=person, first_name="Ada", last_name=last_name)


def test_a_snapshot_that_comes_late_lands_neither_on_the_box_nor_after_it(
    operator: Api, application: Application, tenant: Tenant
) -> None:
    person = UUID(renamed_person(operator, 2))
    loaded = application.loader.load(tenant.id, Person, person)
    assert loaded is not None
    late = (Person, tenant.id, person, loaded.head, loaded.aggregate.state)

    box(operator, str(person))
    assert application.snapshots.take(*late) is False
    assert not Snapshot.objects.exists()
    unbox(operator, str(person))
    assert application.snapshots.take(*late) is False
