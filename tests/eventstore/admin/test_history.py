"""What each event changed, and the state at any version or time."""

import re
import time
from decimal import Decimal
from html import escape, unescape
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from eventstore.admin.changes import LONGEST_VALUE, shown
from eventstore.changes import Change
from eventstore.models import StoredEvent, StoredStream
from ledger.accounts.commands import DepositMoney
from ledger.accounts.events import AccountOpened, MoneyDeposited
from tests.eventstore.admin.conftest import HOSTILE, addresses
from tests.eventstore.admin.support import link, staff, text_of
from tests.eventstore.forgery import forge
from tests.eventstore.support import append


def words(html: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(unescape(re.sub("<[^>]*>", " ", html)).split())


def part(html: str, version: int) -> str:
    """The event of a version in a timeline."""
    return words(html.partition(f'<li id="v{version}">')[2].partition("</article>")[0])


def state(html: str) -> str:
    """The state on its page, without blanks."""
    text = html.partition('<pre class="es-json">')[2].partition("</pre>")[0]
    return "".join(unescape(text).split())


def alert(html: str) -> str:
    return words(html.partition('role="alert">')[2].partition("</div>")[0].partition("</p>")[0])


@pytest.fixture
def account(world) -> StoredStream:
    """Opened; 1.10 and 2.20 paid in."""
    account_id = world.account("1.10")
    world.deposit(account_id, "2.20")
    return StoredStream.objects.get(aggregate_id=account_id)


def page_of(stream: StoredStream, page: str = "state") -> str:
    return reverse(f"admin:eventstore_storedstream_{page}", args=[stream.pk])


def test_the_timeline_names_the_last_snapshot(world, account: StoredStream, monkeypatch) -> None:
    client = staff("root", is_superuser=True)
    assert "Last snapshot none yet" in words(text_of(client, page_of(account, "change")))

    monkeypatch.setattr(world.application.snapshots, "every", 3)
    world.deposit(account.aggregate_id)

    assert "Last snapshot version 4" in words(text_of(client, page_of(account, "change")))


def make_unknown(stream: StoredStream, version: int) -> None:
    """As if the code that knows this event's type were not deployed."""
    vanish = "UPDATE eventstore_event SET type = 'ghost.vanished'"
    forge(
        f"{vanish} WHERE stream_id = %(stream)s AND version = %(version)s",
        stream=stream.id,
        version=version,
    )


# The timeline ------------------------------------------------------------------------------------


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


def test_a_category_without_an_aggregate_says_so(root, tenant):
    stream = StoredStream.objects.create(
        tenant=tenant, category="ghost", aggregate_id=uuid4(), version=1, head_hash=bytes(32)
    )
    html = text_of(root, page_of(stream))

    assert alert(html).startswith("Category ghost has no aggregate. Add a line")


# The state ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "balance", "before", "after"),
    [
        ("", "3.30", "Version 2", None),
        ("?version=3", "3.30", "Version 2", None),
        ("?version=2", "1.10", "Version 1", "Version 3"),
        ("?version=0", "0.00", None, "Version 1"),
        ("?version=&at=", "3.30", "Version 2", None),
        ("?at=1999-12-31T23:59Z", "0.00", None, "Version 1"),
        ("?at=2999-12-31T23:59Z", "3.30", "Version 2", None),
    ],
)
def test_a_state_is_shown_with_its_neighbours(root, account, query, balance, before, after):
    html = text_of(root, page_of(account) + query)

    assert state(html) == f'{{"balance":"{balance}","is_closed":false}}'
    neighbours = html.partition('aria-label="Versions">')[2].partition("</nav>")[0]
    assert words(neighbours) == " ".join(filter(None, [before, after]))
    for words_of_link in filter(None, [before, after]):
        assert link(html, words_of_link) == f"?version={words_of_link[-1]}"


def test_a_state_names_the_event_that_made_it_and_what_it_changed(root, account):
    html = text_of(root, f"{page_of(account)}?version=2")

    assert link(html, "account.money_deposited") == f"{page_of(account, 'change')}?after=3#v2"
    assert '<li id="v2">' in text_of(root, f"{page_of(account, 'change')}?after=3")
    assert 'What version 2 changed changed balance "0.00" became "1.10"' in words(html)
    assert "State before the first event" in text_of(root, f"{page_of(account)}?version=0")


def test_a_state_is_that_of_the_moment(root, account):
    second = StoredEvent.objects.get(stream=account, version=2)
    at = f"{second.recorded_at:%Y-%m-%dT%H:%M:%S.%fZ}"
    html = text_of(root, f"{page_of(account)}?at={at}")

    assert "2 of 3" in words(html)
    assert f'value="{at}"' in html


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?version=4", "has no version 4. Choose one from 0, which is before its first"),
        ("?version=-1", "Version must be a number from 0 to"),
        ("?version=two", "Version must be a number from 0 to"),
        ("?version=9223372036854775808", "Version must be a number from 0 to"),
        ("?at=noon", "Time must be an ISO 8601 time with its offset"),
        ("?at=2026-01-01T00:00", "Time must be an ISO 8601 time with its offset"),
        ("?version=1&at=2026-01-01T00:00Z", "Give a version or a time, not both."),
        ("?version=%00", "Version must be a number from 0 to"),
    ],
)
def test_what_cannot_be_shown_is_explained(root, account, query, sentence):
    html = text_of(root, page_of(account) + query)

    assert sentence in words(html)
    assert alert(html)
    assert "es-json" not in html


def test_no_state_is_shown_from_an_unknown_event_on(root, account):
    make_unknown(account, 3)

    assert "From version 3 on" in alert(text_of(root, page_of(account)))
    assert '"balance":"1.10"' in state(text_of(root, f"{page_of(account)}?version=2"))


def test_a_stream_in_cold_storage_has_no_state_here(root, account):
    StoredStream.objects.update(status="boxed")
    html = text_of(root, page_of(account))

    assert f"in cold storage: its 3 events lie in a box. Run manage.py unbox {account}" in words(
        html
    )
    assert "State at a version" not in text_of(root, page_of(account, "change"))


def test_hostile_text_is_text_in_states_and_changes(root, world):
    person_id = world.person(HOSTILE, "x")
    pages = addresses(world.actor, person_id)
    world.send(
        DepositMoney(aggregate_id=world.account(), amount=Decimal("1.00"), reference=HOSTILE)
    )
    for address in (pages.state, pages.timeline, f"{pages.state}?version={HOSTILE}"):
        html = root.get(address).content.decode()
        assert "<img" not in html
        assert escape(HOSTILE) in html


def test_only_auditors_and_operators_of_the_tenant_see_states(
    account, auditor, operator, mary, other_tenant
):
    stranger = staff("stranger", other_tenant, "operator")
    for address in (page_of(account), f"{page_of(account)}?version=1"):
        assert [who.get(address).status_code for who in (auditor, operator)] == [200, 200]
        assert [who.get(address).status_code for who in (mary, stranger)] == [404, 404]


def test_a_state_can_only_be_read(root, account):
    assert root.post(page_of(account)).status_code == 405
