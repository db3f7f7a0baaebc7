"""One tenant's rows, one stream's, or whatever differs: just these are written."""

from uuid import uuid4

import pytest

from eventstore import shadow_rows
from eventstore.models import Reaction, StoredCommand, StoredEvent, Subscription, Wakeup
from ledger.transfers.commands import StartTransfer
from ledger.users.commands import StartUserRegistration
from projections.models import AccountStatementLine, AccountSummary, PersonSummary
from tests.eventstore.rebuilding.support import (
    differing,
    do,
    last_run,
    query,
    rebuild,
    shadows,
    xmins,
)
from tests.eventstore.support import World
from tests.replay import assert_rows_as_replayed, bring_level


def written(world: World, kind: str, name: str, **part: object) -> int:
    """How many rows stand there that did not before."""
    tables = [table._meta.db_table for table in models_of(world, name)]
    before = {table: xmins(table) for table in tables}
    do(world.application, kind, name, **part)
    return sum(len(xmins(table).items() - before[table].items()) for table in tables)


def models_of(world: World, name: str) -> list[type]:
    projection = world.application.projections.named(name)
    assert projection is not None
    return [table.model for table in projection.tables]


def test_one_tenants_rows_are_mended_and_no_other_row_is_touched(
    world: World, elsewhere: World
) -> None:
    ours, theirs = world.account("10.00"), elsewhere.account("20.00")
    world.account("1.00")
    AccountSummary.objects.filter(account_id__in=(ours, theirs)).update(balance=0)
    tenant_id = world.actor.tenant_id
    assert differing(world.application, "account_summary", tenant_id=tenant_id) == 1
    assert differing(world.application, "account_summary") == 2

    assert written(world, "rebuild", "account_summary", tenant_id=tenant_id) == 1
    assert str(world.balance(ours)) == "10.00"
    assert differing(world.application, "account_summary", tenant_id=tenant_id) == 0
    assert differing(world.application, "account_summary") == 1

    assert written(world, "fix", "account_summary", tenant_id=elsewhere.actor.tenant_id) == 1
    assert differing(world.application, "account_summary") == 0
    assert written(world, "fix", "account_summary") == 0
    assert shadows() == []


def test_every_row_that_a_stream_touches_is_mended_and_no_other_one(world: World) -> None:
    """A person's sum is fed by all of his accounts' streams, and is right afterwards."""
    person, other = world.person(), world.person()
    first, second = (world.account("10.00", owner_id=person) for _ in range(2))
    third = world.account("10.00", owner_id=other)
    PersonSummary.objects.update(total_balance=1)
    AccountSummary.objects.update(balance=1)
    part = {"tenant_id": world.actor.tenant_id, "stream": f"account-{first}"}

    assert written(world, "rebuild", "person_summary", **part) == 1
    sums = dict(PersonSummary.objects.values_list("person_id", "total_balance"))
    assert (str(sums[person]), str(sums[other])) == ("20.00", "1.00")
    assert written(world, "rebuild", "account_summary", **part) == 1
    balances = [str(world.balance(account)) for account in (first, second, third)]
    assert balances == ["10.00", "1.00", "1.00"]
    assert last_run().rows == 1


def test_a_row_that_a_stream_has_made_comes_back(world: World) -> None:
    first, second = world.account("10.00"), world.account("10.00")
    bring_level(world.application)
    AccountStatementLine.objects.all().delete()
    part = {"tenant_id": world.actor.tenant_id, "stream": f"account-{first}"}
    assert rebuild(world.application, "account_statement", **part).rows == 1
    assert AccountStatementLine.objects.get().account_id == first
    assert do(world.application, "fix", "account_statement").rows == 1
    assert AccountStatementLine.objects.filter(account_id=second).exists()
    assert_rows_as_replayed(world.application)


def test_a_fix_leaves_a_checkpoint_and_a_generation_as_they_are(world: World) -> None:
    """Rows as of the checkpoint: a worker goes on from there."""
    account = world.account("10.00")
    bring_level(world.application)
    before = Subscription.objects.get(projection="account_statement")
    world.deposit(account)
    AccountStatementLine.objects.update(amount=0)
    assert do(world.application, "fix", "account_statement").rows == 1
    after = Subscription.objects.get(projection="account_statement")
    assert (after.position, after.generation) == (before.position, before.generation)
    bring_level(world.application)
    assert_rows_as_replayed(world.application)


def history(world: World) -> None:
    """Something for every projection."""
    accounts = [world.account("50.00") for _ in range(4)]
    for number in range(6):
        world.send(
            StartTransfer(
                aggregate_id=uuid4(),
                from_account_id=accounts[number % 4],
                to_account_id=accounts[(number + 1) % 4],
                amount=30 + number,
            )
        )
        world.deposit(accounts[number % 3], "0.01")
    for name in ("anna", "anna", "otto"):
        world.send(
            StartUserRegistration(aggregate_id=uuid4(), login_name=name, password="correct horse")
        )
    bring_level(world.application)


@pytest.mark.long
@pytest.mark.parametrize("batch", [1, 7, 10_000])
def test_a_replay_that_memory_cannot_hold_gives_the_same_rows(
    world: World, elsewhere: World, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    history(world)
    history(elsewhere)
    monkeypatch.setattr(shadow_rows, "MOST_ROWS", 2)
    monkeypatch.setattr("eventstore.replaying.BATCH", batch)
    for projection in world.application.projections:
        assert differing(world.application, projection.name) == 0
        rebuild(world.application, projection.name)
    assert assert_rows_as_replayed(world.application)


def test_what_has_been_done_beside_the_rows_is_not_done_again(
    world: World, mailoutbox: list[object]
) -> None:
    history(world)
    before = beside_the_rows(), len(mailoutbox)
    for kind in ("rebuild", "check", "fix"):
        for projection in world.application.projections:
            do(world.application, kind, projection.name)
    assert (beside_the_rows(), len(mailoutbox)) == before


def beside_the_rows() -> list[object]:
    models = (StoredEvent, StoredCommand, Reaction, Wakeup)
    return [list(model.objects.order_by("pk").values()) for model in models] + [
        query("SELECT last_value FROM eventstore_event_position_seq"),
        query("SELECT count(*), max(at) FROM eventstore_subscription_action"),
    ]
