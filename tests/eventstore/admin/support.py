"""Many rows at once, and a way through the pages of a list, for tests of the admin."""

import re
from html import unescape
from uuid import uuid4

from django.test import Client

from eventstore.models import StoredCommand, StoredStream, Tenant
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
