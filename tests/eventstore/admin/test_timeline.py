"""A stream's timeline: its events, and what each one changed."""

import re
import time
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventstore.admin.changes import LONGEST_VALUE, shown
from eventstore.changes import Change
from eventstore.models import StoredEvent, StoredStream
from ledger.accounts.events import AccountOpened, MoneyDeposited
from tests.eventstore.admin.history_pages import alert, make_unknown, page_of, part, state, words
from tests.eventstore.admin.support import link, staff, text_of
from tests.eventstore.support import append


def test_the_timeline_names_the_last_snapshot(world, account: StoredStream, monkeypatch) -> None:
    client = staff("root", is_superuser=True)
    assert "Last snapshot none yet" in words(text_of(client, page_of(account, "change")))

    monkeypatch.setattr(world.application.snapshots, "every", 3)
    world.deposit(account.aggregate_id)

    assert "Last snapshot version 4" in words(text_of(client, page_of(account, "change")))


def test_each_event_says_what_it_changed(root, account):
    html = text_of(root, page_of(account, "change"))

    assert 'What it changed changed balance "1.10" became "3.30" State after' in part(html, 3)
    assert 'changed balance "0.00" became "1.10"' in part(html, 2)
    assert "What it changed Nothing in the state." in part(html, 1)
    assert '"amount": "2.20"' in part(html, 3), "and the data as it is stored"


def test_each_event_leads_to_the_state_after_it(root, account):
    html = text_of(root, page_of(account, "change"))

    assert link(html, "State after version 2") == f"{page_of(account)}?version=2"
    assert link(html, "State at a version or time") == page_of(account)


def test_keys_that_come_and_go_have_one_value():
    told = shown([Change("added", "a.b", None, [1, "x"]), Change("removed", "c", None, None)])

    assert [(change.before, change.after) for change in told] == [("", '[1,"x"]'), ("null", "")]


def test_a_long_value_is_cut_off_and_counted():
    (change,) = shown([Change("changed", "a", "x", "y" * 5_000)])

    assert len(change.after) < LONGEST_VALUE + 30
    assert change.after.endswith("y… (5,002 characters)")


def test_a_page_costs_the_same_queries_however_many_events_it_shows(root, world, account):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            text_of(root, page_of(account, "change"))
        return len(captured)

    few = queries()
    for _ in range(47):
        world.deposit(account.aggregate_id)

    assert queries() == few


@pytest.mark.long
@pytest.mark.parametrize("query", ["", "?after=5001", "?order=oldest", "?before=1"])
def test_every_page_of_ten_thousand_events_is_quick(root, tenant, application, query):
    """10,000 events are replayed for the newest page, page by page and not event by event."""
    account_id = uuid4()
    deposit = MoneyDeposited(amount=Decimal("0.01"))
    opened = AccountOpened(owner_id=uuid4(), code="1")
    append(application.store, tenant.id, account_id, opened, *[deposit] * 9_999)
    address = page_of(StoredStream.objects.get(), "change")
    started = time.perf_counter()

    html = text_of(root, address + query)

    assert time.perf_counter() - started < 2
    versions = [int(version) for version in re.findall(r'<li id="v(\d+)">', html)]
    assert len(versions) == 50
    for version in {versions[0], versions[-1]} - {1}:
        after = Decimal(version - 1) / 100
        assert f'became "{after:.2f}"' in part(html, version)


def test_upcast_events_show_what_is_stored_and_the_state_of_today(root, tenant, application):
    """Schema version 1 had an empty reference, where today's has none."""
    account_id = uuid4()
    opened = AccountOpened(owner_id=uuid4(), code="1")
    append(application.store, tenant.id, account_id, opened)
    stream = StoredStream.objects.get()
    first = StoredEvent.objects.get()
    StoredEvent.objects.create(
        stream=stream,
        version=2,
        tenant=tenant,
        type="account.money_deposited",
        schema_version=1,
        data='{"amount":"7.50","booked_on":null,"reference":""}',
        metadata=first.metadata,
        recorded_at=first.recorded_at,
        hash=b"\xab" * 32,
    )
    StoredStream.objects.update(version=2)

    told = part(text_of(root, page_of(stream, "change")), 2)

    assert '"reference": ""' in told
    assert "Schema version 1" in told
    assert 'changed balance "0.00" became "7.50"' in told
    assert '"balance":"7.50"' in state(text_of(root, page_of(stream)))


@pytest.mark.parametrize("query", ["", "?order=oldest"])
def test_from_an_unknown_event_on_nobody_can_say_and_the_page_does(root, account, query):
    make_unknown(account, 2)
    html = text_of(root, page_of(account, "change") + query)

    assert f"From version 2 on, {account} has no state. Event type ghost.vanished" in alert(html)
    for version in (2, 3):
        assert "Nobody can say: there is no state from here on." in part(html, version)
        assert "State after version" not in part(html, version)
    assert "ghost.vanished" in part(html, 2)
    assert '"amount": "1.10"' in part(html, 2)
    assert "State after version 1" in part(html, 1)


def test_a_page_before_the_unknown_event_says_nothing_of_it(root, account):
    make_unknown(account, 3)
    html = text_of(root, f"{page_of(account, 'change')}?after=3")

    assert 'role="alert"' not in html
    assert 'changed balance "0.00" became "1.10"' in part(html, 2)
