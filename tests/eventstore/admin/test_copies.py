"""Copies in the admin: what is listed, for whom, and how one is dropped."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from eventstore.errors import NotFound
from eventstore.models import RowCopy, StoredEvent
from projections.models import PersonSummary
from tests.eventstore.admin.conftest import HOSTILE
from tests.eventstore.admin.history_pages import words
from tests.eventstore.admin.support import errors_by_field, link, staff, submit, text_of
from tests.eventstore.copy_support import make, names_in, schemas
from tests.eventstore.lock_waits import until_waiting
from tests.eventstore.support import PATIENCE, World, raw_connection

NONE = "\N{EN DASH}"
TABLE = PersonSummary._meta.db_table
LIST = "/admin/eventstore/rowcopy/"
WHY = {"reason": "nobody reads it"}


@pytest.fixture
def olga(other_tenant):
    """The browser of an operator of the other tenant."""
    return staff("olga", other_tenant, "operator")


@pytest.fixture
def ours(world: World) -> RowCopy:
    world.person("Ada")
    at = StoredEvent.objects.latest("position").recorded_at
    tenant_id = world.actor.tenant_id
    return make(
        world.application, "ours", tenant_id=tenant_id, as_of=at, user="olive", reason="audit"
    )


@pytest.fixture
def of_all(world: World) -> RowCopy:
    return make(world.application, "of-all", user="root", reason="year end")


def drop(copy: RowCopy) -> str:
    return f"{LIST}{copy.pk}/drop/"


# What is shown -----------------------------------------------------------------------------------


def test_the_list_says_of_each_what_it_is(operator, ours):
    told = words(text_of(operator, LIST))
    as_of = f"{ours.as_of:%Y-%m-%dT%H:%M:%S}Z"
    made = f"{ours.made_at:%Y-%m-%dT%H:%M:%S}Z"
    assert f"ours acme {as_of} 1 1 person_summary {made} olive: audit Drop" in told
    assert "manage.py rebuild --all --as-of TIME --into LABEL" in told


def test_the_menu_and_the_header_lead_to_the_list(operator, application):
    assert link(text_of(operator, "/admin/"), "Copies") == LIST
    html = text_of(operator, LIST)
    assert 'aria-current="true">Copies<' in html
    assert "There are no copies." in html


def test_another_tenants_copy_is_not_there(olga, ours):
    assert "ours" not in words(text_of(olga, LIST))
    assert olga.get(drop(ours)).status_code == 404
    assert submit_blindly(olga, drop(ours)) == 404
    assert RowCopy.objects.filter(pk=ours.pk).exists()


def test_one_of_all_tenants_is_told_without_what_may_be_anothers(olga, operator, root, of_all):
    RowCopy.objects.filter(pk=of_all.pk).update(user="olive", reason="what olive knows")
    made = f"{of_all.made_at:%Y-%m-%dT%H:%M:%S}Z"
    told = f"of-all all tenants {NONE} 0 {NONE} person_summary {made}"
    assert f"{told} {NONE} {NONE}" in words(text_of(olga, LIST))
    assert "olive" not in text_of(olga, LIST)
    assert f"{told} olive: what olive knows {NONE}" in words(text_of(operator, LIST))
    RowCopy.objects.filter(pk=of_all.pk).update(user="manage.py (ada)")
    assert f"{told} manage.py (ada): what olive knows {NONE}" in words(text_of(olga, LIST))
    assert f"all tenants {NONE} 0 0 person_summary {made} manage.py (ada)" in words(
        text_of(root, LIST)
    )


def test_others_than_operators_find_nothing(mary, auditor, ours, of_all):
    for browser in (mary, auditor):
        html = text_of(browser, LIST)
        assert "operator in no tenant" in html
        assert "ours" not in words(html)
        for copy in (ours, of_all):
            assert browser.get(drop(copy)).status_code == 404


def test_the_list_is_narrowed_to_a_tenant(root, ours, of_all):
    told = words(text_of(root, f"{LIST}?tenant=acme"))
    assert "audit" in told
    assert "year end" not in told
    assert "There is no such tenant." in text_of(root, f"{LIST}?tenant=nobody")


def test_a_reason_is_text(operator, ours):
    RowCopy.objects.update(reason=HOSTILE)
    for address in (LIST, drop(ours)):
        html = text_of(operator, address)
        assert HOSTILE not in html
        assert "onerror" in html


def test_a_list_takes_as_many_statements_for_any_number_of_copies(operator, world, ours):
    def statements() -> int:
        with CaptureQueriesContext(connection) as sent:
            text_of(operator, LIST)
        return len(sent)

    text_of(operator, LIST)
    one = statements()
    for label in ("a", "b", "c"):
        make(world.application, label, tenant_id=world.actor.tenant_id)
    assert statements() == one


# To drop one -------------------------------------------------------------------------------------


def submit_blindly(browser, address: str) -> int:
    """As a form that was open before; its token is that of another page."""
    token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"].value}
    return browser.post(address, WHY | token).status_code


def test_an_operator_drops_a_copy_of_the_tenants_with_a_reason(operator, ours, world):
    page = words(text_of(operator, drop(ours)))
    assert "The copy ours of tenant acme, up to position 1, will be gone" in page
    answer = submit(operator, drop(ours), WHY, follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert "Copy ours is dropped." in answer.content.decode()
    assert schemas() == []
    with pytest.raises(NotFound):
        names_in(world.application, world.actor.tenant_id, "ours")
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user.username) == (str(world.actor.tenant_id), "olive")
    assert entry.change_message == "Dropped. Reason: nobody reads it"
    assert entry.object_repr == f"copy {ours.pk}: ours"


def test_without_a_reason_or_by_get_nothing_is_dropped(operator, ours):
    answer = submit(operator, drop(ours), {"reason": " "})
    assert answer.status_code == 400
    assert list(errors_by_field(answer.content.decode())) == ["reason"]
    assert operator.get(drop(ours), WHY).status_code == 200
    assert operator.post(drop(ours), WHY).status_code == 403, "without a token"
    assert RowCopy.objects.filter(pk=ours.pk).exists()


def test_one_of_all_tenants_is_dropped_by_superusers_alone(operator, root, of_all):
    assert operator.get(drop(of_all)).status_code == 403
    operator.get(LIST)
    text_of(operator, "/admin/password_change/")
    assert submit_blindly(operator, drop(of_all)) == 403
    assert RowCopy.objects.exists()
    submit(root, drop(of_all), WHY)
    assert not RowCopy.objects.exists()
    assert LogEntry.objects.get().change_message == "Dropped. Reason: nobody reads it"


def test_one_that_was_dropped_meanwhile_says_so(operator, ours, world):
    tenant_id, application = world.actor.tenant_id, world.application
    text = text_of(operator, drop(ours))
    assert "Drop the copy" in text
    application.copies.drop("ours", tenant_id, user="otto", reason="first")
    again = make(application, "ours", tenant_id=tenant_id)
    assert submit_blindly(operator, drop(ours)) == 404
    assert RowCopy.objects.get() == again


def test_only_the_copy_that_was_shown_is_dropped(ours, world):
    tenant_id, application = world.actor.tenant_id, world.application
    with pytest.raises(NotFound):
        application.copies.drop("ours", tenant_id, user="o", reason="r", number=ours.pk + 1)
    application.copies.drop("ours", tenant_id, user="o", reason="r", number=ours.pk)


def test_one_that_is_read_for_long_stays_and_says_so(operator, ours):
    with raw_connection() as reader, connection.cursor() as cursor:
        reader.execute(f"SELECT * FROM {ours.schema}.{TABLE}")
        cursor.execute("SET lock_timeout = '200ms'")
        try:
            answer = submit(operator, drop(ours), WHY, follow=True)
        finally:
            reader.rollback()
            cursor.execute("RESET lock_timeout")
    assert "is being read. Nothing has changed" in answer.content.decode()
    assert RowCopy.objects.filter(pk=ours.pk).exists()


def test_one_that_somebody_else_drops_at_the_same_time_is_dropped_once(operator, ours, world):
    def first() -> None:
        tenant_id = world.actor.tenant_id
        world.application.copies.drop("ours", tenant_id, user="otto", reason="first")

    def second() -> str:
        return submit(operator, drop(ours), WHY, follow=True).content.decode()

    with raw_connection() as reader:
        reader.execute(f"SELECT * FROM {ours.schema}.{TABLE}")
        with ThreadPoolExecutor(2) as threads:
            one = threads.submit(closing, first)
            until_waiting(1)
            other = threads.submit(closing, second)
            until_waiting(2)
            reader.rollback()
    assert one.result(PATIENCE) is None
    assert "Copy ours was dropped before." in other.result(PATIENCE)
    assert not LogEntry.objects.exists()


def closing(call):
    try:
        return call()
    finally:
        connections.close_all()
