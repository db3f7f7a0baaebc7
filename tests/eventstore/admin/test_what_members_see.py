"""Who may see little is told why, and gets no link that would answer 404."""

import pytest

from eventstore.models import StoredCommand, StoredStream
from tests.eventstore.admin.support import link, staff, text_of

ADMIN = "/admin/eventstore/"
NO_INSPECTOR = "You are an auditor or operator in no tenant"
NO_MEMBER = "You are a member of no tenant"


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("storedstream/", NO_INSPECTOR),
        ("apikey/", NO_INSPECTOR),
        ("storedcommand/", NO_MEMBER),
        ("tenant/", NO_MEMBER),
        ("membership/", NO_MEMBER),
        ("storedcommand/send/", "You are a member or operator of no tenant"),
    ],
)
def test_who_is_no_member_anywhere_reads_why_nothing_is_shown(world, page, expected):
    world.person()
    client = staff("new")
    for query in ("", "?tenant=acme", "?after=x"):
        html = text_of(client, f"{ADMIN}{page}{query}")
        assert expected in html
        assert "yet" not in html.partition("es-empty")[2].partition("</p>")[0]


@pytest.mark.parametrize("page", ["storedstream/", "apikey/"])
def test_a_member_reads_why_the_inspectors_pages_are_empty(mary, world, page):
    world.person()
    assert NO_INSPECTOR in text_of(mary, f"{ADMIN}{page}")


def test_where_there_is_really_nothing_no_role_is_to_blame(mary, operator, root):
    assert "There is no command for you to see yet." in text_of(mary, f"{ADMIN}storedcommand/")
    for client in (operator, root):
        assert "There are no streams yet." in text_of(client, f"{ADMIN}storedstream/")
        assert "There are no API keys yet." in text_of(client, f"{ADMIN}apikey/")


def test_a_superuser_without_tenants_is_told_to_make_one(root):
    assert "manage.py create_tenant" in text_of(root, f"{ADMIN}tenant/")
    assert "manage.py create_tenant" in text_of(root, f"{ADMIN}storedcommand/send/")


def test_members_get_no_links_to_timelines(mary, operator, world):
    account_id = world.account("1.10")
    stream = StoredStream.objects.get(aggregate_id=account_id)
    timeline = f"{ADMIN}storedstream/{stream.pk}/"
    command = StoredCommand.objects.get(type="deposit-money")
    assert mary.get(timeline).status_code == 404
    for page in ("storedcommand/", f"storedcommand/{command.pk}/"):
        html = text_of(mary, f"{ADMIN}{page}")
        assert f"account-{account_id}" in html
        assert "/storedstream/" not in html.partition("<main")[2]
        assert timeline in text_of(operator, f"{ADMIN}{page}")
    assert "account.money_deposited" in text_of(mary, f"{ADMIN}storedcommand/{command.pk}/")


def test_every_link_that_a_member_gets_opens(mary, world):
    world.account("1.10")
    seen, waiting = set(), ["/admin/"]
    while waiting:
        address = waiting.pop()
        html = text_of(mary, address)
        for target in links(html):
            target = target if target.startswith("/") else address.partition("?")[0] + target
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    assert f"{ADMIN}storedcommand/send/" in seen
    assert len(seen) > 10


def links(html):
    """Each link of a page, without its fragment, but for Django's own pages."""
    targets = [part.partition('"')[0] for part in html.split('<a href="')[1:]]
    kept = [target.partition("#")[0].replace("&amp;", "&") for target in targets]
    return [target for target in kept if target and "password" not in target]


def test_a_link_to_send_in_a_tenant_chooses_nothing_yet(operator, tenant):
    html = text_of(operator, f"{ADMIN}storedcommand/send/?tenant=acme")
    assert 'value="acme"' in html
    assert "es-error" not in html
    assert link(html, "Send") == f"{ADMIN}storedcommand/send/"
