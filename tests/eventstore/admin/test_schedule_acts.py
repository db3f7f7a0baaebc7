"""Schedules in the admin: run now, cancelled, and sent by the form of a command."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry

from eventstore.errors import NotCancellable
from eventstore.models import StoredCommand, StoredEvent
from ledger.persons.commands import RegisterPerson
from tests.eventstore.admin.history_pages import words
from tests.eventstore.admin.support import (
    errors_by_field,
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


@pytest.fixture(autouse=True)
def mary_is_there(mary):
    """Her commands are done in her name, so she has to exist."""


def test_an_operator_makes_it_due_at_once_and_a_worker_does_it(operator, world):
    command = schedule(world)
    page = f"{LOG}{command.pk}/"
    address = link(text_of(operator, page), "Run this command now")
    asked = words(text_of(operator, address))
    assert "It is not done here: the next worker that is free does it" in asked
    answer = submit(operator, address, REASON, follow=True)
    assert answer.redirect_chain == [(page, 302)]
    assert "It is due now: the next worker that is free does it." in answer.content.decode()
    assert StoredEvent.objects.count() == 0
    assert world.application.scheduling.run_due() == 1
    html = text_of(operator, page)
    assert "Made due at once. Reason: Ada asked for it." in html
    assert "Run this command now" not in html
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_repr) == (
        "olive",
        f"command {command.pk}: {command}",
    )


def test_an_operator_cancels_it_for_ever(operator, world):
    command = schedule(world)
    page = f"{LOG}{command.pk}/"
    address = link(text_of(operator, page), "Cancel this command")
    assert "will never be done" in words(text_of(operator, address))
    answer = submit(operator, address, REASON, follow=True)
    assert "It is cancelled" in answer.content.decode()
    assert world.application.scheduling.run_due(now=LATER) == 0
    command.refresh_from_db()
    assert (command.status, command.result) == (
        "cancelled",
        {"cancelled_by": "olive", "reason": "Ada asked for it."},
    )
    assert "Cancelled. Reason: Ada asked for it." in text_of(operator, page)
    assert links_to(text_of(operator, SCHEDULES), "storedcommand") == []


@pytest.mark.parametrize("act", ["run-now", "cancel"])
def test_an_act_takes_a_reason(operator, world, act):
    command = schedule(world)
    answer = submit(operator, f"{LOG}{command.pk}/{act}/", {"reason": " "})
    assert answer.status_code == 400
    assert errors_by_field(answer.content.decode()) == {"reason": "Reason is required"}
    command.refresh_from_db()
    assert (command.status, command.due_at) == ("scheduled", LATER)
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("act", ["run-now", "cancel"])
def test_what_is_over_is_told_and_not_on_record(operator, world, act):
    done = schedule(world, PAST)
    world.application.scheduling.run_due()
    address = f"{LOG}{done.pk}/{act}/"
    assert "It does not wait any more" in operator.get(address, follow=True).content.decode()
    command = schedule(world)
    form = submit(operator, f"{LOG}{command.pk}/{act}/", {"reason": ""})
    StoredCommand.objects.filter(pk=command.pk).update(status="completed")
    fields = form.wsgi_request.POST.dict() | REASON
    answer = operator.post(f"{LOG}{command.pk}/{act}/", fields, follow=True)
    assert "It does not wait any more" in answer.content.decode()
    assert not LogEntry.objects.exists()


def test_a_cancel_that_a_worker_was_faster_than_is_not_on_record(operator, world, monkeypatch):
    """Between the page's look at the command and the act itself."""
    command = schedule(world)
    scheduling = world.application.scheduling
    cancel = scheduling.cancel

    def too_late(*arguments, **named):
        StoredCommand.objects.filter(pk=command.pk).update(status="completed")
        with pytest.raises(NotCancellable):
            cancel(*arguments, **named)
        raise NotCancellable(command.id, "completed")

    monkeypatch.setattr(scheduling, "cancel", too_late)
    answer = submit(operator, f"{LOG}{command.pk}/cancel/", REASON, follow=True)
    assert "It does not wait any more" in answer.content.decode()
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("act", ["run-now", "cancel"])
def test_only_operators_of_its_tenant_act(auditor, mary, world, act):
    address = f"{LOG}{schedule(world).pk}/{act}/"
    for method in (auditor.get, auditor.post):
        refused = method(address, REASON)
        assert refused.status_code == 403
        assert "Ask an operator of your tenant" in refused.content.decode()
    assert mary.get(address).status_code == 404
    stranger = staff("olga", None)
    unknown = stranger.get(f"{LOG}999999/{act}/")
    assert (stranger.get(address).status_code, unknown.status_code) == (404, 404)
    now = StoredCommand.objects.get()
    assert (now.status, now.due_at) == ("scheduled", LATER)


def test_a_command_that_was_never_for_later_has_no_such_page(operator, world):
    world.person()
    command = StoredCommand.objects.get()
    assert operator.get(f"{LOG}{command.pk}/cancel/").status_code == 404


# The form ----------------------------------------------------------------------------------------


def test_the_form_keeps_a_command_for_later(mary, world):
    answer = submit(mary, FORM, ADA | {"at": "2999-12-31T13:00+01:00"})
    told = words(answer.content.decode())
    assert answer.status_code == 200
    assert "register-person is kept for later" in told
    assert "It is due at 2999-12-31T12:00:00.000000Z" in told
    command = StoredCommand.objects.get()
    assert (command.status, command.due_at, command.user) == ("scheduled", LATER, "mary")
    assert StoredEvent.objects.count() == 0


def test_the_same_form_sent_twice_keeps_it_once(mary, world):
    fields = ADA | {"at": "2999-12-31T12:00Z"}
    sent = submit(mary, FORM, fields).wsgi_request.POST.dict()
    told = words(mary.post(FORM, sent).content.decode())
    assert "the command was kept before, and was not kept again" in told
    assert StoredCommand.objects.count() == 1
    other = words(mary.post(FORM, sent | {"at": "2999-12-31T12:01Z"}).content.decode())
    assert "command_id_reused" in other


def test_a_time_without_its_offset_stands_beside_its_field_with_all_others(mary, world):
    answer = submit(mary, FORM, ADA | {"at": "2999-12-31T12:00", "field-first_name": ""})
    assert answer.status_code == 400
    errors = errors_by_field(answer.content.decode())
    assert set(errors) == {"at", "field-first_name"}
    assert "with its offset" in errors["at"]
    assert StoredCommand.objects.count() == 0


def test_a_blank_time_is_at_once(mary, world):
    told = words(submit(mary, FORM, ADA | {"at": " "}).content.decode())
    assert "register-person is done" in told
    assert StoredEvent.objects.count() == 1


def test_the_form_of_a_command_with_a_secret_has_no_time(mary, world):
    assert 'name="at"' in text_of(mary, FORM)
    assert 'name="at"' not in text_of(mary, f"{LOG}send/acme/start-user-registration/")
