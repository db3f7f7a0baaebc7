"""What users write is text on every page, and pages carry nothing inline nor from elsewhere."""

import re
from decimal import Decimal
from html import escape

import pytest
from django.contrib.admin.models import CHANGE
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from eventstore.admin.pages import CONTENT_SECURITY_POLICY
from eventstore.admin.records import about_key, about_member, note
from eventstore.models import ApiKey, Membership, StoredCommand, Tenant
from ledger.accounts.commands import DepositMoney
from tests.eventstore.admin.conftest import HOSTILE, addresses
from tests.eventstore.admin.support import submit, text_of


@pytest.fixture
def hostile_pages(world, tenant):
    """Every page with the hostile text in each place where a user can put it."""
    person_id = world.person(HOSTILE, HOSTILE)
    account_id = world.account(owner_id=person_id)
    world.deposit(account_id)
    Tenant.objects.update(name=HOSTILE)
    StoredCommand.objects.update(user=HOSTILE, type=HOSTILE, code=HOSTILE)
    user = User.objects.create_superuser(HOSTILE)
    key = ApiKey.objects.create(
        tenant=tenant,
        user=user,
        role="member",
        prefix=HOSTILE[:16],
        revoked_at=timezone.now(),
        revoked_by=HOSTILE,
        revoke_reason=HOSTILE,
        digest=b"h" * 32,
    )
    live = ApiKey.objects.create(
        tenant=tenant, user=user, role="member", prefix=HOSTILE[:16], digest=b"l" * 32
    )
    membership = Membership.objects.create(tenant=tenant, user=user, role="operator")
    for about in (about_key(key), about_member(user)):
        note(user, tenant, about, flag=CHANGE, what="Something", reason=HOSTILE)
    person = addresses(world.actor, person_id)
    account = addresses(world.actor, account_id)
    members = f"{person.memberships}{membership.pk}/"
    acts = [members, f"{members}role/", f"{members}end/", f"{person.memberships}new/"]
    keys = [f"{person.api_keys}{page}" for page in (f"{key.pk}/", f"{live.pk}/revoke/", "new/")]
    return [*person.all(), account.timeline, account.command, *acts, *keys]


def test_hostile_text_is_text_on_every_page(root, hostile_pages):
    unmarked = []
    for address in hostile_pages:
        html = text_of(root, address)
        assert "<img" not in html, address
        if escape(HOSTILE[:16]) not in html:
            unmarked.append(address)
    # The lists of streams and of overrides, a timeline without texts, and three forms that are
    # still empty.
    assert len(unmarked) == 6, unmarked


def test_hostile_text_in_the_user_s_own_name_is_text(hostile_pages):
    """On every page, the start page with what they did lately included."""
    client = Client()
    client.force_login(User.objects.get(username=HOSTILE))
    for address in ["/admin/", *hostile_pages]:
        html = text_of(client, address)
        assert "<img" not in html, address
        assert escape(HOSTILE) in html, address


def test_hostile_text_that_was_typed_comes_back_as_text(root, hostile_pages):
    """Beside its error, in the field, and in the messages after what was done."""
    text = f'">{HOSTILE}'
    membership = Membership.objects.get()
    for address, fields in (
        ("apikey/new/", {"tenant": text, "user": text, "role": text, "expires": text}),
        ("apikey/new/", {"tenant": "acme", "user": HOSTILE, "role": "member", "reason": text}),
        ("membership/new/", {"tenant": text, "user": text, "role": text, "reason": text}),
        (f"membership/{membership.pk}/role/", {"role": text, "reason": text}),
        (f"membership/{membership.pk}/role/", {"role": "auditor", "reason": text}),
        ("storedcommand/send/acme/register-person/", {"field-first_name": text, text: text}),
        ("storedcommand/send/acme/register-person/", {f"field-{text}": text}),
        (f"membership/{membership.pk}/end/", {"reason": text}),
    ):
        html = submit(root, f"/admin/eventstore/{address}", fields, follow=True).content.decode()
        assert "<img" not in html, address
        assert escape(HOSTILE) in html, address
    assert "<img" not in text_of(root, "/admin/")


def test_a_hostile_refusal_is_text(root, world):
    person_id = world.person(HOSTILE, HOSTILE)
    fields = {"aggregate_id": person_id, "first_name": HOSTILE, "last_name": HOSTILE}
    answer = submit(
        root,
        "/admin/eventstore/storedcommand/send/acme/rename-person/",
        {f"field-{name}": str(value) for name, value in fields.items()},
    )
    assert answer.status_code == 422
    assert "has this name already" in answer.content.decode()
    assert escape(HOSTILE) in answer.content.decode()
    assert "<img" not in answer.content.decode()


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
    "query",
    [
        "stream",
        "tenant",
        "category",
        "status",
        "after",
        "type",
        "id",
        "user",
        "command",
        "unknown",
    ],
)
def test_hostile_text_in_the_address_is_text(root, pages, query):
    for address in (pages.streams, pages.commands, pages.api_keys, pages.memberships, pages.send):
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
