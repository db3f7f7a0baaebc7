"""Rebuilds in the admin: asked for with a reason, followed, and what a check has found."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from eventstore.admin.rebuilds import Progress, progress_of
from eventstore.models import Rebuild, StoredEvent
from eventstore.rebuild_jobs import NOT_YOURS
from eventstore.tenancy import Actor, Role
from eventstore.wakeups import Work
from projections.models import AccountSummary
from tests.eventstore.admin.conftest import HOSTILE
from tests.eventstore.admin.history_pages import words
from tests.eventstore.admin.support import errors_by_field, link, staff, submit, text_of
from tests.eventstore.support import World

NAME = "account_summary"
LIST = "/admin/eventstore/rebuild/"
PROJECTION = f"/admin/eventstore/subscription/{NAME}/"
ASK = f"{LIST}ask/{NAME}/"
WHY = {"reason": "its table was repaired"}
REFRESH = '<meta http-equiv="refresh"'


@pytest.fixture
def oscar(other_tenant):
    """The browser of an operator of the other tenant."""
    return staff("oscar", other_tenant, "operator")


@pytest.fixture
def elsewhere(application, other_tenant):
    return World(application, Actor(tenant_id=other_tenant.id, user="otto", role=Role.MEMBER))


def asked(browser, kind="rebuild", reason="its table was repaired"):
    """Ask by the form; the page of the run."""
    answer = submit(browser, f"{ASK}{kind}/", {"reason": reason})
    page = f"{LIST}{Rebuild.objects.latest('pk').pk}/"
    assert (answer.status_code, answer["Location"]) == (302, page)
    return page


def damaged(world):
    """An account whose row is not as its events have it."""
    account_id = world.account("5.00")
    AccountSummary.objects.filter(account_id=account_id).update(balance=666)
    return account_id


# Asking ------------------------------------------------------------------------------------------


def test_the_page_of_a_projection_leads_to_check_and_rebuild(operator, world):
    html = text_of(operator, PROJECTION)
    assert link(html, "Check them") == f"{ASK}check/"
    assert link(html, "Rebuild them") == f"{ASK}rebuild/"
    page = asked(operator)
    html = text_of(operator, PROJECTION)
    (number,) = Rebuild.objects.values_list("pk", flat=True)
    assert link(html, f"rebuild {number}") == page
    assert f"rebuild {number} waiting" in words(html)
    assert link(text_of(operator, "/admin/eventstore/subscription/"), "All rebuilds") == LIST


def test_what_is_asked_for_has_a_reason_and_a_user_on_record(operator, application):
    asked(operator, "fix")
    run = Rebuild.objects.get()
    assert (run.projection, run.kind, run.user, run.reason) == (
        NAME,
        "fix",
        "olive",
        WHY["reason"],
    )
    assert run.tenant_id is None
    assert application.wakeups.is_asked(Work.REBUILDS)


def test_without_a_reason_nothing_is_asked_for(operator, application):
    answer = submit(operator, f"{ASK}rebuild/", {"reason": " "})
    assert answer.status_code == 400
    assert errors_by_field(answer.content.decode())["reason"].strip() == "Reason is required"
    assert not Rebuild.objects.exists()


def test_while_one_waits_nothing_is_asked_for(operator, application):
    asked(operator)
    answer = submit(operator, f"{ASK}check/", WHY, follow=True)
    assert answer.redirect_chain == [(f"{LIST}?projection={NAME}", 302)]
    assert "Nothing was asked for:" in answer.content.decode()
    assert Rebuild.objects.count() == 1


def test_a_form_without_its_csrf_token_is_refused(operator, application):
    assert operator.post(f"{ASK}rebuild/", WHY).status_code == 403
    assert not Rebuild.objects.exists()


def test_to_look_at_the_form_asks_for_nothing(operator, application):
    for kind, told in (
        ("rebuild", "made anew from the events"),
        ("check", "Nothing is written"),
        ("fix", "All others stay untouched"),
    ):
        assert told in words(text_of(operator, f"{ASK}{kind}/"))
    assert not Rebuild.objects.exists()


def test_others_than_operators_find_nothing(operator, mary, auditor, application):
    page = asked(operator)
    for browser in (mary, auditor):
        html = text_of(browser, LIST)
        assert "operator in no tenant" in html
        assert NAME not in html
        for address in (page, f"{ASK}rebuild/"):
            assert browser.get(address).status_code == 404
        assert browser.post(f"{ASK}check/", WHY).status_code in (403, 404)
    assert Rebuild.objects.count() == 1


def test_what_does_not_exist_is_not_found_and_nothing_is_edited(root, application):
    page = asked(root)
    for address in (
        f"{LIST}7000000/",
        f"{LIST}{'9' * 30}/",
        f"{LIST}ask/nobody/rebuild/",
        f"{ASK}drop/",
        f"{LIST}add/",
        f"{page}change/",
        f"{page}delete/",
    ):
        assert root.get(address).status_code == 404, address
        assert root.post(address, WHY).status_code in (404, 405), address
    assert root.post(page, WHY).status_code == 405
    assert "not valid" in text_of(root, f"{LIST}?after=x")
    assert root.get(f"{LIST}?projection=%00").status_code == 200


# The page of a run -------------------------------------------------------------------------------


def test_while_it_goes_on_its_page_loads_itself_and_then_no_more(operator, world, application):
    world.account("1.00")
    page = asked(operator)
    html = text_of(operator, page)
    assert REFRESH in html
    assert "It waits for a worker or a qcluster" in html
    assert REFRESH not in text_of(operator, f"{page}?still=1")
    assert link(text_of(operator, f"{page}?still=1"), "Reload this page every few seconds") == page
    application.rebuilding.work()
    html = text_of(operator, page)
    assert REFRESH not in html
    assert "Done: 2 rows written." in html
    assert WHY["reason"] in html


def test_progress_is_told_in_percent_with_rate_and_time_left(operator, application):
    page = asked(operator)
    half_way = {"position": 500, "head": 2000, "events": 400, "started_at": Now()}
    Rebuild.objects.update(status="running", **half_way)
    Rebuild.objects.update(updated_at=Now())
    run = Rebuild.objects.get()
    run.updated_at = run.started_at + timedelta(seconds=4)
    run.save()
    with application.rebuilding.log.alone(NAME):
        html = text_of(operator, page)
    assert "25 %, 100 events a second, about 0:00:12 left" in words(html)
    assert '<progress id="progress" max="100" value="25">' in html
    assert "Its process has ended" not in html
    assert "Its process has ended before it was done" in text_of(operator, page)


def test_progress_is_never_done_before_it_is_done():
    run = Rebuild(position=0, head=0)
    assert progress_of(run) == Progress(0, None, None)
    assert progress_of(Rebuild(position=900, head=100)).percent == 99


def test_what_differs_is_told_with_the_event_and_mended(operator, world, application):
    account_id = damaged(world)
    page = asked(operator, "check")
    application.rebuilding.work()
    html = text_of(operator, page)
    assert "1 row differs from a replay of the events." in words(html)
    # No event has ever left 666 there, so that the first one is not shown either.
    opened = StoredEvent.objects.get(type="account.opened")
    told = f"account_summary acme account_id {account_id} different: balance"
    assert told in words(html)
    timeline = f"/admin/eventstore/storedstream/{opened.stream_id}/?after=2"
    assert f'href="{timeline}#v1"' in html
    assert f"account.opened of {opened.stream} at position {opened.position}" in words(html)
    assert '<li id="v1">' in text_of(operator, timeline)

    fix = link(html, "Mend these rows")
    assert fix == f"{ASK}fix/"
    mending = asked(operator, "fix")
    application.rebuilding.work()
    assert "Done: 1 row mended." in text_of(operator, mending)
    assert AccountSummary.objects.get().balance == 5
    clean = asked(operator, "check")
    application.rebuilding.work()
    assert "No row differs from a replay of the events." in text_of(operator, clean)


def test_another_tenants_rows_users_and_reasons_are_not_shown(
    operator, oscar, root, world, elsewhere, application
):
    mine, theirs = str(damaged(world)), str(damaged(elsewhere))
    page = asked(operator, "check", "acme's secret")
    application.rebuilding.work()
    for browser, own, other in ((operator, mine, theirs), (oscar, theirs, mine)):
        html = text_of(browser, page)
        assert own in html
        assert other not in html
        assert "1 row of other tenants differs as well" in words(html)
    for address in (page, LIST, PROJECTION):
        html = text_of(oscar, address)
        assert "an operator of another tenant" in html
        assert "olive" not in html
        assert "acme" not in html
    html = text_of(root, page)
    assert (mine in html, theirs in html, "olive" in html) == (True, True, True)
    assert "of other tenants" not in html


def test_an_error_that_may_quote_rows_is_for_superusers(operator, root, application):
    page = asked(operator)
    quotes = "IntegrityError: Key (tenant_id, code)=(umbrella, 7) exists."
    Rebuild.objects.update(status="failed", error=quotes)
    assert quotes in text_of(root, page)
    html = text_of(operator, page)
    assert quotes not in html
    assert NOT_YOURS.partition("'")[0] in html


def test_a_run_of_one_tenants_rows_is_not_found_by_others(operator, oscar, tenant, application):
    page = asked(operator)
    Rebuild.objects.update(tenant_id=tenant.pk, stream="account-7")
    assert "account-7" in text_of(operator, page)
    assert oscar.get(page).status_code == 404
    assert "rebuild" not in words(text_of(oscar, LIST).partition("<table")[2])


def test_whatever_stands_in_a_run_is_text(operator, root, world, tenant, application):
    damaged(world)
    page = asked(operator, "check", HOSTILE)
    application.rebuilding.work()
    run = Rebuild.objects.get()
    run.differences[0] |= {
        "table": HOSTILE,
        "key": {HOSTILE: HOSTILE, "n": 7},
        "kind": HOSTILE,
        "columns": [HOSTILE],
    }
    run.error = f"ReplayFailed: {HOSTILE}"
    run.save()
    for browser, address in ((root, page), (operator, page), (operator, LIST), (root, PROJECTION)):
        html = text_of(browser, address)
        assert "<img" not in html
        assert "onerror" in html


def test_the_list_is_narrowed_to_a_projection(operator, application):
    asked(operator)
    application.rebuilding.work()
    assert NAME in words(text_of(operator, LIST).partition("<tbody")[2])
    assert "Nothing fits" in text_of(operator, f"{LIST}?projection=person_summary")
    assert link(text_of(operator, f"{LIST}?projection={NAME}"), NAME) == PROJECTION
