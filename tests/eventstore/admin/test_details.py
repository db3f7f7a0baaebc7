"""A stream's timeline and a command's page: every fact, exactly as it is stored."""

from html import escape, unescape
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from eventstore.models import StoredCommand, StoredEvent, StoredStream
from ledger.errors import InsufficientFunds
from tests.eventstore.admin.conftest import addresses
from tests.eventstore.admin.support import add_streams, last_command, link, text_of

STREAMS = "/admin/eventstore/storedstream/"
COMMANDS = "/admin/eventstore/storedcommand/"


def store_raw(stream_key, data, *, type_name="person.odd", metadata="{}", version=1):
    """An event as no code of today writes it."""
    stream = StoredStream.objects.get(pk=stream_key)
    return StoredEvent.objects.create(
        stream=stream,
        version=version,
        tenant=stream.tenant,
        type=type_name,
        schema_version=9,
        data=data,
        metadata=metadata,
        recorded_at=timezone.now(),
        hash=b"\xab" * 32,
    )


def test_a_timeline_shows_every_fact_of_an_event(root, pages, world):
    html = text_of(root, pages.timeline)
    command = last_command(world.actor)
    event = StoredEvent.objects.latest("position")
    assert "account.money_deposited" in html
    assert f"{event.recorded_at:%Y-%m-%dT%H:%M:%S.%fZ}" in html
    assert event.hash.hex() in html
    assert f">{event.position}<" in html
    assert "mary" in html
    assert f"?correlation_id={command.correlation_id}" in html
    assert f'href="{COMMANDS}{command.pk}/"' in html
    assert str(command.id) in html
    assert html.index('id="v2"') < html.index('id="v1"')


def test_a_timeline_can_begin_at_the_oldest(root, pages):
    html = text_of(root, f"{pages.timeline}?order=oldest")
    assert html.index('id="v1"') < html.index('id="v2"')


@pytest.mark.parametrize(("query", "onwards"), [("", "Older"), ("?order=oldest", "Newer")])
def test_a_timeline_pages_by_version(root, tenant, query, onwards):
    (key,) = add_streams(tenant, 1)
    for version in range(1, 121):
        store_raw(key, "{}", version=version)
    address = f"{STREAMS}{key}/"
    versions, onward = [], query
    while onward is not None:
        html = text_of(root, address + onward)
        versions += sorted_by_place(html, 120)
        onward = link(html, onwards)
    expected = list(range(1, 121))
    assert versions == (expected if query else expected[::-1])


def sorted_by_place(html, highest):
    """The versions on a page, from top to bottom."""
    places = {v: html.find(f'<li id="v{v}">') for v in range(1, highest + 1)}
    return sorted((v for v in places if places[v] >= 0), key=places.__getitem__)


@pytest.mark.parametrize(
    "data",
    [
        '{"b":1.10,"a":100.00,"huge":123456789012345678901234567890.0100,"e":1e400}',
        '{"z":"1.10","a":"x","m":{"k2":1,"k1":2},"z":"twice"}',
        '{"escaped":"\\u003cimg\\u003e \\u0000 \\ud800","quote":"\\"\\\\"}',
        "  [ 1 ,\n 2.50 ]  ",
        '"1.10"',
    ],
)
def test_stored_json_is_shown_exactly(root, tenant, data):
    (key,) = add_streams(tenant, 1)
    store_raw(key, data)
    html = text_of(root, f"{STREAMS}{key}/")
    shown = unescape(html.partition('<pre class="es-json">')[2].partition("</pre>")[0])
    assert "".join(shown.split()) == "".join(data.split())


def test_an_unknown_type_is_shown_raw(root, tenant):
    (key,) = add_streams(tenant, 1)
    store_raw(key, '{"left":"over"}', type_name="ghost.vanished")
    html = text_of(root, f"{STREAMS}{key}/")
    assert "ghost.vanished" in html
    assert "&quot;left&quot;: &quot;over&quot;" in html


@pytest.mark.parametrize(
    "metadata", ["{}", "[1.10]", "null", '{"user":"\\ud800"}', '{"user":1,"causation_id":"x"}']
)
def test_unknown_metadata_is_shown_raw(root, tenant, metadata):
    (key,) = add_streams(tenant, 1)
    store_raw(key, "{}", metadata=metadata)
    html = unescape(text_of(root, f"{STREAMS}{key}/"))
    assert metadata in "".join(html.split())


def test_long_json_is_folded_but_whole(root, tenant):
    (key,) = add_streams(tenant, 1)
    store_raw(key, f'{{"long":"{"x" * 60_000}"}}')
    html = text_of(root, f"{STREAMS}{key}/")
    assert "<details>" in html
    assert "x" * 60_000 in html


def test_a_command_leads_to_its_events(root, pages, world):
    html = text_of(root, pages.command)
    target = link(html, "account.opened")
    assert target == f"{pages.timeline}?after=2#v1"
    assert 'id="v1"' in text_of(root, target)
    assert 'id="v2"' not in text_of(root, target)


def test_a_command_shows_all_its_columns(root, pages, world):
    command = last_command(world.actor)
    html = text_of(root, f"{COMMANDS}{command.pk}/")
    for value in (
        command.type,
        command.id,
        command.aggregate_id,
        command.correlation_id,
        command.user,
        command.status,
        command.fingerprint.hex(),
        f"{command.received_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        f"{command.ended_at:%Y-%m-%dT%H:%M:%S.%fZ}",
    ):
        assert escape(str(value)) in html
    assert "&quot;amount&quot;: &quot;1.10&quot;" in html
    assert "&quot;position&quot;: " in html


def test_numbers_in_a_command_are_not_rounded(root, pages):
    result = '{"ratio": 1.10, "huge": 123456789012345678901234567890.0100}'
    StoredCommand.objects.update(data='{"b":1.10,"a":2.50}')
    with connection.cursor() as cursor:
        cursor.execute("UPDATE eventstore_command SET result = %s::jsonb", [result])
    html = unescape(text_of(root, pages.command))
    assert '"b": 1.10,\n  "a": 2.50' in html
    assert '"ratio": 1.10' in html
    assert "123456789012345678901234567890.0100" in html


def test_a_refused_command_tells_why_and_caused_nothing(root, world):
    account_id = world.account("1.00")
    with pytest.raises(InsufficientFunds):
        world.withdraw(account_id, "2.00")
    command = last_command(world.actor)
    html = text_of(root, f"{COMMANDS}{command.pk}/")
    assert "insufficient_funds" in html
    assert "Deposit money first" in html
    assert '<p class="es-empty">None.</p>' in html


def test_a_command_lists_the_others_of_its_request(root, world):
    shared = uuid4()
    account_id = world.account()
    for _ in range(53):
        world.deposit(account_id, correlation_id=shared)
    world.deposit(account_id)
    first = StoredCommand.objects.filter(correlation_id=shared).earliest("number")
    html = text_of(root, f"{COMMANDS}{first.pk}/")
    related = html.partition('id="related"')[2].partition("</table>")[0]
    assert related.count("<tr>") == 1 + 50
    assert link(html, "all commands of this request") == f"{COMMANDS}?correlation_id={shared}"
    assert f"/{first.pk}/" not in related


def test_a_command_leads_to_the_command_that_caused_it(root, world):
    account_id = world.account()
    cause = last_command(world.actor)
    world.deposit(account_id, causation_id=cause.id)
    html = text_of(root, f"{COMMANDS}{last_command(world.actor).pk}/")
    assert link(html, f"command {cause.id}") == f"{COMMANDS}{cause.pk}/"


def test_events_in_cold_storage_are_named_without_a_link(root, pages):
    """Boxing deletes them; the command's answer still refers to them."""
    StoredCommand.objects.update(
        result={"events": [{"type": "account.opened", "version": 1, "position": 10**9}]}
    )
    html = text_of(root, pages.command)
    assert "account.opened" in html
    assert link(html, "account.opened") is None
    assert "in cold storage" in html


def test_many_events_are_cut_off_and_counted(root, pages):
    events = [{"type": "a.b", "version": n, "position": 10**9 + n} for n in range(1, 131)]
    StoredCommand.objects.update(result={"events": events})
    assert "And 30 more" in text_of(root, pages.command)


def test_a_command_that_has_not_ended_says_so(root, pages, world):
    StoredCommand.objects.update(ended_at=None, result=None, status="pending")
    html = text_of(root, pages.command)
    assert "not ended" in html
    assert "No answer is stored: the command has not ended." in html
    assert addresses(world.actor, last_command(world.actor).aggregate_id).command
