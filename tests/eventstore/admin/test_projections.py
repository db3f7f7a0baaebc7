"""Projections in the admin: how far each is, why it stands still, what operators do about it."""

from collections.abc import Generator

import pytest
from django.contrib.auth.models import User

from eventstore.models import Membership, Subscription, SubscriptionAction
from tests.eventstore import failing
from tests.eventstore.admin.conftest import HOSTILE
from tests.eventstore.admin.history_pages import words
from tests.eventstore.admin.support import errors_by_field, link, staff, submit, text_of
from tests.eventstore.failing import (
    BREAKS,
    NAME,
    SECRET,
    booked,
    exhaust,
    references,
    subscription,
    work,
)
from tests.eventstore.support import World

LIST = "/admin/eventstore/subscription/"
PAGE = f"{LIST}{NAME}/"
WHY = {"reason": "its table is mended"}


@pytest.fixture
def stopped(world: World) -> Generator[list[int]]:
    """Stopped at the second of three bookings of Acme's; their positions."""
    with failing.broken_statements():
        positions = booked(world, "one", BREAKS, "three")
        exhaust()
        yield positions


@pytest.fixture
def olga(other_tenant):
    """The browser of an operator of the other tenant."""
    return staff("olga", other_tenant, "operator")


# What is shown -----------------------------------------------------------------------------------


def test_the_list_says_of_each_how_far_it_is(operator, world):
    world.account("1.00")
    told = words(text_of(operator, LIST))
    assert f"{NAME} async active 0 of 3 3 events, 0." in told
    assert "account_summary inline active 3 of 3 level" in told
    work()
    assert f"{NAME} async active 3 of 3 level" in words(text_of(operator, LIST))


def test_the_menu_and_the_header_lead_to_the_list(operator):
    index = text_of(operator, "/admin/")
    assert link(index, "Projections") == LIST
    assert 'aria-current="true">Projections<' in text_of(operator, LIST)


def test_a_stopped_one_says_why_to_its_operator(operator, stopped):
    html = text_of(operator, LIST)
    assert 'es-status-stopped">stopped<' in html
    assert link(html, NAME) == PAGE
    page = text_of(operator, PAGE)
    assert f"It has stopped: the event at position {stopped[1]} failed five times." in page
    assert SECRET in page
    assert "Traceback" in page
    for words_ in ("Pause", "Retry the failed event", "Skip the failed event"):
        assert link(page, words_), words_
    assert link(page, "Resume") is None


def test_an_error_is_text(operator, stopped):
    Subscription.objects.filter(projection=NAME).update(error=HOSTILE)
    for address in (PAGE, f"{PAGE}retry/", f"{PAGE}skip/"):
        html = text_of(operator, address)
        assert HOSTILE not in html
        assert "onerror" in html


def test_a_superuser_sees_all_of_it_and_may_skip(root, stopped):
    page = text_of(root, PAGE)
    assert SECRET in page
    assert link(page, "Skip the failed event") == f"{PAGE}skip/"


def test_another_tenants_operator_sees_no_error_and_may_not_skip(olga, stopped):
    page = text_of(olga, PAGE)
    assert SECRET not in page
    assert "The event is another tenant's" in words(page)
    assert link(page, "Skip the failed event") is None
    for answer in (olga.get(f"{PAGE}skip/"), olga.post(f"{PAGE}skip/", WHY)):
        assert answer.status_code == 403
    assert SECRET not in text_of(olga, f"{PAGE}retry/")
    assert not SubscriptionAction.objects.exists()


def test_a_scheduled_one_says_when_it_ran_and_is_due_again(operator, world):
    page = f"{LIST}daily_totals/"
    assert "As of never" in words(text_of(operator, page))
    world.account("1.00")
    work()
    ran = Subscription.objects.get(projection="daily_totals")
    html = text_of(operator, page)
    assert f"{ran.as_of:%Y-%m-%dT%H:%M:%S}" in html
    assert f"{ran.due_at:%Y-%m-%dT%H:%M:%S}" in html


def test_an_inline_one_can_only_be_looked_at(operator, world):
    world.account()
    page = f"{LIST}account_summary/"
    html = text_of(operator, page)
    assert "cannot be paused" in html
    assert "/pause/" not in html
    answer = operator.get(f"{page}pause/", follow=True)
    assert answer.redirect_chain == [(page, 302)]
    assert "Nothing has changed" in answer.content.decode()


def test_one_that_is_another_in_this_code_is_told(operator, world):
    Subscription.objects.update_or_create(projection=NAME, defaults={"mode": "on_demand"})
    assert "on_demand (here async)" in words(text_of(operator, LIST))
    assert "It is on_demand in the database, and async in the code" in text_of(operator, PAGE)


def test_others_than_operators_find_nothing(mary, auditor, application):
    for browser in (mary, auditor):
        html = text_of(browser, LIST)
        assert "operator in no tenant" in html
        assert NAME not in html
        for address in (PAGE, f"{PAGE}pause/"):
            assert browser.get(address).status_code == 404
        assert browser.post(f"{PAGE}pause/", WHY).status_code in (403, 404)
    assert not SubscriptionAction.objects.exists()


def test_what_does_not_exist_is_not_found(operator, application):
    for address in (
        f"{LIST}nobody/",
        f"{LIST}nobody/pause/",
        f"{PAGE}explode/",
        f"{PAGE}?after=x",
    ):
        assert operator.get(address).status_code == 404
    assert "not valid" in text_of(operator, f"{LIST}?after=x")


def test_nothing_can_be_edited(root, application):
    for address in (f"{LIST}add/", f"{PAGE}change/", f"{PAGE}delete/"):
        assert root.get(address).status_code == 404
        assert root.post(address, WHY).status_code in (404, 405)


# What is done ------------------------------------------------------------------------------------


def test_it_is_paused_and_resumed_with_a_reason_on_record(operator, world):
    answer = submit(operator, f"{PAGE}pause/", {"reason": "a migration"}, follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    assert f"Paused: {NAME}." in words(answer.content.decode())
    booked(world, "one")
    work()
    assert references(world.actor.tenant_id) == []
    page = text_of(operator, PAGE)
    assert "It is paused: its rows stay" in page
    assert link(page, "Pause") is None
    submit(operator, link(page, "Resume"), WHY)
    work()
    assert references(world.actor.tenant_id) == ["one"]
    told = words(text_of(operator, PAGE)).partition("Reason")[2]
    assert told.index("olive resume 0 its table is mended") < told.index(
        "olive pause 0 a migration"
    )


def test_without_a_reason_nothing_is_done(operator, stopped):
    for action in ("pause", "retry", "skip"):
        for reason in ("", "x" * 201, "a\nb"):
            answer = submit(operator, f"{PAGE}{action}/", {"reason": reason})
            assert answer.status_code == 400
            assert "reason" in errors_by_field(answer.content.decode())
    assert not SubscriptionAction.objects.exists()


def test_a_get_changes_nothing_and_a_post_needs_its_token(operator, stopped):
    for action in ("pause", "retry", "skip"):
        assert operator.get(f"{PAGE}{action}/?reason=because").status_code == 200
        assert operator.post(f"{PAGE}{action}/", WHY).status_code == 403
    assert not SubscriptionAction.objects.exists()
    assert subscription().status == "stopped"


def test_mended_and_retried_it_goes_on_in_order(operator, world, stopped):
    failing.run(failing.MEND)
    address = link(text_of(operator, PAGE), "Retry the failed event")
    submit(operator, address, WHY)
    work()
    assert references(world.actor.tenant_id) == ["one", BREAKS, "three"]
    page = text_of(operator, PAGE)
    assert "What failed" not in page
    assert SECRET not in page  # It stood at the checkpoint, whose event is another one.


def test_skipped_the_event_is_left_out_and_the_next_ones_follow(operator, world, stopped):
    asked = words(text_of(operator, f"{PAGE}skip/"))
    assert f"The event at position {stopped[1]} will be left out" in asked
    submit(operator, f"{PAGE}skip/", WHY)
    work()
    assert references(world.actor.tenant_id) == ["one", "three"]
    page = text_of(operator, PAGE)
    assert f"olive skip {stopped[1]} its table is mended" in words(page)
    assert SECRET in page  # On record, for its own tenant.


def test_what_somebody_else_has_done_is_not_done_again(operator, root, stopped):
    form = text_of(operator, f"{PAGE}skip/")
    submit(root, f"{PAGE}skip/", WHY)
    token = form.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    answer = operator.post(f"{PAGE}skip/", {**WHY, "csrfmiddlewaretoken": token}, follow=True)
    assert "Nothing has changed" in answer.content.decode()
    assert SubscriptionAction.objects.count() == 1


# The record --------------------------------------------------------------------------------------


def test_the_record_hides_what_other_tenants_operators_wrote(operator, olga, root, world, stopped):
    submit(operator, f"{PAGE}pause/", {"reason": "for Acme's auditors"})
    submit(root, f"{PAGE}resume/", {"reason": "everybody may know"})
    submit(operator, f"{PAGE}skip/", {"reason": "a test of Acme's"})
    SubscriptionAction.objects.create(
        projection=NAME, action="retry", position=1, user="manage.py (root)", reason="at night"
    )
    theirs = text_of(olga, PAGE)
    told = words(theirs)
    for hidden in ("olive", "Acme", SECRET):
        assert hidden not in told.partition("What was done to it")[2], hidden
    assert "an operator of another tenant skip" in told
    assert "root resume" in told
    assert "manage.py (root) retry 1 at night" in told
    ours = words(text_of(operator, PAGE))
    assert "olive pause" in ours
    assert "a test of Acme's" in ours
    all_of_it = words(text_of(root, PAGE))
    assert "for Acme's auditors" in all_of_it


def test_a_colleague_of_one_of_my_tenants_is_named(operator, olga, tenant, application):
    submit(operator, f"{PAGE}pause/", {"reason": "for the audit"})
    assert "for the audit" not in text_of(olga, PAGE)
    both = User.objects.get(username="olga")
    Membership.objects.create(tenant=tenant, user=both, role="operator")
    assert "for the audit" in text_of(olga, PAGE)


def test_a_long_record_goes_on_to_another_page(operator, application):
    SubscriptionAction.objects.bulk_create(
        SubscriptionAction(
            projection=NAME, action="pause", position=1, user="olive", reason=f"no {n}."
        )
        for n in range(51)
    )
    html = text_of(operator, PAGE)
    assert "no 50." in html
    assert "no 0." not in html
    assert "no 0." in text_of(operator, PAGE + link(html, "Older"))
