"""Boxes for later, and commands for later that come while a box is made."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from django.db import connections

from eventstore import fault_points
from eventstore.application import Application
from eventstore.models import StoredCommand, Tenant
from tests.eventstore.boxes.support import box, exported, rename, renamed_person, unbox
from tests.http import Api, api_for

LATER = datetime.now(UTC) + timedelta(days=2)


def test_a_box_for_later_is_made_when_it_is_due_and_an_unbox_as_well(
    operator: Api, application: Application
) -> None:
    person = renamed_person(operator, 2)
    before = exported(person)
    fields = {"aggregate_id": person, "category": "person", "reason": "in time"}
    at = quote(LATER.isoformat())

    kept = operator.send(f"box-aggregate?at={at}", fields)
    assert kept.status == 202, kept.raw
    application.scheduling.run_due(now=LATER + timedelta(hours=1))

    assert StoredCommand.objects.get(id=kept.body["command_id"]).status == "completed"
    rename(operator, person).refused(410, "boxed")
    operator.send(f"unbox-aggregate?at={at}", fields)
    application.scheduling.run_due(now=LATER + timedelta(hours=1))
    StoredCommand.objects.filter(status="refused").delete()
    assert exported(person) == before


def test_a_command_put_down_for_later_while_the_box_is_made_keeps_its_content(
    operator: Api, application: Application, tenant: Tenant
) -> None:
    person = renamed_person(operator, 2)
    kept = scheduled_meanwhile(operator, person, tenant)

    assert "Late" in StoredCommand.objects.get(id=kept).data
    application.scheduling.run_due(now=LATER + timedelta(hours=1))
    late = StoredCommand.objects.get(id=kept)
    assert (late.status, late.code, late.data) == ("refused", "boxed", "{}")


def test_a_command_that_was_given_up_is_not_tried_again_while_its_content_is_boxed(
    operator: Api, application: Application, tenant: Tenant
) -> None:
    person = renamed_person(operator, 1)
    fields = {"aggregate_id": person, "first_name": "Ada", "last_name": "Late"}
    kept = operator.send(f"rename-person?at={quote(LATER.isoformat())}", fields)
    command_id = kept.body["command_id"]
    given_up = StoredCommand.objects.filter(id=command_id)
    given_up.update(status="failed", attempts=5)
    assert box(operator, person).status == 200

    assert not application.pending_commands.retry(tenant.id, command_id)

    assert unbox(operator, person).status == 200
    assert application.pending_commands.retry(tenant.id, command_id)
    assert "Late" in given_up.get().data


def scheduled_meanwhile(operator: Api, person: str, tenant: Tenant) -> str:
    """Box a person; once pending work is asked for, another caller schedules a renaming."""
    other, ids = api_for(tenant), []

    def strike(point: str) -> None:
        if point == "box.begun":
            with ThreadPoolExecutor(1) as thread:
                ids.append(thread.submit(schedule).result())

    def schedule() -> str:
        fields = {"aggregate_id": person, "first_name": "Ada", "last_name": "Late"}
        try:
            answer = other.send(f"rename-person?at={quote(LATER.isoformat())}", fields)
            return str(answer.body["command_id"])
        finally:
            connections.close_all()

    fault_points.arm(strike)
    try:
        assert box(operator, person).status == 200
    finally:
        fault_points.arm(None)
    return ids[0]
