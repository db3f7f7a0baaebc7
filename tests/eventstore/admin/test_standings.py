"""What the list and the page of a process say of effects: that one waits, or was set aside."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventstore.models import Reaction
from tests.eventstore.admin.history_pages import words
from tests.eventstore.admin.stuck import (
    broken_rows,
    exhaust,
    instance_of,
    page_of,
    start,
    transfer,
    with_failed_command,
    with_parked_effect,
    with_unsent_mail,
)
from tests.eventstore.admin.support import links_to, text_of
from tests.eventstore.admin.test_processes import PROCESSES, add_instances, listed, row


@pytest.fixture
def waiting(elsewhere, settings):
    """A transfer of Umbrella's that has ended, with an e-mail that failed twice."""
    return with_unsent_mail(elsewhere, settings, 2)


def facts(html):
    return words(html.partition('<dl class="es-facts">')[2].partition("</dl>")[0])


def test_an_effect_that_waits_for_its_next_attempt_shows_in_the_list(root, waiting):
    told = row(text_of(root, PROCESSES), waiting)
    assert "umbrella ended an effect waits, 2 attempts the next attempt at an effect" in told


def test_an_effect_that_waits_shows_on_its_process_s_page(root, waiting):
    told = facts(text_of(root, page_of(waiting)))
    assert "Standing ended an effect waits, 2 attempts" in told
    assert "Waits for the next attempt at an effect" in told
    assert "nothing" not in told


def test_an_effect_that_no_worker_has_tried_yet_waits_too(root, elsewhere):
    transfer_id = transfer(elsewhere, "10000.01")
    assert "ended an effect waits, 0 attempts" in row(text_of(root, PROCESSES), transfer_id)
    elsewhere.application.reactions.work()
    assert "umbrella ended \N{EN DASH}" in row(text_of(root, PROCESSES), transfer_id)


def test_the_open_are_those_with_a_step_or_an_effect_to_be_done(root, world, waiting):
    transfer(world)
    source, target = world.account("100.00"), world.account()
    with broken_rows():
        stuck = start(world, source, target)
    open_ones = [instance_of(stuck).pk, instance_of(waiting).pk]
    assert listed(root, "?standing=open") == open_ones
    assert listed(root, "?standing=open&tenant=umbrella") == open_ones[1:]
    assert listed(root, "?standing=set-aside") == []


def test_an_effect_that_is_given_up_waits_no_more(root, elsewhere, waiting):
    exhaust(elsewhere)
    told = facts(text_of(root, page_of(waiting)))
    assert "Standing ended an effect was set aside Waits for an operator, for what" in told
    assert "nothing" not in told
    assert listed(root, "?standing=open") == []
    assert listed(root, "?standing=set-aside") == [instance_of(waiting).pk]


def test_what_was_set_aside_is_named(root, world, elsewhere, settings):
    command, effect = with_failed_command(world), with_parked_effect(elsewhere, settings)
    html = text_of(root, PROCESSES)
    assert "open a command was set aside" in row(html, command)
    assert "ended an effect was set aside" in row(html, effect)
    Reaction.objects.filter(instance_id=command).update(status="parked")
    assert "open a command was set aside a step was set aside" in row(
        text_of(root, PROCESSES), command
    )


def test_the_effect_of_one_instance_shows_at_no_other(root, elsewhere, waiting):
    other = transfer(elsewhere)
    assert "umbrella ended \N{EN DASH}" in row(text_of(root, PROCESSES), other)


def test_a_step_that_waits_is_no_effect(root, world):
    transfer_id = transfer(world)
    last = Reaction.objects.filter(instance_id=transfer_id).latest("id")
    Reaction.objects.filter(pk=last.pk).update(status="pending", ended_at=None)
    assert "an effect" not in row(text_of(root, PROCESSES), transfer_id)


def test_a_full_page_asks_as_often_as_one_line(root, tenant, waiting):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            html = text_of(root, PROCESSES)
        return len(queries), len(links_to(html, "processinstance"))

    asked()
    few, lines = asked()
    assert lines == 1
    add_instances(tenant, 49)
    assert asked() == (few, 50)


def test_how_long_a_process_took_stays_in_one_line(root, world):
    html = text_of(root, page_of(transfer(world)))
    assert "\xa0s</dd>" in html
    assert ">took&nbsp;0." in text_of(root, PROCESSES)
