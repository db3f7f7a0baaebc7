"""The list of processes, and a process with its steps, what they sent, and what is stuck."""

import re
from datetime import timedelta
from html import escape
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from eventstore.models import ProcessInstance, Reaction, StoredCommand, Tenant
from tests.eventstore.admin.conftest import HOSTILE
from tests.eventstore.admin.history_pages import words
from tests.eventstore.admin.stuck import (
    broken_rows,
    instance_of,
    page_of,
    start,
    transfer,
    with_failed_command,
    with_parked_effect,
)
from tests.eventstore.admin.support import link, links_to, text_of

PROCESSES = "/admin/eventstore/processinstance/"
COMMANDS = "/admin/eventstore/storedcommand/"


def add_instances(tenant, count, **columns):
    """Instances without reactions, which is enough for lists; their keys, oldest first."""
    now = timezone.now()
    whose = {"process": "transfer", "waits_for": "", "started_at": now, "updated_at": now}
    rows = ProcessInstance.objects.bulk_create(
        ProcessInstance(tenant=tenant, instance_id=uuid4(), **whose | columns)
        for _ in range(count)
    )
    return [row.pk for row in rows]


def listed(client, query=""):
    return links_to(text_of(client, f"{PROCESSES}{query}"), "processinstance")


def row(html, transfer_id):
    """What stands in the list beside an instance."""
    rows = html.partition("<tbody>")[2].split("</tr>")
    return words(next(each for each in rows if str(transfer_id) in each))


def test_an_ended_process_shows_its_last_step_and_how_long_it_took(root, world):
    transfer_id = transfer(world)
    told = row(text_of(root, PROCESSES), transfer_id)
    assert re.fullmatch(
        rf"transfer {transfer_id} acme ended . \S+Z took 0\.\d\d s transfer\.completed \S+Z", told
    ), told
    assert link(text_of(root, PROCESSES), "Processes") == PROCESSES


def test_an_open_process_shows_what_it_waits_for_and_since_when(root, world):
    source, target = world.account("100.00"), world.account()
    with broken_rows():
        transfer_id = start(world, source, target)
    told = row(text_of(root, PROCESSES), transfer_id)
    assert f"acme open the debit of account {source}" in told
    assert "under a minute transfer.started" in told
    ProcessInstance.objects.update(started_at=Now() - timedelta(hours=50))
    assert "2\xa0days, 2\xa0hours" in text_of(root, PROCESSES)


def test_what_is_set_aside_shows_in_the_list(root, world, elsewhere, settings):
    stuck = with_failed_command(world)
    unsent = with_parked_effect(elsewhere, settings)
    html = text_of(root, PROCESSES)
    assert "acme open a command was set aside the debit of account" in row(html, stuck)
    assert "umbrella ended an effect was set aside an operator, for what was set aside" in row(
        html, unsent
    )


def test_processes_are_filtered(root, world, elsewhere, settings):
    ended, stuck = transfer(world), with_failed_command(world)
    unsent = with_parked_effect(elsewhere, settings)
    names = {instance_of(key).pk: name for key, name in (
        (ended, "ended"), (stuck, "stuck"), (unsent, "unsent")
    )}  # fmt: skip

    def found(query):
        return {names[key] for key in listed(root, f"?{query}")}

    assert found("standing=open") == {"stuck"}
    assert found("standing=set-aside") == {"stuck", "unsent"}
    assert found("standing=ended") == {"ended", "unsent"}
    assert found("tenant=acme") == {"ended", "stuck"}
    assert found("tenant=acme&standing=set-aside") == {"stuck"}
    assert found("process=transfer") == {"ended", "stuck", "unsent"}
    assert found("process=user-registration") == set()
    assert found("standing=x") == set()
    assert "transfer" in text_of(root, PROCESSES).partition('id="process-suggestions"')[2]


def test_processes_page_by_key_and_neither_count_nor_skip(root, tenant):
    keys = add_instances(tenant, 60)
    with CaptureQueriesContext(connection) as queries:
        first = text_of(root, f"{PROCESSES}?tenant=acme&standing=ended")
        second = text_of(root, PROCESSES + link(first, "Older"))
    seen = links_to(first, "processinstance") + links_to(second, "processinstance")
    assert seen == keys[::-1]
    sql = " ".join(query["sql"] for query in queries)
    assert "COUNT(" not in sql
    assert "OFFSET" not in sql


def test_an_empty_list_says_where_processes_come_from(root, operator):
    for client in (root, operator):
        assert "One starts with a command such as" in text_of(client, PROCESSES)


# A process ---------------------------------------------------------------------------------------


def test_staff_see_the_processes_of_their_tenants_alone(auditor, operator, world, elsewhere):
    mine, foreign = transfer(world), transfer(elsewhere)
    for client in (auditor, operator):
        assert listed(client) == [instance_of(mine).pk]
        assert client.get(page_of(mine)).status_code == 200
        answer, unknown = client.get(page_of(foreign)), client.get(f"{PROCESSES}987/")
        assert answer.status_code == unknown.status_code == 404
        assert answer.content == unknown.content
        assert "There is no such tenant." in text_of(client, f"{PROCESSES}?tenant=umbrella")


def test_members_see_no_processes(mary, world):
    transfer_id = transfer(world)
    assert "You are an auditor or operator in no tenant" in text_of(mary, PROCESSES)
    assert mary.get(page_of(transfer_id)).status_code == 404
    for command in StoredCommand.objects.all():
        html = text_of(mary, f"{COMMANDS}{command.number}/")
        assert "/processinstance/" not in html.partition("<main")[2]


def test_the_same_ids_in_two_tenants_do_not_meet(root, world, elsewhere):
    mine = transfer(world)
    ProcessInstance.objects.create(
        tenant=Tenant.objects.get(slug="umbrella"),
        process="transfer",
        instance_id=mine,
        started_at=timezone.now(),
        updated_at=timezone.now(),
    )
    theirs = ProcessInstance.objects.latest("pk")
    html = text_of(root, f"{PROCESSES}{theirs.pk}/")
    assert "There is nothing here." in html
    assert "/storedstream/" not in html.partition("<main")[2]
    Reaction.objects.update(status="parked")
    assert "umbrella ended" in row(text_of(root, f"{PROCESSES}?tenant=umbrella"), mine)


def test_hostile_text_is_text_wherever_a_process_shows_it(root, world):
    transfer_id = with_failed_command(world)
    debit = StoredCommand.objects.get(type="withdraw-money")
    pages = [PROCESSES, page_of(transfer_id), f"{COMMANDS}{debit.number}/retry/"]
    quoted = f'{{"note": "{HOSTILE}"}}'
    ProcessInstance.objects.update(process=HOSTILE, waits_for=HOSTILE, state=quoted)
    Reaction.objects.update(
        process=HOSTILE, name=HOSTILE, user=HOSTILE, error=HOSTILE, data=quoted, status="parked"
    )
    StoredCommand.objects.filter(pk=debit.pk).update(result={"detail": HOSTILE})
    reaction = Reaction.objects.latest("id")
    pages += [f"{pages[1]}retry/{reaction.pk}/", f"{COMMANDS}{debit.number}/"]
    for address in pages:
        html = text_of(root, address)
        assert "<img" not in html, address
        assert escape(HOSTILE) in html, address


def test_nothing_but_reading_is_taken_and_only_from_staff(root, world, client):
    pages = [PROCESSES, page_of(transfer(world))]
    for address in pages:
        for method in (root.post, root.put, root.patch, root.delete):
            assert method(address, {"action": "delete_selected"}).status_code == 405
        for page in ("add/", "change/", "delete/"):
            assert root.get(f"{address}{page}").status_code == 404
        assert client.get(address)["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("query", ["tenant", "process", "standing", "after"])
def test_hostile_text_in_the_address_is_text(root, tenant, query):
    html = root.get(PROCESSES, {query: f'">{HOSTILE}'}).content.decode()
    assert "<img" not in html
