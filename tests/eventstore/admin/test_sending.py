"""Commands sent by their forms: as over the API, once, and with every error beside its field."""

from html import unescape
from uuid import UUID, uuid4, uuid5

import pytest

from eventstore.errors import Busy, CorruptStream, EventTooLarge, OutcomeUnknown, ProjectionFailed
from eventstore.models import StoredCommand, StoredEvent, StoredStream
from eventstore.throttling import Throttle
from projections.models import AccountSummary, PersonSummary
from tests.eventstore.admin.support import (
    errors_by_field,
    hidden,
    last_command,
    link,
    staff,
    submit,
    text_of,
)
from tests.eventstore.support import at_once, stored_counts

COMMANDS = "/admin/eventstore/storedcommand/"
SEND = f"{COMMANDS}send/"
REGISTER = f"{SEND}acme/register-person/"
ADA = {"field-first_name": "Ada", "field-last_name": "Lovelace"}


def fields(**values):
    return {f"field-{name}": str(value) for name, value in values.items()}


def counts():
    return (*stored_counts(), PersonSummary.objects.count())


# The way to a form -------------------------------------------------------------------------------


def test_the_choice_leads_to_the_form_of_a_command(mary, application):
    assert link(text_of(mary, COMMANDS), "Send a command") == SEND
    html = text_of(mary, SEND)
    assert 'value="acme"' in html  # Mary's only tenant
    for command_type in application.commands.offered():
        assert f'<option value="{command_type.name}">' in html
    answer = mary.get(SEND, {"tenant": "acme", "command": "register-person"})
    assert (answer.status_code, answer["Location"]) == (302, REGISTER)


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({"tenant": "umbrella", "command": "register-person"}, ["tenant"]),
        ({"tenant": "", "command": "nonsense"}, ["tenant", "command"]),
        ({"tenant": "a\0", "command": "\0"}, ["tenant", "command"]),
    ],
)
def test_a_choice_that_is_none_says_what_is_wrong(mary, other_tenant, query, errors):
    assert list(errors_by_field(mary.get(SEND, query).content.decode())) == errors


def test_a_form_has_the_fields_of_the_registered_class(mary):
    html = text_of(mary, f"{SEND}acme/deposit-money/")
    labels = [
        (name, need)
        for name, need in zip(
            ("aggregate_id", "amount", "booked_on", "reference"),
            ("required", "required", "optional", "optional"),
            strict=True,
        )
        if f'>{name} <span class="es-need">{need}</span>' in html
    ]
    assert len(labels) == 4
    assert "Pay <code>amount</code> in." in html
    assert "A day, such as 1994-03-31." in html
    assert 'name="expected_version"' in html


# Done --------------------------------------------------------------------------------------------


def test_a_command_sent_by_its_form_is_done_as_over_the_api(operator, tenant, api):
    answer = submit(operator, REGISTER, ADA)
    html = answer.content.decode()
    assert answer.status_code == 200
    command, stream = StoredCommand.objects.get(), StoredStream.objects.get()
    assert (command.user, command.type, command.status) == (
        "olive",
        "register-person",
        "completed",
    )
    assert stream.aggregate_id == uuid5(tenant.pk, str(command.id))
    assert link(html, f"person-{stream.aggregate_id}") == (
        f"/admin/eventstore/storedstream/{stream.pk}/"
    )
    assert link(html, str(command.id)) == f"{COMMANDS}{command.pk}/"
    # The same content under the same id over the API: the same answer, so the same fingerprint.
    fields = {"first_name": "Ada", "last_name": "Lovelace"}
    again = api.send("register-person", fields, Idempotency_Key=str(command.id))
    assert (again.status, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert PersonSummary.objects.get().name == "Ada Lovelace"


def test_blank_optional_fields_are_left_out(mary, world):
    account_id = world.account()
    fields_sent = fields(aggregate_id=f" {account_id} ", amount="5", booked_on="  ", reference="")
    submit(mary, f"{SEND}acme/deposit-money/", fields_sent)
    assert AccountSummary.objects.get().balance == 5
    assert '"booked_on":null,"reference":""' in last_command(world.actor).data.replace(" ", "")


def test_a_form_sent_twice_happens_once_and_says_so(mary):
    sent = hidden(text_of(mary, REGISTER)) | ADA
    first, second = mary.post(REGISTER, sent), mary.post(REGISTER, sent)
    assert "This is a repeated answer" not in first.content.decode()
    assert "This is a repeated answer" in second.content.decode()
    assert str(StoredStream.objects.get().aggregate_id) in second.content.decode()
    assert counts() == (1, 1, 1, 1)


def test_a_double_click_happens_once(mary):
    sent = hidden(text_of(mary, REGISTER)) | ADA
    answers = at_once(*[lambda: mary.post(REGISTER, sent).status_code] * 4)
    assert answers == [200] * 4
    assert counts() == (1, 1, 1, 1)


def test_a_member_gets_no_link_to_a_timeline_they_may_not_open(mary):
    html = submit(mary, REGISTER, ADA).content.decode()
    stream, command = StoredStream.objects.get(), StoredCommand.objects.get()
    assert f"person-{stream.aggregate_id}" in html
    assert "/storedstream/" not in html.partition("<main")[2]
    assert mary.get(link(html, str(command.id))).status_code == 200


# Not done ----------------------------------------------------------------------------------------


def test_every_wrong_field_has_its_error_and_keeps_what_was_typed(mary, world):
    wrong = fields(aggregate_id="x", amount="1.234", booked_on="31.3.1994") | {
        "expected_version": "-1"
    }
    address = f"{SEND}acme/deposit-money/"
    before = counts()
    page = text_of(mary, address)
    answer = mary.post(address, hidden(page) | wrong)
    html = answer.content.decode()
    assert answer.status_code == 400
    errors = errors_by_field(html)
    assert list(errors) == [
        "field-aggregate_id",
        "field-amount",
        "field-booked_on",
        "expected_version",
    ]
    assert errors["field-aggregate_id"].startswith("aggregate_id must be a UUID")
    for text in wrong.values():
        assert f'value="{text}"' in html
    # Nothing was stored, so the id is still free for what is mended.
    assert hidden(html)["command_id"] == hidden(page)["command_id"]
    assert counts() == before


def test_a_refusal_is_shown_with_its_code_and_stored(mary, world):
    account_id = world.account("1.00")
    address = f"{SEND}acme/withdraw-money/"
    sent = hidden(text_of(mary, address)) | fields(aggregate_id=account_id, amount="2")
    answer = mary.post(address, sent)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert '<span class="es-code">insufficient_funds</span>' in html
    assert "Deposit money first, or withdraw less." in html
    assert "repeated answer" not in html
    assert last_command(world.actor).status == "refused"
    assert "repeated answer" in mary.post(address, sent).content.decode()
    # The refusal has taken the id; the mended form goes under another one.
    mended = hidden(html) | fields(aggregate_id=account_id, amount="1")
    assert mended["command_id"] != sent["command_id"]
    assert mary.post(address, mended).status_code == 200


def test_an_unknown_aggregate_is_not_found(mary):
    sent = fields(aggregate_id=uuid4(), first_name="A", last_name="B")
    answer = submit(mary, f"{SEND}acme/rename-person/", sent)
    assert answer.status_code == 404
    assert ">not_found</span>" in answer.content.decode()


def test_an_id_used_for_other_content_gets_a_new_one(mary):
    sent = hidden(text_of(mary, REGISTER)) | ADA
    mary.post(REGISTER, sent)
    other = sent | {"field-first_name": "Grace"}
    answer = mary.post(REGISTER, other)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "command_id_reused" in html
    assert counts() == (1, 1, 1, 1)
    assert mary.post(REGISTER, other | hidden(html)).status_code == 200
    assert counts() == (2, 2, 2, 2)


def test_an_expected_version_is_kept(mary, world):
    person_id = world.person()
    address = f"{SEND}acme/rename-person/"
    sent = fields(aggregate_id=person_id, first_name="B", last_name="C")
    answer = submit(mary, address, sent | {"expected_version": "7"})
    assert answer.status_code == 412
    assert "stale_version" in answer.content.decode()
    assert submit(mary, address, sent | {"expected_version": "1"}).status_code == 200


def test_a_role_that_may_not_send_is_told_so(tenant):
    client = staff("audrey", tenant, "auditor")
    client.handler.enforce_csrf_checks = False
    assert "You are a member or operator of no tenant" in text_of(client, SEND)
    for answer in (client.get(REGISTER), client.post(REGISTER, ADA | {"command_id": uuid4()})):
        assert answer.status_code == 403
        assert (
            "You may not send register-person in acme as auditor; it takes member or operator."
            in answer.content.decode()
        )
    assert counts() == (0, 0, 0, 0)


def test_what_the_user_may_do_is_asked_when_the_form_is_sent(mary, tenant):
    sent = hidden(text_of(mary, REGISTER)) | ADA
    tenant.membership_set.all().delete()
    assert mary.post(REGISTER, sent).status_code == 404
    assert counts() == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Busy("x"), 503),
        (OutcomeUnknown(UUID(int=1)), 503),
        (ProjectionFailed("x", 1), 503),
        (EventTooLarge("x", 2, 1), 413),
        (CorruptStream("x", 2, 1), 500),
    ],
)
def test_what_goes_wrong_behind_the_form_is_told(application, mary, monkeypatch, error, status):
    """A fault of ours is a 500 and in the log, everything else keeps the form and its id."""

    def fail(command, **options):
        raise error

    monkeypatch.setattr(application.bus, "send", fail)
    page = text_of(mary, REGISTER)
    answer = mary.post(REGISTER, hidden(page) | ADA)
    assert answer.status_code == status
    if status != 500:
        html = unescape(answer.content.decode())
        assert str(error) in html
        assert hidden(html)["command_id"] == hidden(page)["command_id"]
        assert 'value="Ada"' in html
    assert not StoredEvent.objects.exists()


def test_who_sends_too_much_has_to_wait(application, mary, monkeypatch):
    monkeypatch.setattr(
        application, "throttle", Throttle(application.database, calls_per_minute=1)
    )
    assert submit(mary, REGISTER, ADA).status_code == 200
    answer = submit(mary, REGISTER, ADA)
    assert answer.status_code == 429
    assert "rate_limited" in answer.content.decode()
    assert counts() == (1, 1, 1, 1)
