"""The page of one process: its reactions in order, what each sent, and what became of it."""

import re
from html import escape
from uuid import uuid4

from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventstore.models import ProcessInstance, Reaction, StoredCommand, StoredStream
from tests.eventstore.admin.history_pages import words
from tests.eventstore.admin.stuck import (
    instance_of,
    page_of,
    transfer,
    with_parked_effect,
)
from tests.eventstore.admin.support import link, links_to, text_of
from tests.eventstore.admin.test_processes import add_instances

PROCESSES = "/admin/eventstore/processinstance/"
COMMANDS = "/admin/eventstore/storedcommand/"


def step(html, number):
    """A reaction on its process's page, by its place from 1."""
    return html.split('<article class="es-event"')[number].partition("</article>")[0]


# The list ----------------------------------------------------------------------------------------


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
