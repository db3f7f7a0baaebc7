"""`manage.py rebuild --check` and `--fix`, and rebuilds of a tenant or of a stream."""

from decimal import Decimal
from uuid import UUID

from eventstore.models import Reaction, Rebuild, StoredCommand, StoredEvent
from projections.models import AccountSummary, PersonSummary
from tests.eventstore.management.rebuild_command import (
    NAME,
    answer,
    broken,
    event,
    everything,
    said,
    xmins,
)
from tests.eventstore.support import World
from tests.replay import assert_rows_equal_a_replay


def test_rows_that_are_those_of_a_replay_end_with_0(world: World) -> None:
    world.account("5.00")
    finished = said(NAME, "person_summary", "--check")
    assert finished.code == 0
    for line in finished.lines:
        assert ": 0 missing, 0 extra, 0 different, " in line


def test_a_check_names_exactly_what_was_broken_and_the_event_where_it_parts(world: World) -> None:
    accounts = broken(world)

    finished = said(NAME, "--check")

    last, opened = event(accounts.changed, 3), event(accounts.deleted, 1)
    assert finished.code == 1
    assert finished.error.startswith(f"{NAME}: 3 rows differ from a replay.")
    assert finished.lines[0].startswith(f"{NAME}: 1 missing, 1 extra, 1 different, 10 events, ")
    row = f"  acme {NAME} account_id="
    assert {line.removeprefix(row) for line in finished.lines[1:]} == {
        f"{accounts.changed}: different from a replay in balance, version, updated_at, "
        f"from account-{accounts.changed} version 3 on (position {last.position})",
        f"{accounts.deleted}: missing, where a replay has a row, from "
        f"account-{accounts.deleted} version 1 on (position {opened.position})",
        f"{accounts.invented}: extra, where a replay has no row",
    }


def test_a_check_changes_nothing_but_its_own_record(world: World) -> None:
    broken(world)
    said(NAME, "--check")
    before = everything()
    record = "public.eventstore_rebuild"

    said(NAME, "--check")

    after = everything()
    assert after.pop(record)[0] == before.pop(record)[0] + 1
    assert after == before
    assert Rebuild.objects.latest("id").status == "differs"


def test_a_check_for_programs(world: World) -> None:
    accounts = broken(world)
    (row,) = answer(NAME, "--check")
    assert (row["missing"], row["extra"], row["different"], row["rows"]) == (1, 1, 1, 3)
    assert row["exit_code"] == 1
    (found,) = (each for each in row["differences"] if each["kind"] == "different")
    assert found == {
        "tenant": "acme",
        "table": NAME,
        "key": {"account_id": str(accounts.changed)},
        "kind": "different",
        "columns": ["balance", "version", "updated_at"],
        "position": event(accounts.changed, 3).position,
        "stream": f"account-{accounts.changed}",
        "version": 3,
    }


def test_no_more_than_a_hundred_rows_are_told_and_all_are_counted(world: World) -> None:
    account = world.account()
    row = AccountSummary.objects.get(account_id=account)
    AccountSummary.objects.bulk_create(
        AccountSummary(
            tenant_id=row.tenant_id,
            account_id=UUID(int=number),
            owner_id=row.owner_id,
            opened_at=row.opened_at,
            version=1,
            updated_at=row.updated_at,
        )
        for number in range(123)
    )
    finished = said(NAME, "--check")
    assert len(finished.lines) == 102
    assert ": 0 missing, 123 extra, 0 different, " in finished.lines[0]
    assert finished.lines[-1] == "  and 23 more rows"


def test_fix_mends_only_what_differs(world: World) -> None:
    accounts = broken(world)
    before = xmins()

    finished = said(NAME, "--fix")

    after = xmins()
    assert finished.code == 0
    assert finished.out.startswith(f"{NAME}: 3 rows mended, ")
    assert after.keys() == {accounts.sound, accounts.changed, accounts.deleted}
    assert after[accounts.sound] == before[accounts.sound]
    assert after[accounts.changed] != before[accounts.changed]
    assert said(NAME, "--check").code == 0
    assert said(NAME, "--fix").out.startswith(f"{NAME}: 0 rows mended, ")
    assert xmins() == after


def test_nothing_is_sent_or_done_by_a_check_or_a_fix(world: World) -> None:
    broken(world)
    tables = (StoredCommand, StoredEvent, Reaction)
    before = [list(table.objects.order_by("pk").values()) for table in tables]
    assert said("--all", "--check").code == 1
    assert said("--all", "--fix").code == 0
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before


def test_a_tenants_rows_are_checked_and_mended_without_another_tenants(
    world: World, elsewhere: World
) -> None:
    broken(world)
    other = elsewhere.account("5.00")
    AccountSummary.objects.filter(account_id=other).update(balance=Decimal(1))

    assert said(NAME, "--check").error.startswith(f"{NAME}: 4 rows differ")
    assert said(NAME, "--check", "--tenant", "acme").error.startswith(f"{NAME}: 3 rows differ")
    assert said(NAME, "--fix", "--tenant", "acme").out.startswith(f"{NAME}: 3 rows mended, ")
    assert said(NAME, "--check", "--tenant", "acme").code == 0
    found = said(NAME, "--check")
    assert found.error.startswith(f"{NAME}: 1 row differs")
    assert f"  umbrella {NAME} account_id={other}: different" in found.out


def test_a_rebuild_of_a_tenant_writes_only_what_differs_there(
    world: World, elsewhere: World
) -> None:
    accounts = broken(world)
    other = elsewhere.account("5.00")
    AccountSummary.objects.filter(account_id=other).update(balance=Decimal(1))
    before = xmins()

    assert said(NAME, "--tenant", "acme").out.startswith(f"{NAME}: 3 rows written, ")

    after = xmins()
    assert {account for account in before if before[account] == after.get(account)} == {
        accounts.sound,
        other,
    }
    assert said(NAME, "--tenant", "umbrella").out.startswith(f"{NAME}: 1 row written, ")
    assert_rows_equal_a_replay(world.application)


def test_a_stream_has_the_rows_mended_that_it_touches_and_no_others(world: World) -> None:
    """Its owner's row too, which other accounts feed as well; and not the other broken rows."""
    owner = world.person()
    account, sibling = (world.account("5.00", owner) for _ in range(2))
    elsewhere = world.account("7.00")
    AccountSummary.objects.update(balance=Decimal(1))
    PersonSummary.objects.update(total_balance=Decimal(1))

    finished = said(NAME, "person_summary", "--stream", f"account-{account}")

    assert finished.code == 0
    assert [line.partition(",")[0] for line in finished.lines] == [
        f"{NAME}: 1 row written",
        "person_summary: 1 row written",
    ]
    balances = dict(AccountSummary.objects.values_list("account_id", "balance"))
    assert balances == {account: 5, sibling: 1, elsewhere: 1}
    totals = dict(PersonSummary.objects.values_list("person_id", "total_balance"))
    assert totals.pop(owner) == 10
    assert set(totals.values()) == {1}
    assert Rebuild.objects.latest("id").stream == f"account-{account}"


def test_a_stream_can_be_mended_by_fix_with_the_same_result(world: World) -> None:
    accounts = broken(world)
    finished = said(NAME, "--fix", "--stream", f"account-{accounts.changed}", "--tenant", "acme")
    assert finished.out.startswith(f"{NAME}: 1 row mended, ")
    assert said(NAME, "--check").error.startswith(f"{NAME}: 2 rows differ")
