"""Aggregates taken offline and back by a form: a command with a reason, once, or told why not."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from eventstore.application import get_application
from eventstore.models import Box, StoredCommand, StoredEvent
from ledger.persons.commands import RenamePerson
from tests.eventstore.admin.box_pages import boxed, page, stream_of, timeline, unbox
from tests.eventstore.admin.history_pages import part, words
from tests.eventstore.admin.stuck import broken_rows, start
from tests.eventstore.admin.support import errors_by_field, hidden, link, staff, submit, text_of
from tests.eventstore.boxes.support import exported
from tests.eventstore.support import at_once

COMMANDS = "/admin/eventstore/storedcommand/"
WHY = {"reason": "the contract has ended"}
BOX, UNBOX = "Box this aggregate", "Unbox this aggregate"


@pytest.fixture
def person(world):
    """The stream of Ada, who was renamed once."""
    person_id = world.person("Ada", "Lovelace")
    world.send(RenamePerson(aggregate_id=person_id, first_name="Ada", last_name="King"))
    return stream_of(person_id)


def scheduled(world, person):
    """A command that the person waits for, in a year."""
    command_id = uuid4()
    world.application.scheduling.schedule(
        RenamePerson(aggregate_id=person.aggregate_id, first_name="Ada", last_name="Later"),
        actor=world.actor,
        command_id=command_id,
        at=datetime.now(UTC) + timedelta(days=365),
    )
    return StoredCommand.objects.get(id=command_id)


def box_commands():
    return StoredCommand.objects.filter(type__in=("box-aggregate", "unbox-aggregate"))


# There and back ----------------------------------------------------------------------------------


def test_an_operator_boxes_an_aggregate_and_brings_it_back(operator, person):
    before = exported(str(person.aggregate_id))
    way = link(text_of(operator, timeline(person)), BOX)
    assert way == timeline(person, "box/")
    assert f"All events of {person} in acme (2)" in words(text_of(operator, way))
    answer = submit(operator, way, WHY, follow=True)
    assert answer.redirect_chain == [(timeline(person), 302)]
    told = words(answer.content.decode())
    assert f"The person {person.aggregate_id} is in cold storage: 2 events in" in told
    assert not StoredEvent.objects.filter(stream=person).exists()
    sent = box_commands().get()
    assert (sent.user, sent.status) == ("olive", "completed")
    assert '"reason":"the contract has ended"' in sent.data

    way = link(answer.content.decode(), UNBOX)
    assert way == timeline(person, "unbox/")
    answer = submit(operator, way, {"reason": "it goes on"}, follow=True)
    assert answer.redirect_chain == [(timeline(person), 302)]
    html = answer.content.decode()
    assert "is back from cold storage: 2 events." in words(html)
    assert "King" in part(html, 2)
    assert exported(str(person.aggregate_id)) == before
    assert [each.user for each in box_commands()] == ["olive", "olive"]


def test_a_boxed_stream_says_where_its_events_are_since_when_and_why(operator, auditor, world):
    one = boxed(world, renames=1)
    for client, tells, way in (
        (operator, "Unbox it here", timeline(one.stream, "unbox/")),
        (auditor, "An operator can unbox it", None),
    ):
        html = text_of(client, timeline(one.stream))
        told = words(html)
        assert f"{one.boxed_at:%Y-%m-%dT%H:%M:%S}Z By olive Reason the contract has ended" in told
        assert "its 2 events lie in the box above." in told
        assert tells in told
        assert f"manage.py unbox {one.stream}" in told
        assert link(html, one.path) == page(one)
        assert (link(html, UNBOX), link(html, BOX)) == (way, None)
        assert "Last snapshot" not in told


def test_what_was_asked_lies_in_the_box_and_a_command_s_page_says_so(auditor, mary, world):
    one = boxed(world)
    command = StoredCommand.objects.get(type="register-person")
    address = f"{COMMANDS}{command.pk}/"
    html = text_of(auditor, address)
    assert "What was asked lies in the box of its aggregate" in html
    assert link(html, one.path) == page(one)
    assert '<pre class="es-json">{}</pre>' not in html
    of_her_own = text_of(mary, address)
    assert "What was asked lies in the box of its aggregate" in of_her_own
    assert one.path not in of_her_own
    unbox(world, one)
    html = text_of(auditor, address)
    assert "Lovelace" in html
    assert "lies in the box" not in html


def test_a_command_that_asked_nothing_shows_just_that(auditor, world):
    world.person()
    StoredCommand.objects.update(data="{}")
    html = text_of(auditor, f"{COMMANDS}{StoredCommand.objects.get().pk}/")
    assert '<pre class="es-json">{}</pre>' in html


# Once --------------------------------------------------------------------------------------------


def test_a_form_sent_twice_boxes_once_and_gets_the_same_answer(operator, person):
    sent = hidden(text_of(operator, timeline(person, "box/"))) | WHY
    answers = [operator.post(timeline(person, "box/"), sent, follow=True) for _ in "12"]
    first, second = [words(answer.content.decode()) for answer in answers]
    for told in (first, second):
        assert f"The person {person.aggregate_id} is in cold storage: 2 events in" in told
    assert box_commands().count() == Box.objects.count() == 1


def test_a_double_click_boxes_once(operator, person):
    address = timeline(person, "box/")
    sent = hidden(text_of(operator, address)) | WHY
    answers = at_once(*[lambda: operator.post(address, sent).status_code] * 4)
    assert answers == [302] * 4
    assert Box.objects.count() == 1


def test_a_page_that_came_too_late_leads_to_the_stream_and_says_so(operator, world, person):
    answer = operator.get(timeline(person, "unbox/"), follow=True)
    assert answer.redirect_chain == [(timeline(person), 302)]
    assert "It is not in cold storage, as below." in answer.content.decode()
    one = boxed(world)
    answer = operator.get(timeline(one.stream, "box/"), follow=True)
    assert "It is in cold storage already, as below." in answer.content.decode()
    assert box_commands().count() == 1


def test_who_boxes_what_somebody_else_has_boxed_meanwhile_is_told(operator, world, person):
    html = text_of(operator, timeline(person, "box/"))
    submit(operator, timeline(person, "box/"), WHY)
    answer = operator.post(timeline(person, "box/"), hidden(html) | WHY, follow=True)
    assert "is in cold storage already." in answer.content.decode()
    assert Box.objects.count() == 1


# Refused -----------------------------------------------------------------------------------------


def test_what_is_pending_is_listed_and_the_form_can_be_sent_again(operator, world, person):
    waiting = scheduled(world, person)
    answer = submit(operator, timeline(person, "box/"), WHY)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert '<span class="es-code">pending_work</span>' in html
    assert f"<li>command rename-person is scheduled, due {waiting.due_at:%Y-%m-%d}" in html
    assert html.count("<li>command") == 1
    assert f'href="{COMMANDS}schedules/?tenant=acme"' in html
    assert 'value="the contract has ended"' in html
    assert StoredEvent.objects.filter(stream=person).count() == 2
    world.application.scheduling.cancel(
        world.actor.tenant_id, waiting.id, user="olive", reason="it ends"
    )
    again = operator.post(timeline(person, "box/"), hidden(html) | WHY, follow=True)
    assert "is in cold storage: 2 events" in again.content.decode()


def test_the_same_refusal_again_says_that_it_is_repeated(operator, world, person):
    scheduled(world, person)
    sent = hidden(text_of(operator, timeline(person, "box/"))) | WHY
    first, second = [operator.post(timeline(person, "box/"), sent) for _ in "12"]
    assert "repeated answer" not in first.content.decode()
    assert "repeated answer" in second.content.decode()
    assert "rename-person is scheduled" in second.content.decode()
    assert box_commands().count() == 1


def test_an_open_transfer_is_named(operator, world):
    source, target = world.account("5.00"), world.account()
    with broken_rows():
        transfer_id = start(world, source, target, "1.00")
        answer = submit(operator, timeline(stream_of(source), "box/"), WHY)
    assert answer.status_code == 409
    assert f"<li>transfer {transfer_id} waits for" in answer.content.decode()


def test_a_damaged_file_is_refused_and_nothing_changes(operator, world):
    one = boxed(world)
    path = get_application().cold_storage.root / one.path
    path.write_bytes(path.read_bytes().replace(b"Ada", b"Eda"))
    answer = submit(operator, timeline(one.stream, "unbox/"), WHY)
    assert answer.status_code == 422
    told = words(answer.content.decode())
    assert f"box_damaged The box {one.path} cannot be used" in told
    assert Box.objects.get().unboxed_at is None
    assert not StoredEvent.objects.exists()


def test_where_cold_storage_cannot_be_written_nothing_is_stored(operator, person):
    root = get_application().cold_storage.root
    root.write_text("no folder")
    html = text_of(operator, timeline(person, "box/"))
    try:
        answer = operator.post(timeline(person, "box/"), hidden(html) | WHY)
    finally:
        root.unlink()
    assert answer.status_code == 503
    told = words(answer.content.decode())
    assert "Cold storage: cannot write" in told
    assert "Nothing was stored." in told
    again = hidden(answer.content.decode())
    assert again["command_id"] == hidden(html)["command_id"]
    assert not box_commands().exists()
    assert StoredEvent.objects.filter(stream=person).count() == 2


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({"reason": " "}, ["reason"]),
        ({"reason": "x" * 201}, ["reason"]),
        ({"command_id": "1"}, []),
    ],
)
def test_what_is_wrong_in_the_form_is_said_and_nothing_is_sent(operator, person, sent, wrong):
    answer = submit(operator, timeline(person, "box/"), WHY | sent)
    assert answer.status_code == 400
    assert list(errors_by_field(answer.content.decode())) == wrong
    assert "Nothing was done." in answer.content.decode()
    assert not box_commands().exists()


def test_the_generic_form_boxes_as_well_and_shows_what_came_of_it(operator, person, world):
    address = f"{COMMANDS}send/acme/box-aggregate/"
    fields = {
        "field-aggregate_id": str(person.aggregate_id),
        "field-category": "person",
        "field-reason": "the contract has ended",
    }
    waiting = scheduled(world, person)
    answer = submit(operator, address, fields)
    assert answer.status_code == 409
    assert "<li>command rename-person is scheduled" in answer.content.decode()
    world.application.scheduling.cancel(
        world.actor.tenant_id, waiting.id, user="olive", reason="it ends"
    )
    told = words(submit(operator, address, fields).content.decode())
    assert "completed The person" in told
    assert "is in cold storage: 2 events in" in told
    assert "It changed nothing" not in told


# For whom ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["box/", "unbox/"])
def test_an_auditor_may_not_and_for_a_member_there_is_nothing(tenant, person, act):
    address = timeline(person, act)
    auditor, member = staff("audrey", tenant, "auditor"), staff("max", tenant)
    for client, status in ((auditor, 403), (member, 404)):
        client.handler.enforce_csrf_checks = False
        assert client.get(address).status_code == status
        sent = WHY | {"command_id": str(uuid4())}
        assert client.post(address, sent).status_code == status
    assert link(text_of(auditor, timeline(person)), BOX) is None
    assert not box_commands().exists()


@pytest.mark.parametrize("act", ["box/", "unbox/"])
def test_an_operator_of_another_tenant_finds_nothing(other_tenant, person, act):
    olga = staff("olga", other_tenant, "operator")
    olga.handler.enforce_csrf_checks = False
    sent = WHY | {"command_id": str(uuid4())}
    assert olga.get(timeline(person, act)).status_code == 404
    assert olga.post(timeline(person, act), sent).status_code == 404
    assert not box_commands().exists()


def test_without_the_token_or_by_get_nothing_is_boxed(operator, person):
    address = timeline(person, "box/")
    sent = hidden(text_of(operator, address)) | WHY
    assert operator.get(address, sent).status_code == 200
    del sent["csrfmiddlewaretoken"]
    assert operator.post(address, sent).status_code == 403
    assert not box_commands().exists()


def test_the_right_is_asked_for_again_when_the_form_is_sent(operator, tenant, person):
    address = timeline(person, "box/")
    sent = hidden(text_of(operator, address)) | WHY
    tenant.membership_set.update(role="auditor")
    assert operator.post(address, sent).status_code == 403
    assert not box_commands().exists()


def test_in_a_tenant_that_is_not_active_not_even_a_superuser_boxes(root, tenant, person):
    type(tenant).objects.update(active=False)
    assert link(text_of(root, timeline(person)), BOX) is None
    assert root.get(timeline(person, "box/")).status_code == 403
