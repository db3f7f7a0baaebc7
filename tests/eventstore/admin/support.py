"""Many rows at once, a way through the pages of a list, and forms sent as a browser sends them."""

import re
from html import unescape
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from eventstore.models import Membership, StoredCommand, StoredStream, Tenant
from eventstore.tenancy import Actor
from tests.eventstore.support import World


def add_streams(tenant: Tenant, count: int) -> list[int]:
    """Streams without events, which is enough for lists; their keys, oldest first."""
    streams = StoredStream.objects.bulk_create(
        StoredStream(
            tenant=tenant,
            category="person",
            aggregate_id=uuid4(),
            version=1,
            head_hash=bytes(32),
        )
        for _ in range(count)
    )
    return [stream.pk for stream in streams]


def text_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def link(html: str, words: str) -> str | None:
    """The address behind a link with these words."""
    found = re.search(rf'<a href="([^"]*)"[^>]*>{re.escape(words)}</a>', html)
    return unescape(found[1]) if found else None


def links_to(html: str, model: str) -> list[int]:
    """The keys of the rows that a page links to, in its order, each once."""
    keys = re.findall(rf'href="[^"]*/{model}/(\d+)/', html)
    return [int(key) for key in dict.fromkeys(keys)]


def send_many(world: World, count: int) -> None:
    """So many more commands with one event each, on one account."""
    account_id = world.account()
    for _ in range(count):
        world.deposit(account_id)


def last_command(actor: Actor) -> StoredCommand:
    return StoredCommand.objects.filter(tenant=actor.tenant_id).latest("number")


def staff(name: str, tenant: Tenant | None = None, role: str = "member", **flags: Any) -> Client:
    """The browser of a new user who may open the admin; it checks CSRF as a server does."""
    user = User.objects.create_user(name, is_staff=True, **flags)
    if tenant is not None:
        Membership.objects.create(tenant=tenant, user=user, role=role)
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(user)
    return client


def submit(
    client: Client, address: str, fields: dict[str, Any], *, follow: bool = False
) -> HttpResponse:
    """Open a page with a form and send it, with whatever is hidden in it."""
    return client.post(address, hidden(text_of(client, address)) | fields, follow=follow)


def hidden(html: str) -> dict[str, str]:
    """The hidden fields of a page's own form."""
    form = html.partition('<form class="es-form"')[2].partition("</form>")[0]
    assert form, "there is a form"
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in found}


def errors_by_field(html: str) -> dict[str, str]:
    """What stands beside each field that is wrong, by the field's name."""
    found = re.findall(r'<div class="es-error" id="id_([^"]*)_error">(.*?)</div>', html)
    return {name: unescape(re.sub("<[^>]*>", "", text)) for name, text in found}
