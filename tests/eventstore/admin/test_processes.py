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

from eventstore.models import ProcessInstance, Reaction, StoredCommand, StoredStream, Tenant
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


def step(html, number):
    """A reaction on its process's page, by its place from 1."""
    return html.split('<article class="es-event"')[number].partition("</article>")[0]


# The list ----------------------------------------------------------------------------------------


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


def test_a_page_shows_each_reaction_with_the_commands_that_it_sent(root, world):
    transfer_id = transfer(world)
    html = text_of(root, page_of(transfer_id))
    kinds = re.findall(r'<span class="es-kind">(\w+)</span> <a href="[^"]*">([^<]*)</a>', html)
    assert kinds == [
        ("event", "transfer.started"),
        ("event", "account.money_withdrawn"),
        ("event", "account.money_deposited"),
        ("event", "transfer.completed"),
    ]
    sent = [re.findall(rf'{COMMANDS}(\d+)/">([\w-]+)', step(html, at)) for at in (1, 2, 3, 4)]
    assert [[name for _, name in each] for each in sent] == [
        ["withdraw-money"],
        ["update-transfer", "deposit-money"],
        ["complete-transfer"],
        [],
    ]
    debit = StoredCommand.objects.get(type="withdraw-money")
    assert sent[0] == [(str(debit.number), "withdraw-money")]
    assert "completed 1 attempt" in words(step(html, 1))
    assert "done" in words(step(html, 4))
    assert "Done at" in step(html, 4)


def test_a_page_shows_the_state_as_it_is_stored(root, world):
    transfer_id = transfer(world, "1.10")
    html = text_of(root, page_of(transfer_id))
    assert escape('"amount": "1.10"') in html
    assert escape('"status": "ended"') in html
    assert "nothing: it has ended" in html
    stream = StoredStream.objects.get(aggregate_id=transfer_id)
    assert link(html, f"transfer-{transfer_id}") == f"/admin/eventstore/storedstream/{stream.pk}/"


def test_an_event_leads_to_its_place_in_the_timeline(root, world):
    html = text_of(root, page_of(transfer(world)))
    target = link(html, "account.money_withdrawn")
    timeline = text_of(root, target.partition("#")[0])
    assert f'<li id="{target.partition("#")[2]}">' in timeline
    assert links_to(timeline, "storedcommand")


def test_a_refusal_is_a_reaction_with_its_data(root, world):
    transfer_id = transfer(world, "69.00", holding="1.00")
    told = [words(step(text_of(root, page_of(transfer_id)), at)) for at in (1, 2, 3)]
    assert "refused insufficient_funds" in told[0]
    assert "refusal withdraw-money done" in told[1]
    assert '"code": "insufficient_funds"' in told[1]
    assert "fail-transfer" in told[1]
    assert "event transfer.failed" in told[2]


def test_an_effect_shows_its_data_attempts_and_why_it_failed(root, elsewhere, settings):
    html = text_of(root, page_of(with_parked_effect(elsewhere, settings)))
    effect = Reaction.objects.get(kind="effect")
    at = [words(step(html, at)) for at in range(1, 6)]
    (told,) = [each for each in at if "effect send-mail" in each]
    assert "set aside" in told
    assert "Attempts 5" in told
    assert '"to": "owner@umbrella.example"' in told
    assert "ConnectionRefusedError" in told
    assert f"Stable id {effect.uid}" in told
    assert f"Asked for by {effect.cause_id}" in told
    assert "Set aside at" in told


def test_a_pending_step_says_when_it_is_tried_next(root, world):
    transfer_id = transfer(world)
    last = Reaction.objects.filter(instance_id=transfer_id).latest("id")
    Reaction.objects.filter(pk=last.pk).update(status="pending", ended_at=None)
    told = words(step(text_of(root, page_of(transfer_id)), 4))
    assert f"Next attempt {last.lease_until:%Y-%m-%dT%H:%M:%SZ}" in told
    assert "pending" in told


def test_a_process_before_its_first_step_has_no_state(root, tenant):
    (key,) = add_instances(tenant, 1, waits_for="its first step")
    html = text_of(root, f"{PROCESSES}{key}/")
    assert "There is none before the first step." in html
    assert "There is nothing here." in html


def test_reactions_page_from_the_first_on(root, world):
    instance = instance_of(transfer(world))
    like = Reaction.objects.filter(instance_id=instance.instance_id).values(
        "tenant_id", "process", "instance_id", "kind", "name", "user", "correlation_id",
        "attempts", "lease_until", "created_at",
    )[0]  # fmt: skip
    Reaction.objects.bulk_create(Reaction(**like, status="done") for _ in range(70))
    keys = list(Reaction.objects.order_by("id").values_list("id", flat=True))
    address = f"{PROCESSES}{instance.pk}/"
    first = text_of(root, address)
    second = text_of(root, address + link(first, "Later"))
    seen = re.findall(r'<li id="r(\d+)">', first + second)
    assert [int(key) for key in seen] == keys
    assert root.get(f"{address}?after=x").status_code == 404


def test_a_page_of_many_reactions_costs_as_many_queries_as_one_of_few(root, world):
    address = page_of(transfer(world))
    many = page_of(transfer(world))

    def count(page):
        with CaptureQueriesContext(connection) as queries:
            text_of(root, page)
        return len(queries)

    count(address)
    few = count(address)
    like = Reaction.objects.filter(instance_id=ProcessInstance.objects.latest("pk").instance_id)
    for reaction in list(like) * 8:
        reaction.pk, reaction.uid = None, uuid4()
        reaction.save()
    assert count(many) == few <= 12


# On a command's page -----------------------------------------------------------------------------


def test_a_command_says_which_process_sent_it(root, world):
    transfer_id = transfer(world)
    debit = StoredCommand.objects.get(type="withdraw-money")
    html = text_of(root, f"{COMMANDS}{debit.number}/")
    fact = html.partition("Sent by process")[2].partition("</div>")[0]
    assert f'href="{page_of(transfer_id)}?after={debit.reaction_id - 1}#r{debit.reaction_id}"' in (
        fact
    )
    opening = StoredCommand.objects.filter(type="open-account").earliest("number")
    assert "Sent by process" not in text_of(root, f"{COMMANDS}{opening.number}/")


def test_a_command_shows_what_its_events_caused(root, world):
    transfer_id = transfer(world)
    debit = StoredCommand.objects.get(type="withdraw-money")
    html = text_of(root, f"{COMMANDS}{debit.number}/").partition('id="reactions"')[2]
    told = words(html.partition("</table>")[0])
    assert f"account.money_withdrawn transfer {transfer_id} done update-transfer" in told
    assert "deposit-money" in told
    register = StoredCommand.objects.filter(type="register-person").earliest("number")
    assert 'id="reactions"' not in text_of(root, f"{COMMANDS}{register.number}/")


# Tenants and hostile text ------------------------------------------------------------------------


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
