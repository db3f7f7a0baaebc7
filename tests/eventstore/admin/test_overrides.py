"""Tenants' overrides in the admin: what each does, whether it is on, and how it is switched."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.urls import reverse

from eventstore.admin.records import about_override, note
from eventstore.models import OverrideSwitch, Tenant
from ledger.persons.commands import RenamePerson
from ledger.tenants.umbrella import keep_the_name
from tests.eventstore.admin.conftest import HOSTILE
from tests.eventstore.admin.history_pages import words
from tests.eventstore.admin.support import errors_by_field, link, staff, submit, text_of
from tests.eventstore.support import at_once

LIST = "/admin/eventstore/overrideswitch/"
A_SWITCH = {"flag": CHANGE, "what": "Switched off", "reason": "a trial"}
RENAME, STARTED = "command rename-person", "reaction transfer transfer.started"


def page_of(name, *, slug="umbrella", end=""):
    return f"{LIST}{slug}/{name}/{end}"


@pytest.fixture
def umbrella(application, other_tenant):
    """The tenant that has something of its own."""
    return other_tenant


@pytest.fixture
def olga(umbrella):
    """The browser of an operator of Umbrella."""
    return staff("olga", umbrella, "operator")


@pytest.fixture
def aurel(umbrella):
    """The browser of an auditor of Umbrella."""
    return staff("aurel", umbrella, "auditor")


def in_force(application, tenant):
    return application.overrides.handler(tenant.pk, RenamePerson) is not None


# What is shown -----------------------------------------------------------------------------------


def test_the_list_says_of_each_override_what_it_does_and_that_it_is_on(olga):
    html = text_of(olga, LIST)
    for name in (RENAME, STARTED):
        assert name in html
    assert keep_the_name.__doc__.partition("\n")[0] in html
    assert html.count('es-status-on">on<') == 2
    assert html.count(">never<") == 2


def test_the_menu_leads_to_the_list(olga):
    assert link(text_of(olga, "/admin/"), "Overrides") == LIST


def test_a_page_says_which_function_it_is(olga):
    assert "ledger.tenants.umbrella.keep_the_name" in text_of(olga, page_of(RENAME))
    assert "ledger.tenants.umbrella.tell_the_owner" in text_of(olga, page_of(STARTED))


def test_the_history_has_every_switch_newest_first(olga, umbrella):
    for active, reason in ((False, "a trial"), (True, HOSTILE)):
        OverrideSwitch.objects.create(
            tenant=umbrella, override=RENAME, active=active, user="olga", reason=reason
        )
    html = text_of(olga, page_of(RENAME))
    assert html.index("onerror") < html.index("a trial")
    assert HOSTILE not in html
    assert 'es-status-on">on<' in html
    assert "Nobody has switched it" in text_of(olga, page_of(STARTED))


def test_a_long_history_goes_on_to_another_page(olga, umbrella):
    OverrideSwitch.objects.bulk_create(
        OverrideSwitch(tenant=umbrella, override=RENAME, active=n % 2, user="x", reason=f"no {n}.")
        for n in range(51)
    )
    html = text_of(olga, page_of(RENAME))
    assert "no 50." in html
    assert "no 0." not in html
    assert "no 0." in text_of(olga, page_of(RENAME) + link(html, "Older"))
    assert olga.get(page_of(RENAME) + "?after=x").status_code == 404


def test_the_list_narrows_to_a_tenant(root, umbrella, tenant):
    assert RENAME in text_of(root, f"{LIST}?tenant=umbrella")
    assert RENAME not in text_of(root, f"{LIST}?tenant=acme")
    assert "There is no such tenant" in text_of(root, f"{LIST}?tenant=nobody")


# Who may see what --------------------------------------------------------------------------------


def test_another_tenants_override_is_one_that_does_not_exist(operator, umbrella):
    assert RENAME not in text_of(operator, LIST)
    for end in ("", "off/", "on/"):
        theirs = operator.get(page_of(RENAME, end=end))
        nobodys = operator.get(page_of(RENAME, slug="nobody", end=end))
        unknown = operator.get(page_of("command no-such", slug="acme", end=end))
        assert [page.status_code for page in (theirs, nobodys, unknown)] == [404] * 3
    assert operator.post(page_of(RENAME, end="off/"), {"reason": "x"}).status_code in (403, 404)
    assert not OverrideSwitch.objects.exists()


def test_a_switch_of_another_tenant_is_not_shown(olga, tenant):
    OverrideSwitch.objects.create(
        tenant=tenant, override=RENAME, active=False, user="olive", reason="theirs"
    )
    assert 'es-status-off"' not in text_of(olga, LIST)
    assert "theirs" not in text_of(olga, page_of(RENAME))


def test_an_auditor_sees_and_does_not_switch(aurel, application, umbrella):
    assert link(text_of(aurel, page_of(RENAME)), "Switch it off") is None
    assert aurel.get(page_of(RENAME, end="off/")).status_code == 403
    assert in_force(application, umbrella)


def test_a_member_sees_none(umbrella):
    mona = staff("mona", umbrella, "member")
    assert "nothing is shown to you here" in text_of(mona, LIST)
    assert mona.get(page_of(RENAME)).status_code == 404


def test_a_superuser_switches_everywhere(root, application, umbrella):
    submit(root, page_of(RENAME, end="off/"), {"reason": "an emergency"})
    assert not in_force(application, umbrella)


# Switching ---------------------------------------------------------------------------------------


def test_an_operator_switches_it_off_and_on_with_a_reason_on_record(olga, application, umbrella):
    off = link(text_of(olga, page_of(RENAME)), "Switch it off")
    html = submit(olga, off, {"reason": "a trial"}, follow=True).content.decode()
    assert "is off in umbrella from now on" in html
    assert 'es-status-off">off<' in html
    assert not in_force(application, umbrella)

    submit(olga, link(html, "Switch it on"), {"reason": "it is over"})

    assert in_force(application, umbrella)
    kept = OverrideSwitch.objects.order_by("pk").values_list("active", "user", "reason")
    assert list(kept) == [(False, "olga", "a trial"), (True, "olga", "it is over")]
    tenants_page = text_of(olga, f"/admin/eventstore/tenant/{umbrella.pk}/")
    record = words(tenants_page.partition("What was done here")[2])
    for what in ("Switched off. Reason: a trial", "Switched on. Reason: it is over"):
        assert f"olga override: {RENAME} {what}" in record


def test_what_switches_nothing_is_not_on_record(olga):
    for _ in range(2):
        submit(olga, page_of(RENAME, end="off/"), {"reason": "a trial"})
    assert LogEntry.objects.count() == 1


def test_an_override_of_a_long_name_is_switched(olga, umbrella):
    """The record has room for 200 characters of it, and the switch for 300."""
    note(User.objects.get(username="olga"), umbrella, about_override("x" * 300), **A_SWITCH)
    assert LogEntry.objects.get().object_repr.endswith("xxx")


def test_one_override_is_switched_and_no_other(olga):
    submit(olga, page_of(RENAME, end="off/"), {"reason": "a trial"})
    html = text_of(olga, LIST)
    assert (html.count('es-status-on">'), html.count('es-status-off">')) == (1, 1)


@pytest.mark.parametrize(
    ("reason", "said"), [("", "is required"), ("x" * 201, "must have 1 to 200 characters")]
)
def test_without_a_reason_nothing_is_switched(olga, application, umbrella, reason, said):
    answer = submit(olga, page_of(RENAME, end="off/"), {"reason": reason})
    assert answer.status_code == 400
    html = answer.content.decode()
    assert said in errors_by_field(html)["reason"]
    # The label stands above the field: it is said again to those alone who do not see it there.
    assert '<p><span class="visually-hidden">Reason </span>' in html
    assert in_force(application, umbrella)


def test_a_look_at_the_form_switches_nothing(olga, application, umbrella):
    html = text_of(olga, page_of(RENAME, end="off/"))
    assert "what all others have, instead of its own way" in html
    assert in_force(application, umbrella)


def test_a_form_without_a_csrf_token_is_refused(olga, application, umbrella):
    assert olga.post(page_of(RENAME, end="off/"), {"reason": "x"}).status_code == 403
    assert in_force(application, umbrella)


def test_what_is_off_already_is_not_switched_off_again(olga):
    for reason in ("first", "second"):
        answer = submit(olga, page_of(RENAME, end="off/"), {"reason": reason}, follow=True)
    assert "was off before. Nothing has changed." in answer.content.decode()
    assert OverrideSwitch.objects.get().reason == "first"


def test_of_two_operators_at_once_one_switches(umbrella):
    browsers = [staff(name, umbrella, "operator") for name in ("olga", "oscar")]
    address = page_of(RENAME, end="off/")
    at_once(*(lambda it=it: submit(it, address, {"reason": "now"}) for it in browsers))
    assert OverrideSwitch.objects.count() == 1


def test_the_addresses_are_those_of_the_names(database):
    address = reverse("admin:eventstore_overrideswitch_off", args=["umbrella", RENAME])
    assert address == page_of(RENAME.replace(" ", "%20"), end="off/")
    assert not Tenant.objects.exists()
