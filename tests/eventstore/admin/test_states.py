"""The state of a stream at any version or time."""

from decimal import Decimal
from html import escape
from uuid import uuid4

import pytest

from eventstore.models import StoredEvent, StoredStream
from ledger.accounts.commands import DepositMoney
from tests.eventstore.admin.conftest import HOSTILE, addresses
from tests.eventstore.admin.history_pages import alert, make_unknown, page_of, state, words
from tests.eventstore.admin.support import link, staff, text_of


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


def test_a_category_without_an_aggregate_says_so(root, tenant):
    stream = StoredStream.objects.create(
        tenant=tenant, category="ghost", aggregate_id=uuid4(), version=1, head_hash=bytes(32)
    )
    html = text_of(root, page_of(stream))

    assert alert(html).startswith("Category ghost has no aggregate. Add a line")


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
