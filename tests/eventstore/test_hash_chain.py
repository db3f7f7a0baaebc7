"""The chain of hashes, computed here a second time from nothing but the stored rows."""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from eventstore.events import Event
from eventstore.hash_chain import GENESIS, HashChain
from eventstore.store import EventStore
from ledger.accounts.events import AccountOpened, MoneyDeposited
from ledger.persons.commands import RenamePerson
from ledger.persons.events import PersonRegistered
from tests.eventstore.support import World, append

STORED = """
SELECT s.category || '-' || s.aggregate_id AS stream, s.tenant_id, e.version, e.type,
       e.schema_version, e.recorded_at, e.data::text AS data, e.metadata::text AS metadata,
       e.hash, s.head_hash, s.version AS head
FROM eventstore_event e JOIN eventstore_stream s ON s.id = e.stream_id
ORDER BY e.position
"""

#: Text that a careless store would change.
AWKWARD = 'O\'Wonderland "Łódź" \\ / \u2028 <b>&amp; 日本 \U0001f600 é e\u0301 \u200d'


def test_every_stream_is_a_chain_from_the_genesis_to_its_head(
    world: World, raw: psycopg.Connection[Any]
) -> None:
    person = world.person("Alice", AWKWARD)
    world.send(RenamePerson(aggregate_id=person, first_name="Bob", last_name=AWKWARD))
    for _ in range(3):
        account = world.account("100.00", owner_id=person)
        world.withdraw(account, "30.55")

    streams = chains(raw)

    assert sorted(len(events) for events in streams.values()) == [2, 3, 3, 3]
    for events in streams.values():
        assert [event["version"] for event in events] == list(range(1, len(events) + 1))
        previous = bytes(32)
        for event in events:
            previous = hash_of(event, previous)
            assert event["hash"] == previous
        assert (events[-1]["head_hash"], events[-1]["head"]) == (previous, len(events))


def test_events_of_one_append_are_chained_as_if_appended_one_by_one(
    world: World, raw: psycopg.Connection[Any]
) -> None:
    paid_in = [MoneyDeposited(amount=Decimal(n)) for n in range(1, 50)]
    opened = AccountOpened(owner_id=uuid4(), code="1")

    append(world.application.store, world.actor.tenant_id, uuid4(), opened, *paid_in)

    ((_, events),) = chains(raw).items()
    previous = GENESIS
    for event in events:
        previous = hash_of(event, previous)
        assert event["hash"] == previous


@pytest.mark.parametrize(
    ("changed", "value"),
    [
        ("stream", "account-1"),
        ("tenant_id", uuid4()),
        ("version", 2),
        ("type_name", "account.closed"),
        ("schema_version", 2),
        ("recorded_at", datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
        ("data", b'{"a":2}'),
        ("metadata", b"{}"),
    ],
)
def test_the_hash_depends_on_every_part_of_an_event(changed: str, value: Any) -> None:
    event = example_event()

    assert our_hash(event) != our_hash({**event, changed: value})
    assert our_hash(event) != our_hash(event, previous=b"\1" * 32)


def test_text_moved_between_neighbours_changes_the_hash() -> None:
    event = example_event()

    assert our_hash({**event, "data": b"ab", "metadata": b"c"}) != our_hash(
        {**event, "data": b"a", "metadata": b"bc"}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysOutOfOrder(Event):
    """Its keys are not in alphabetical order, and `jsonb` would sort them."""

    zebra: str
    apple: list[int]
    mango: str


def test_the_stored_json_is_what_was_encoded_byte_for_byte(
    world: World, raw: psycopg.Connection[Any]
) -> None:
    types = world.application.events.__class__()
    types.name(KeysOutOfOrder, "test.keys_out_of_order")
    store = EventStore(world.application.database, types)
    event = KeysOutOfOrder(zebra=AWKWARD, apple=[3, 1, 2], mango="O'Neill")

    append(store, world.actor.tenant_id, uuid4(), event)

    (text,) = raw.execute("SELECT data::text FROM eventstore_event").fetchone()
    in_json = AWKWARD.replace("\\", "\\\\").replace('"', '\\"')
    assert text == f'{{"zebra":"{in_json}","apple":[3,1,2],"mango":"O\'Neill"}}'


def test_awkward_text_comes_back_as_it_was(world: World) -> None:
    person = world.person("Alice", AWKWARD)

    *_, (event,) = world.application.store.load(world.actor.tenant_id, person)

    assert event == PersonRegistered(first_name="Alice", last_name=AWKWARD)


def event_hash(previous: bytes, **event: Any) -> bytes:
    """The hash of one event from its parts."""
    shared = {name: event.pop(name) for name in ("tenant_id", "stream", "recorded_at", "metadata")}
    return HashChain(**shared).link(previous, **event)


def example_event() -> dict[str, Any]:
    return {
        "tenant_id": uuid4(),
        "stream": "account-2",
        "version": 1,
        "type_name": "account.opened",
        "schema_version": 1,
        "recorded_at": datetime(2024, 1, 1, tzinfo=UTC),
        "data": b'{"a":1}',
        "metadata": b'{"user":"mary"}',
    }


def our_hash(event: dict[str, Any], previous: bytes = GENESIS) -> bytes:
    """The hash that the code under test gives to an event."""
    shared = {"tenant_id", "stream", "recorded_at", "metadata"}
    chain = HashChain(**{name: event[name] for name in shared})
    return chain.link(previous, **{name: event[name] for name in event.keys() - shared})


def chains(raw: psycopg.Connection[Any]) -> dict[str, list[dict[str, Any]]]:
    """The stored events of each stream."""
    streams: dict[str, list[dict[str, Any]]] = {}
    cursor = raw.cursor(row_factory=psycopg.rows.dict_row)
    for event in cursor.execute(STORED):
        streams.setdefault(event["stream"], []).append(event)
    return streams


def hash_of(event: dict[str, Any], previous: bytes) -> bytes:
    """The format written out a second time: DESIGN section 5, not our own module."""
    since_1970 = event["recorded_at"].astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = (since_1970.days * 86_400 + since_1970.seconds) * 10**6
    microseconds += since_1970.microseconds
    parts = [
        previous,
        struct.pack(">QQ", *divmod(event["tenant_id"].int, 2**64)),
        event["stream"].encode(),
        str(event["version"]).encode(),
        event["type"].encode(),
        str(event["schema_version"]).encode(),
        str(microseconds).encode(),
        event["data"].encode(),
        event["metadata"].encode(),
    ]
    return sha256(b"".join(str(len(part)).encode() + b":" + part for part in parts)).digest()
