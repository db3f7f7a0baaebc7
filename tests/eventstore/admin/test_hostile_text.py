"""What users write is text on every page, and pages carry nothing inline nor from elsewhere."""

import re
from decimal import Decimal
from html import escape

import pytest
from django.contrib.auth.models import User

from eventstore.admin.pages import CONTENT_SECURITY_POLICY
from eventstore.models import ApiKey, StoredCommand, Tenant
from ledger.accounts.commands import DepositMoney
from tests.eventstore.admin.conftest import HOSTILE, addresses
from tests.eventstore.admin.support import text_of


@pytest.fixture
def hostile_pages(world, tenant):
    """Every page with the hostile text in each place where a user can put it."""
    person_id = world.person(HOSTILE, HOSTILE)
    account_id = world.account(owner_id=person_id)
    world.deposit(account_id)
    Tenant.objects.update(name=HOSTILE)
    StoredCommand.objects.update(user=HOSTILE, type=HOSTILE, code=HOSTILE)
    ApiKey.objects.create(
        tenant=tenant,
        user=User.objects.create_user(HOSTILE),
        role="member",
        prefix=HOSTILE[:16],
        revoked_by=HOSTILE,
        revoke_reason=HOSTILE,
        digest=b"h" * 32,
    )
    person = addresses(world.actor, person_id)
    account = addresses(world.actor, account_id)
    return [*person.all(), account.timeline, account.command]


def test_hostile_text_is_text_on_every_page(root, hostile_pages):
    shown = 0
    for address in hostile_pages:
        html = text_of(root, address)
        assert "<img" not in html, address
        shown += escape(HOSTILE) in html
    assert shown >= 6


def test_a_reference_is_text_in_timeline_and_command(root, world):
    account_id = world.account()
    world.send(DepositMoney(aggregate_id=account_id, amount=Decimal("1.10"), reference=HOSTILE))
    pages = addresses(world.actor, account_id)
    command = StoredCommand.objects.get(type="deposit-money")
    for address in (pages.timeline, f"{pages.commands}{command.pk}/"):
        html = text_of(root, address)
        assert "<img" not in html
        assert escape(HOSTILE) in html


@pytest.mark.parametrize(
    "query", ["stream", "tenant", "category", "status", "after", "type", "id", "user", "unknown"]
)
def test_hostile_text_in_the_address_is_text(root, pages, query):
    for address in (pages.streams, pages.commands, pages.api_keys):
        html = root.get(address, {query: f'">{HOSTILE}'}).content.decode()
        assert "<img" not in html


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(root, hostile_pages):
    for address in hostile_pages:
        response = root.get(address)
        html = response.content.decode()
        assert response["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert not re.findall(r"<script(?![^>]* src=)", html)
        assert not re.findall(r"<style|\sstyle=|\son[a-z]+=\"", html)
        assert not re.findall(r"(?:src|href|action)=\"(?:https?:)?//", html)


def test_a_name_that_ends_the_text_block_stays_inside_it(root, world):
    breaking = "</pre></details><script>alert(1)</script>"
    person_id = world.person(breaking, "x" * 90)
    html = text_of(root, addresses(world.actor, person_id).timeline)
    assert "<script>alert" not in html
    assert escape(breaking) in html
