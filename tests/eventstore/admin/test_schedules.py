"""The page of schedules: what is to be done later, run now, cancelled; and sent by the form."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from eventstore.admin.paging import PAGE_SIZE
from eventstore.models import StoredCommand
from ledger.persons.commands import RegisterPerson, RenamePerson
from tests.eventstore.admin.conftest import HOSTILE
from tests.eventstore.admin.history_pages import words
from tests.eventstore.admin.support import (
    link,
    links_to,
    staff,
    submit,
    text_of,
)
from tests.eventstore.support import World

LOG = "/admin/eventstore/storedcommand/"
SCHEDULES = f"{LOG}schedules/"
FORM = f"{LOG}send/acme/register-person/"
LATER = datetime(2999, 12, 31, 12, tzinfo=UTC)
PAST = datetime(1999, 12, 31, 12, tzinfo=UTC)
REASON = {"reason": "Ada asked for it."}
ADA = {"field-first_name": "Ada", "field-last_name": "King", "field-aggregate_id": ""}


def schedule(world: World, at: datetime = LATER, first_name: str = "Ada") -> StoredCommand:
    """Ada's registration, at this time, by Mary."""
    command = RegisterPerson(aggregate_id=uuid4(), first_name=first_name, last_name="King")
    result = world.application.scheduling.schedule(command, at=at, actor=world.actor)
    return StoredCommand.objects.get(id=result.command_id)


def give_up(world: World) -> StoredCommand:
    """A command for later that was set aside: each runner that tried it ended before its end."""
    rename = RenamePerson(aggregate_id=world.person(), first_name="A", last_name="B")
    scheduling = world.application.scheduling
    result = scheduling.schedule(rename, at=PAST, actor=world.actor)
    rows = StoredCommand.objects.filter(id=result.command_id)
    rows.update(attempts=5, lease_until=PAST)
    assert scheduling.run_due() == 0
    return rows.get()


@pytest.fixture(autouse=True)
def mary_is_there(mary):
    """Her commands are done in her name, so she has to exist."""


def row(html, command):
    """What a reader sees of a command in the list."""
    told = words(html.partition(f"{LOG}{command.pk}/")[2].partition("</tr>")[0])
    return told.replace("\u2013", "-")


# The list ----------------------------------------------------------------------------------------


def test_what_is_to_be_done_is_listed_oldest_due_first(operator, world):
    late, soon = schedule(world), schedule(world, LATER - timedelta(days=1))
    overdue = schedule(world, PAST)
    world.person()
    html = text_of(operator, SCHEDULES)
    assert links_to(html, "storedcommand") == [overdue.pk, soon.pk, late.pk]
    assert "scheduled acme mary 0 - - Run now" in row(html, late)
    assert "pending acme mary 0 - - Run now" in row(html, overdue)
    assert "Cancel" in row(html, late)
    assert "Cancel" not in row(html, overdue)  # It may be at work already.
    assert "2999-12-31T12:00:00Z" in html
    assert 'aria-current="true">Schedules</a>' in html


def test_what_holds_a_command_up_and_why_is_shown(operator, world):
    command = schedule(world, PAST)
    held = datetime(2998, 1, 1, tzinfo=UTC)
    StoredCommand.objects.filter(pk=command.pk).update(
        attempts=2,
        lease_until=held,
        code="internal",
        result={"detail": "An unexpected error.", "error": f"ValueError: {HOSTILE}"},
    )
    html = text_of(operator, SCHEDULES)
    told = row(html, command)
    assert f"internal acme mary 2 2998-01-01T00:00:00Z ValueError: {HOSTILE}" in told
    assert HOSTILE not in html
    StoredCommand.objects.filter(pk=command.pk).update(lease_until=Now())
    assert f"2 - ValueError: {HOSTILE}" in row(text_of(operator, SCHEDULES), command)


def test_what_is_set_aside_has_a_list_of_its_own_and_can_be_retried(operator, world):
    schedule(world)
    html = text_of(operator, SCHEDULES)
    assert "set aside</a>" not in html
    command = give_up(world)
    html = text_of(operator, SCHEDULES)
    assert link(html, "1 set aside") == "?standing=set-aside"
    assert command.pk not in links_to(html, "storedcommand")
    html = text_of(operator, f"{SCHEDULES}?standing=set-aside")
    assert links_to(html, "storedcommand") == [command.pk]
    assert "failed fatal acme mary 5" in row(html, command)
    assert f'href="{LOG}{command.pk}/retry/"' in html

    answer = submit(operator, f"{LOG}{command.pk}/retry/", REASON, follow=True)
    assert "It is due now, with all its attempts" in answer.content.decode()
    assert world.application.scheduling.run_due() == 1
    command.refresh_from_db()
    assert (command.status, command.code, command.attempts) == ("completed", "", 1)
    told = words(text_of(operator, f"{LOG}{command.pk}/"))
    assert "Retried. Reason: Ada asked for it." in told


def test_a_long_list_goes_by_time_and_number_in_both_directions(operator, world):
    """Many at one time: the number decides."""
    first = schedule(world, LATER)
    StoredCommand.objects.bulk_create(
        StoredCommand(
            tenant_id=first.tenant_id,
            id=uuid4(),
            type="register-person",
            data="{}",
            fingerprint=b"",
            aggregate_id=uuid4(),
            user="mary",
            correlation_id=uuid4(),
            status="scheduled",
            due_at=LATER - timedelta(hours=number // 40),
            received_at=LATER,
        )
        for number in range(2 * PAGE_SIZE + 10)
    )
    expected = list(
        StoredCommand.objects.order_by("due_at", "number").values_list("number", flat=True)
    )
    html = text_of(operator, SCHEDULES)
    seen = links_to(html, "storedcommand")
    # What the cursor stands on may be done before the next page is opened.
    StoredCommand.objects.filter(pk=seen[-1]).update(status="completed")
    pages = [html]
    while following := link(pages[-1], "Later"):
        pages.append(text_of(operator, SCHEDULES + following))
        seen += links_to(pages[-1], "storedcommand")
    assert seen == expected
    assert len(pages) == 3
    back = text_of(operator, SCHEDULES + str(link(pages[-1], "Earlier")))
    assert links_to(back, "storedcommand") == expected[PAGE_SIZE : 2 * PAGE_SIZE]


def test_auditors_read_it_members_and_strangers_do_not(auditor, mary, world, elsewhere):
    command = schedule(world)
    schedule(elsewhere, first_name="Otto")
    html = text_of(auditor, SCHEDULES)
    assert links_to(html, "storedcommand") == [command.pk]
    assert "Run now" not in html
    assert "Cancel" not in html
    assert "You are an auditor or operator in no tenant" in text_of(mary, SCHEDULES)
    umbrella = staff("olga", None)
    assert links_to(text_of(umbrella, SCHEDULES), "storedcommand") == []


def test_filters_narrow_it_and_wrong_ones_are_told(operator, world):
    command = schedule(world)
    for query in ("tenant=acme", "type=register-person", ""):
        assert links_to(text_of(operator, f"{SCHEDULES}?{query}"), "storedcommand") == [command.pk]
    assert "Nothing fits these filters" in text_of(operator, f"{SCHEDULES}?type=rename-person")
    assert "Nothing is shown" in text_of(operator, f"{SCHEDULES}?standing=done")
    assert "Nothing is shown" in text_of(operator, f"{SCHEDULES}?tenant=umbrella")
    # A cursor that nobody knows is none.
    html = text_of(operator, f"{SCHEDULES}?after=999999")
    assert links_to(html, "storedcommand") == [command.pk]
