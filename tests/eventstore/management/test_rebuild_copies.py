"""`manage.py rebuild --into LABEL`: copies as of a time or a position, listed and dropped."""

import json
from datetime import UTC, datetime, timedelta

from eventstore.models import Rebuild, RowCopy
from tests.eventstore.boxes.stowing import stow
from tests.eventstore.management.rebuild_command import NAME, OWN_NAME, event, query, said
from tests.eventstore.support import World


def balances(label: str) -> list[tuple[object, ...]]:
    copy = RowCopy.objects.get(label=label)
    return query(f'SELECT balance::text FROM "{copy.schema}".account_summary ORDER BY 1')


def schemas() -> int:
    ((count,),) = query("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'copy%'")
    return int(count)


def test_until_a_position_the_copy_has_the_rows_of_then(world: World) -> None:
    account = world.account("5.00")
    world.deposit(account, "1.00")
    position = event(account, 2).position

    made = said(NAME, "--until", str(position), "--into", "year-end", "--reason", "audit")

    assert made.code == 0
    assert made.out.startswith(
        f"year-end: all tenants, up to position {position}, 2 rows of {NAME}; made "
    )
    assert made.out.endswith(f" by {OWN_NAME}: audit\n")
    assert balances("year-end") == [("5.00",)]
    copy = RowCopy.objects.get()
    assert (copy.position, copy.user, copy.reason) == (position, OWN_NAME, "audit")
    assert not Rebuild.objects.exists()


def test_as_of_a_time_between_two_commands_the_copy_has_the_first(world: World) -> None:
    account = world.account("5.00")
    world.deposit(account, "1.00")
    first, second = event(account, 2), event(account, 3)
    between = first.recorded_at + (second.recorded_at - first.recorded_at) / 2

    made = said("--all", "--as-of", between.isoformat(), "--into", "then", "--json")

    shown = json.loads(made.out)
    assert (made.code, shown["position"]) == (0, first.position)
    assert datetime.fromisoformat(shown["as_of"]) == between
    assert len(shown["projections"]) == 7
    assert balances("then") == [("5.00",)]


def test_a_tenants_copy_has_only_its_rows_and_another_may_have_the_same_label(
    world: World, elsewhere: World
) -> None:
    world.account("5.00")
    elsewhere.account("7.00")
    (last,) = query("SELECT max(position) FROM eventstore_event")[0]
    for slug in ("acme", "umbrella"):
        made = said(NAME, "--until", str(last), "--into", "x", "--tenant", slug)
        assert made.out.startswith(f"x: {slug}, up to position {last}, 2 rows of ")

    listed = json.loads(said("--copies", "--json").out)
    assert [(each["label"], each["tenant"]) for each in listed] == [
        ("x", "umbrella"),
        ("x", "acme"),
    ]
    assert [line.partition(",")[0] for line in said("--copies").lines] == [
        "x: umbrella",
        "x: acme",
    ]

    assert said("--drop", "x", "--tenant", "acme").code == 0
    (left,) = RowCopy.objects.all()
    assert (schemas(), left.tenant_id) == (1, elsewhere.actor.tenant_id)
    refused = said("--drop", "x")
    assert refused.code == 2
    assert refused.error == "There is no copy 'x' of all tenants. Known: none."
    refused = said("--drop", "y", "--tenant", "umbrella")
    assert refused.error == "There is no copy 'y' of tenant umbrella alone. Known: x."


def test_what_cannot_be_copied_ends_with_2_and_leaves_nothing(world: World) -> None:
    account = world.account("5.00")
    last = event(account, 2).position
    future = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    said(NAME, "--until", str(last), "--into", "taken")
    for arguments, sentence in (
        (("--as-of", future, "--into", "x"), "--as-of must not lie in the future."),
        (("--until", str(last + 1), "--into", "x"), f"--until must be from 0 to {last}, "),
        (("--until", "1", "--into", "A b"), "--into must have 1 to 50 of "),
        (("--until", "1", "--into", ""), "--into must have 1 to 50 of "),
        (("--until", "1", "--into", "taken"), "taken already. Drop it, or choose another label."),
    ):
        refused = said(NAME, *arguments)
        assert (refused.code, refused.out) == (2, ""), arguments
        assert sentence in refused.error
    assert (RowCopy.objects.count(), schemas()) == (1, 1)


def test_while_somebody_else_makes_a_copy_it_ends_with_3(world: World) -> None:
    world.account("5.00")
    with world.application.rebuilding.log.alone("copies"):
        assert said(NAME, "--until", "1", "--into", "x").code == 3
    assert not RowCopy.objects.exists()


def test_where_a_box_is_gone_no_copy_is_made_which_ends_with_1(world: World) -> None:
    account = world.account("5.00")
    last = event(account, 2).position
    (file,) = stow(world.application, account)
    file.unlink()
    refused = said(NAME, "--until", str(last), "--into", "x")
    assert refused.code == 1
    assert f"/{file.name} cannot be used: it is not there" in refused.error
    assert (schemas(), RowCopy.objects.count()) == (0, 0)


def test_where_there_is_none_it_says_so(database: None) -> None:
    assert said("--copies").lines == [
        "There are no copies. `rebuild --as-of TIME --into LABEL` makes one."
    ]
    assert said("--copies", "--json").out.strip() == "[]"
