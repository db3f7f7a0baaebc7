"""Where each invariant of DESIGN section 3 is proven, and proofs that belong to no one module.

1   events are facts               test_guards.py, test_hash_chain.py
2   one winner                     test_store.py, test_contention.py, below
3   no reader skips                high_water_mark/
4   a command happens once         test_command_log.py, test_lost_connection.py
5   rows equal a replay (inline)   test_replay.py, test_rows.py
8   tenants never meet             below, test_rows.py, test_guards.py
9   queries touch no event table   tests/projections
11  money is exact                 below, test_fields.py, test_validation.py
"""

from collections import Counter
from contextlib import suppress
from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db.models import Max, Min, Sum

from eventstore.commands import Command, Result
from eventstore.errors import AggregateNotFound
from eventstore.models import StoredEvent, StoredStream
from ledger.accounts.commands import CloseAccount, DepositMoney, OpenAccount, WithdrawMoney
from ledger.errors import InsufficientFunds
from ledger.persons.commands import RegisterPerson, RenamePerson
from projections.models import AccountSummary, PersonSummary
from tests.eventstore.own import MoveMoney, own_application
from tests.eventstore.support import World, at_once, stored_counts
from tests.replay import assert_rows_equal_a_replay


def test_versions_are_without_holes_after_a_storm(world: World) -> None:
    """Invariant 2."""
    accounts = [world.account("20.00") for _ in range(3)]
    assert at_once(*[partial(send_each, world, accounts) for _ in range(8)]) == [None] * 8

    for stream in StoredStream.objects.all():
        versions = StoredEvent.objects.filter(stream=stream).order_by("position")
        assert list(versions.values_list("version", flat=True)) == list(
            range(1, stream.version + 1)
        )


def send_each(world: World, accounts: list[UUID]) -> None:
    for account in accounts * 3:
        world.deposit(account)


def test_two_tenants_use_one_aggregate_id_and_one_command_id_independently(
    world: World, elsewhere: World
) -> None:
    """Invariant 8."""
    person, account, command_id = uuid4(), uuid4(), uuid4()
    for tenant, name in ((world, "Alice"), (elsewhere, "Otto")):
        tenant.send(
            RegisterPerson(aggregate_id=person, first_name=name, last_name="X"),
            command_id=command_id,
        )
        tenant.send(OpenAccount(aggregate_id=account, owner_id=person, code="1"))

    world.deposit(account, "10.00")
    elsewhere.deposit(account, "3.00")
    with pytest.raises(InsufficientFunds):
        elsewhere.withdraw(account, "4.00")

    assert (world.balance(account), elsewhere.balance(account)) == (Decimal(10), Decimal(3))
    names = dict(PersonSummary.objects.values_list("tenant_id", "name"))
    assert names == {world.actor.tenant_id: "Alice X", elsewhere.actor.tenant_id: "Otto X"}
    assert_rows_equal_a_replay(world.application)


@pytest.mark.parametrize(
    "command",
    [
        lambda id_: DepositMoney(aggregate_id=id_, amount=Decimal("1.00")),
        lambda id_: WithdrawMoney(aggregate_id=id_, amount=Decimal("1.00")),
        lambda id_: CloseAccount(aggregate_id=id_),
        lambda id_: RenamePerson(aggregate_id=id_, first_name="A", last_name="B"),
        lambda id_: OpenAccount(aggregate_id=uuid4(), owner_id=id_, code="1"),
    ],
    ids=["deposit", "withdraw", "close", "rename", "open"],
)
def test_another_tenants_aggregate_answers_like_an_unknown_one(
    world: World, elsewhere: World, command: type[Command]
) -> None:
    """Invariant 8."""
    person = elsewhere.person()
    theirs = [person, elsewhere.account("10.00", owner_id=person)]
    before = list(StoredEvent.objects.values_list("position"))

    for id_ in theirs:
        unknown = uuid4()
        with pytest.raises(AggregateNotFound) as of_theirs:
            world.send(command(id_))
        with pytest.raises(AggregateNotFound) as of_unknown:
            world.send(command(unknown))
        expected = str(of_unknown.value).replace(str(unknown), str(id_))
        assert (of_theirs.value.code, str(of_theirs.value)) == ("not_found", expected)
    assert list(StoredEvent.objects.values_list("position")) == before


def test_the_store_does_not_load_another_tenants_stream(world: World, elsewhere: World) -> None:
    """Invariant 8."""
    theirs = elsewhere.account("10.00")
    store, tenant_id = world.application.store, world.actor.tenant_id

    assert store.load(tenant_id, theirs) is None
    assert store.find(tenant_id, theirs) is None
    assert list(world.application.reader.read_stream(tenant_id, "account", theirs)) == []


def test_each_table_with_a_tenant_has_it_in_each_of_its_keys(
    raw: psycopg.Connection[object],
) -> None:
    """Invariant 8: a unique key without the tenant would let tenants meet in it."""
    keys = raw.execute(
        """
        SELECT c.relname, i.relname, array_agg(a.attname::text)
        FROM pg_index x
        JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (x.indkey)
        WHERE x.indisunique AND NOT x.indisprimary AND EXISTS (
            SELECT FROM pg_attribute t WHERE t.attrelid = c.oid AND t.attname = 'tenant_id')
        GROUP BY 1, 2
        """
    ).fetchall()
    #: Keys that reach the tenant through a stream, and digests of random bits.
    elsewhere = {"eventstore_event_version", "eventstore_api_key_digest_key"}

    assert len(keys) >= 8
    without = {index for _, index, columns in keys if "tenant_id" not in columns}
    assert without <= elsewhere


@pytest.mark.long
def test_money_is_conserved_in_a_storm(world: World) -> None:
    """Invariant 11: the sum of all balances is what came in less what went out, to the cent."""
    accounts = [world.account("100.00") for _ in range(4)]
    own = World(own_application(), world.actor)

    def storm(number: int) -> None:
        for step in range(5):
            source, target = (accounts[(number + step + n) % 4] for n in (0, step % 3 + 1))
            try_to(partial(world.deposit, source, f"0.{step + 10}"))
            try_to(partial(world.withdraw, source, f"{number}.{step + 10}"))
            command = MoveMoney(aggregate_id=source, to_account_id=target, amount=Decimal("33.33"))
            try_to(partial(own.send, command))

    outcomes = at_once(*[partial(storm, number) for number in range(6)])

    assert outcomes == [None] * 6
    events = Counter[str]()
    for recorded in world.application.reader.read_log():
        events[recorded.type] += getattr(recorded.event, "amount", Decimal(0))
    expected = events["account.money_deposited"] - events["account.money_withdrawn"]
    assert expected > 0
    assert AccountSummary.objects.aggregate(sum=Sum("balance"))["sum"] == expected
    assert PersonSummary.objects.aggregate(sum=Sum("total_balance"))["sum"] == expected
    assert AccountSummary.objects.aggregate(least=Min("balance"))["least"] >= 0
    assert_rows_equal_a_replay(world.application)


def try_to(call: partial[Result]) -> None:
    with suppress(InsufficientFunds):
        call()


def test_money_that_only_moves_keeps_its_sum(world: World) -> None:
    """Invariant 11: from A to B and from B to A at once, through deadlocks and retries."""
    one, other = world.account("500.00"), world.account("500.00")
    own = World(own_application(), world.actor)

    def move(source: UUID, target: UUID) -> Result:
        amount = Decimal("7.77")
        return own.send(MoveMoney(aggregate_id=source, to_account_id=target, amount=amount))

    results = at_once(*[partial(move, one, other), partial(move, other, one)] * 2)

    assert [type(result) for result in results] == [Result] * 4, results
    assert world.balance(one) + world.balance(other) == Decimal("1000.00")


def test_cents_add_up_exactly(world: World) -> None:
    """Invariant 11: a hundred times ten cents is ten, as no binary float would have it."""
    account = world.account()
    for _ in range(100):
        world.deposit(account, "0.10")
    world.withdraw(account, "10.00")

    assert world.balance(account) == Decimal(0)
    with pytest.raises(InsufficientFunds):
        world.withdraw(account, "0.01")


def test_positions_rise_within_each_stream_and_from_cause_to_effect(world: World) -> None:
    account = world.account("10.00")
    world.withdraw(account, "1.00")
    highest = StoredEvent.objects.aggregate(highest=Max("position"))["highest"]

    positions = [e.position for e in world.application.reader.read_log()]
    assert positions == sorted(set(positions))
    assert positions[-1] == highest
    assert stored_counts()[1] == len(positions)
