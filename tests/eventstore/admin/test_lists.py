"""The lists: what they show, filter and page, and what that costs."""

from uuid import uuid4

import pytest
from django.contrib.admin.models import CHANGE
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from eventstore.admin.records import about_key, about_member, note
from eventstore.errors import AggregateNotFound
from eventstore.models import ApiKey, Membership, StoredCommand, StoredStream, Tenant
from ledger.accounts.commands import WithdrawMoney
from ledger.errors import InsufficientFunds
from tests.eventstore.admin.support import (
    add_streams,
    last_command,
    link,
    links_to,
    send_many,
    text_of,
)

STREAMS = "/admin/eventstore/storedstream/"
COMMANDS = "/admin/eventstore/storedcommand/"


def query_count(client, address):
    with CaptureQueriesContext(connection) as queries:
        text_of(client, address)
    return len(queries)


def walk(client, address, onwards, model, between=lambda: None):
    """The keys on all pages, following the link `onwards`; `between` happens after each page."""
    keys = []
    while address:
        html = text_of(client, address)
        keys += links_to(html, model)
        target = link(html, onwards)
        address = target and address.partition("?")[0] + target
        between()
    return keys


# Paging ------------------------------------------------------------------------------------------


def test_paging_shows_each_row_once_while_others_are_added(root, tenant):
    keys = add_streams(tenant, 120)
    seen = walk(root, STREAMS, "Older", "storedstream", lambda: add_streams(tenant, 7))
    assert seen == keys[::-1]


def test_paging_back_comes_to_what_was_added(root, tenant):
    keys = add_streams(tenant, 60)
    older = text_of(root, STREAMS + link(text_of(root, STREAMS), "Older"))
    keys += add_streams(tenant, 5)
    newer = text_of(root, STREAMS + link(older, "Newer"))
    assert links_to(newer, "storedstream") == keys[10:60][::-1]
    newest = text_of(root, STREAMS + link(newer, "Newest"))
    assert links_to(newest, "storedstream") == keys[-50:][::-1]


def test_the_command_log_pages_by_number(root, world):
    send_many(world, 118)
    numbers = list(StoredCommand.objects.order_by("-number").values_list("number", flat=True))
    assert walk(root, COMMANDS, "Older", "storedcommand") == numbers
    assert len(numbers) == 120


def test_filters_stay_while_paging(root, tenant, elsewhere):
    mine = add_streams(tenant, 60)
    add_streams(Tenant.objects.get(slug="umbrella"), 60)
    seen = walk(root, f"{STREAMS}?tenant=acme&category=person", "Older", "storedstream")
    assert seen == mine[::-1]


def test_tenants_page_by_slug(root, database):
    slugs = sorted(f"t-{number:03}" for number in range(75))
    Tenant.objects.bulk_create(Tenant(slug=slug, name=slug) for slug in slugs)
    address = reverse("admin:eventstore_tenant_changelist")
    first = text_of(root, address)
    second = text_of(root, address + link(first, "Next"))
    assert [slug in first for slug in slugs] == [True] * 50 + [False] * 25
    assert [slug in second for slug in slugs] == [False] * 50 + [True] * 25
    assert link(text_of(root, address + link(second, "Previous")), "Next")


@pytest.mark.parametrize(
    "cursor", ["after=x", "after=-1", f"before={10**30}", f"after={'9' * 5000}"]
)
def test_a_cursor_that_is_none_shows_nothing_and_says_so(root, tenant, cursor):
    add_streams(tenant, 1)
    html = text_of(root, f"{STREAMS}?{cursor}")
    assert "the address or a filter is not valid" in html
    assert links_to(html, "storedstream") == []


@pytest.mark.parametrize("cursor", ["after=x", f"before={10**30}"])
def test_a_timelines_cursor_that_is_none_is_not_found(root, tenant, cursor):
    (key,) = add_streams(tenant, 1)
    assert root.get(f"{STREAMS}{key}/?{cursor}").status_code == 404


# Cost --------------------------------------------------------------------------------------------


def test_a_hundred_rows_cost_as_many_queries_as_ten(root, auditor, world, tenant):
    lists = ("tenant/", "apikey/", "membership/", f"tenant/{tenant.pk}/", "storedcommand/send/")
    pages = [STREAMS, COMMANDS, *(f"/admin/eventstore/{page}" for page in lists)]

    def counts():
        account = StoredStream.objects.filter(category="account").earliest("pk")
        command = StoredCommand.objects.filter(type="deposit-money").earliest("number")
        key, membership = ApiKey.objects.earliest("pk"), Membership.objects.earliest("pk")
        details = [
            f"{STREAMS}{account.pk}/",
            f"{COMMANDS}{command.pk}/",
            f"/admin/eventstore/apikey/{key.pk}/",
            f"/admin/eventstore/membership/{membership.pk}/",
        ]
        return [
            query_count(client, page) for client in (root, auditor) for page in pages + details
        ]

    grow(world, tenant, range(10))
    few = counts()
    grow(world, tenant, range(10, 100))
    assert counts() == few
    assert max(few) <= 9


def grow(world, tenant, numbers):
    """A command, an event, a tenant, a member, a note and two keys of one user for each number.

    All commands are of one request, so that a command's page lists the others.
    """
    user = ApiKey.objects.earliest("pk").user
    send_many(world, len(numbers))
    StoredCommand.objects.update(correlation_id=uuid4())
    for number in numbers:
        other = Tenant.objects.create(slug=f"t{number}", name="T")
        member = User.objects.create_user(f"u{number}")
        Membership.objects.create(tenant=tenant, user=member, role="member")
        key = ApiKey.objects.earliest("pk")
        for about in (about_key(key), about_member(user)):
            note(user, tenant, about, flag=CHANGE, what="Something", reason="x")
        for owner, prefix in ((tenant, f"a{number}"), (other, f"b{number}")):
            ApiKey.objects.create(
                tenant=owner, user=user, role="auditor", prefix=prefix, digest=prefix.encode()
            )


def test_lists_neither_count_nor_skip(root, tenant):
    add_streams(tenant, 60)
    for address in (STREAMS, f"{STREAMS}?after=55", COMMANDS):
        with CaptureQueriesContext(connection) as queries:
            text_of(root, address)
        sql = " ".join(query["sql"] for query in queries)
        assert "COUNT(" not in sql
        assert "OFFSET" not in sql


# Streams -----------------------------------------------------------------------------------------


def test_a_stream_shows_its_head_and_last_event(root, world):
    account_id = world.account("1.10")
    html = text_of(root, f"{STREAMS}?category=account")
    assert f"account-{account_id}" in html
    assert "account.money_deposited" in html
    assert ">2</td>" in html
    assert "acme" in html


def test_streams_are_filtered(root, world, elsewhere):
    person_id = world.person()
    other_id = elsewhere.person()
    account_id = world.account(owner_id=person_id)
    StoredStream.objects.filter(aggregate_id=person_id).update(status="boxed")

    def found(query):
        html = text_of(root, f"{STREAMS}?{query}")
        ids = {"person": person_id, "other": other_id, "account": account_id}
        table = html.partition("<tbody>")[2]
        return {name for name, key in ids.items() if str(key) in table}

    assert found("tenant=acme") == {"person", "account"}
    assert found("category=person") == {"person", "other"}
    assert found("status=boxed") == {"person"}
    assert found("status=boxed&category=account") == set()
    assert found(f"stream={account_id}") == {"account"}
    assert found(f"stream=account-{account_id}") == {"account"}
    assert found(f"stream=%20{str(account_id).upper()}%20") == {"account"}
    assert found(f"stream=person-{account_id}") == set()
    assert found(f"stream={uuid4()}") == set()


@pytest.mark.parametrize("text", ["account", "account-12", "%00", "%FF", "'; DROP TABLE x; --"])
def test_a_search_for_no_id_says_what_to_enter(root, world, text):
    world.person()
    html = text_of(root, f"{STREAMS}?stream={text}")
    assert 'class="es-error"' in html
    assert "<tbody>" not in html


def test_a_boxed_stream_says_where_its_events_are(root, tenant):
    (key,) = add_streams(tenant, 1)
    StoredStream.objects.update(status="boxed")
    assert "in cold storage" in text_of(root, STREAMS)
    assert "manage.py unbox person-" in text_of(root, f"{STREAMS}{key}/")


# Commands ----------------------------------------------------------------------------------------


def test_a_command_shows_who_what_and_what_came_of_it(root, world):
    account_id = world.account("5.00")
    with pytest.raises(InsufficientFunds):
        world.withdraw(account_id, "9.00")
    html = text_of(root, COMMANDS)
    assert "insufficient_funds" in html
    assert "mary" in html
    stream = StoredStream.objects.get(aggregate_id=account_id)
    assert link(html, f"account-{account_id}") == f"{STREAMS}{stream.pk}/"
    assert " ms</td>" in html


def test_a_command_without_a_stream_has_no_link(root, world):
    account_id = uuid4()
    with pytest.raises(AggregateNotFound):
        world.withdraw(account_id)
    html = text_of(root, COMMANDS)
    assert str(account_id) in html
    assert link(html, str(account_id)) is None


def test_commands_are_filtered(root, world, elsewhere):
    account_id = world.account("5.00")
    opening = StoredCommand.objects.get(type="open-account")
    with pytest.raises(InsufficientFunds):
        world.send(
            WithdrawMoney(aggregate_id=account_id, amount=9), correlation_id=opening.correlation_id
        )
    refused = last_command(world.actor)
    elsewhere.person()
    foreign = last_command(elsewhere.actor)

    def found(query):
        return set(links_to(text_of(root, f"{COMMANDS}?{query}"), "storedcommand"))

    assert found("status=refused") == {refused.pk}
    assert found("type=open-account") == {opening.pk}
    assert found("tenant=umbrella") == {foreign.pk}
    assert found(f"correlation_id={opening.correlation_id}") == {opening.pk, refused.pk}
    assert found(f"id={foreign.id}") == {foreign.pk}
    assert found("status=cancelled") == set()
    assert found("correlation_id=x") == set()
    assert found("status=x") == set()


# Empty states ------------------------------------------------------------------------------------


def test_empty_lists_say_what_to_do(root, database):
    assert "manage.py demo" in text_of(root, STREAMS)
    assert "POST /api/commands/" in text_of(root, COMMANDS)
    assert "manage.py create_tenant" in text_of(root, "/admin/eventstore/tenant/")
    assert "manage.py create_api_key" in text_of(root, "/admin/eventstore/apikey/")
