"""`manage.py rebuild`: what it does, what it says, and what it refuses."""

import io
import json
import re
import sys
from uuid import uuid4

import pytest

from eventstore.application import get_application
from eventstore.models import Reaction, Rebuild, StoredCommand, StoredEvent, Subscription
from projections.models import AccountSummary
from tests.eventstore import failing
from tests.eventstore.boxes.stowing import stow
from tests.eventstore.management.rebuild_command import (
    NAME,
    OWN_NAME,
    answer,
    everything,
    said,
)
from tests.eventstore.support import World
from tests.replay import assert_rows_as_replayed


def names() -> list[str]:
    return [projection.name for projection in get_application().projections]


# What it does ------------------------------------------------------------------------------------


def test_lost_rows_are_there_again_and_a_line_says_how_many_and_how_fast(world: World) -> None:
    account = world.account("5.00")
    AccountSummary.objects.all().delete()

    finished = said(NAME)

    assert finished.code == 0
    assert re.fullmatch(
        rf"{NAME}: 2 rows written, 3 events, \d+\.\d\d s, [\d,]+ events/s\n", finished.out
    )
    assert AccountSummary.objects.get().account_id == account


def test_all_are_rebuilt_each_on_record_under_the_name_of_the_machines_user(world: World) -> None:
    world.account("5.00")

    finished = said("--all", "--reason", "after the move")

    assert finished.code == 0
    assert [line.partition(":")[0] for line in finished.lines] == names()
    records = Rebuild.objects.order_by("id")
    assert [(each.projection, each.status) for each in records] == [(n, "done") for n in names()]
    assert {(each.user, each.reason) for each in records} == {(OWN_NAME, "after the move")}
    assert assert_rows_as_replayed(world.application) > 3


def test_programs_get_json(world: World) -> None:
    world.account("5.00")
    first, second = answer(NAME, "person_summary")
    assert first.pop("seconds") > 0
    assert first.pop("events_per_second") > 0
    assert first == {
        "projection": NAME,
        "kind": "rebuild",
        "exit_code": 0,
        "error": None,
        "events": 3,
        "rows": 2,
    }
    assert second["projection"] == "person_summary"


def test_nothing_is_sent_or_done_by_a_rebuild_of_all(world: World) -> None:
    world.account("5.00")
    tables = (StoredCommand, StoredEvent, Reaction)
    before = [list(table.objects.order_by("pk").values()) for table in tables]

    assert said("--all").code == 0
    assert said("--all", "--fix").code == 0

    assert [list(table.objects.order_by("pk").values()) for table in tables] == before


def test_one_that_fails_does_not_keep_the_next_ones_from_their_turn(world: World) -> None:
    world.account("5.00")
    AccountSummary.objects.all().delete()
    with failing.broken_statements():
        finished = said("account_statement", NAME, "tenant_overview")
        rows = answer("account_statement", NAME)

    assert finished.code == 1
    assert [line.partition(":")[0] for line in finished.lines] == [NAME, "tenant_overview"]
    assert finished.error.startswith("account_statement cannot be rebuilt: ")
    assert "trigger refuse_lines" in finished.error
    assert AccountSummary.objects.count() == 1
    by_name = {row["projection"]: row for row in rows}
    assert (by_name[NAME]["error"], by_name[NAME]["exit_code"]) == (None, 0)
    assert "trigger refuse_lines" in by_name["account_statement"]["error"]
    assert by_name["account_statement"]["exit_code"] == 1


def test_a_failure_is_worse_than_one_that_somebody_else_is_at(world: World) -> None:
    world.account("5.00")
    with world.application.rebuilding.log.alone(NAME):
        assert said(NAME, "person_summary").code == 3
        with failing.broken_statements():
            finished = said(NAME, "account_statement")
    assert finished.code == 1
    assert f"{NAME} is already running." in finished.error
    assert "account_statement cannot be rebuilt" in finished.error


def test_a_projection_whose_mode_is_another_in_this_code_gets_it_with_its_rows(
    world: World,
) -> None:
    world.account("5.00")
    said(NAME)
    Subscription.objects.filter(projection=NAME).update(mode="async")

    assert said(NAME).code == 0

    assert Subscription.objects.get(projection=NAME).mode == "inline"


# The bar -----------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("arguments", [(NAME,), (NAME, "--check"), (NAME, "--fix")])
def test_on_a_terminal_a_bar_shows_rate_and_time_left_and_elsewhere_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    world.account("5.00")
    for stream, is_shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        assert said(*arguments).code == 0
        last = stream.getvalue().split("\r")[-1]
        expected = rf"\[#{{30}}\] 3/3 positions of {NAME}, [\d,]+/s, 0 s left +\n"
        assert bool(re.fullmatch(expected, last)) is is_shown, last
        assert bool(last) is is_shown


# What it refuses ---------------------------------------------------------------------------------


def test_without_a_name_the_known_ones_are_listed(database: None) -> None:
    refused = said()
    assert refused.code == 2
    assert refused.error.endswith(f"Known: {', '.join(names())}.")


def test_an_unknown_name_is_refused_before_anything_is_begun(world: World) -> None:
    refused = said(NAME, "acount_summary")
    assert refused.code == 2
    assert refused.error.startswith("There is no projection 'acount_summary'. Known: ")
    assert all(name in refused.error for name in names())
    assert not Rebuild.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((NAME, "--all"), "Name some, or take all"),
        ((NAME, "--check", "--fix"), "--check counts what --fix would mend"),
        ((NAME, "--check", "--stream", "account-1"), "--check compares all rows"),
        ((NAME, "--check", "--dry-run"), "--check changes no row"),
        ((NAME, "--fix", "--dry-run"), "--check counts what --fix would mend"),
        ((NAME, "--dry-run", "--reason", "so"), "--dry-run and --reason do not go together."),
        ((NAME, "--as-of", "2027-12-31T12:00Z"), "needs --into LABEL"),
        ((NAME, "--until", "5"), "needs --into LABEL"),
        ((NAME, "--check", "--until", "5"), "--check and --until do not go together."),
        ((NAME, "--into", "x"), "--as-of TIME or --until POSITION"),
        ((NAME, "--into", "x", "--until", "5", "--stream", "account-1"), "A copy is of all rows"),
        (
            (NAME, "--into", "x", "--until", "5", "--as-of", "2027-12-31T12:00Z"),
            "Give the time or the position",
        ),
        ((NAME, "--asked"), "--asked and NAME do not go together."),
        (("--asked", "--json"), "--asked and --json do not go together."),
        (("--copies", "--all"), "--copies and --all do not go together."),
        (("--drop", "x", "--all"), "--drop and --all do not go together."),
        (("--drop", "x", "--copies"), "--copies and --drop do not go together."),
        ((NAME, "--reason", ""), "--reason "),
        ((NAME, "--reason", "x" * 201), "--reason "),
        ((NAME, "--tenant", "nobody"), "There is no tenant 'nobody'"),
        ((NAME, "--stream", "account-1"), "is no stream's name"),
        ((NAME, "--stream", f"account-{uuid4()}"), "No tenant has a stream"),
        ((NAME, "--into", "x", "--as-of", "2027-12-31T12:00"), "--as-of must be an ISO 8601 time"),
        ((NAME, "--into", "x", "--as-of", "2027-12-31T12:00Z\0"), "--as-of must be an ISO"),
        ((NAME, "--into", "x", "--until", "-1"), "--until must be a number from 0"),
        ((NAME, "--into", "x", "--until", "9" * 19), "--until must be a number from 0"),
    ],
)
def test_what_contradicts_itself_or_is_none_ends_with_2_and_a_sentence(
    database: None, arguments: tuple[str, ...], sentence: str
) -> None:
    refused = said(*arguments)
    assert (refused.code, refused.out) == (2, "")
    assert sentence in refused.error
    assert not Rebuild.objects.exists()


# What it would do --------------------------------------------------------------------------------


def test_a_dry_run_writes_nothing_at_all_and_says_what_would_happen(world: World) -> None:
    world.account("5.00")
    # As before its first event.
    Subscription.objects.filter(projection="account_statement").delete()
    AccountSummary.objects.all().delete()
    before = everything()

    finished = said("--all", "--dry-run")

    assert everything() == before
    assert finished.code == 0
    assert f"{NAME}: inline, active, at 0; 1 rows; 3 events would be read" in finished.out
    assert "account_statement: async, new, at 0; 0 rows; 2 events would be read" in finished.out
    assert finished.out.count("  All rows are made anew and put in place at once.") == len(names())


def test_a_dry_run_of_a_tenant_or_a_stream_counts_only_theirs(
    world: World, elsewhere: World
) -> None:
    account = world.account("5.00")
    elsewhere.account("5.00")
    elsewhere.deposit(elsewhere.account())

    (of_all,) = answer(NAME, "--dry-run")
    (of_acme,) = answer(NAME, "--dry-run", "--tenant", "acme")
    (of_stream,) = answer(NAME, "--dry-run", "--stream", f"account-{account}")

    assert (of_all["rows"], of_all["events"]) == (6, 9)
    assert (of_acme["rows"], of_acme["events"]) == (2, 3)
    assert "Of tenant acme's rows" in of_acme["would"]
    assert f"Of the rows that account-{account} has touched" in of_stream["would"]


def test_a_dry_run_names_another_mode_and_all_that_forbids_it(world: World) -> None:
    world.account("5.00")
    said(NAME)
    Subscription.objects.filter(projection=NAME).update(mode="async")
    (row,) = answer(NAME, "--dry-run")
    assert (row["mode"], row["registered_mode"]) == ("async", "inline")
    assert row["would"].endswith("inline instead of async.")
    assert row["forbidden_by"] == []

    (row,) = answer(NAME, "--dry-run", "--tenant", "acme")
    assert row["forbidden_by"] == [
        "its mode changes; rebuild all of it, without --tenant and --stream."
    ]

    with failing.broken_statements(), world.application.rebuilding.log.alone("account_statement"):
        (row,) = answer("account_statement", "--dry-run")
        told = said("account_statement", "--dry-run").out
    assert row["forbidden_by"] == [
        "somebody else rebuilds, checks or mends it.",
        "table account_statement has a trigger refuse_lines, which a new table would lose.",
    ]
    assert all(f"  It cannot be done now: {reason}" in told for reason in row["forbidden_by"])


def test_a_dry_run_says_how_much_lies_in_cold_storage(world: World, elsewhere: World) -> None:
    boxed = [world.account("5.00"), world.person(), elsewhere.person()]
    stow(world.application, *boxed)

    (of_all,), (of_acme,) = (
        answer(NAME, "--dry-run"),
        answer(NAME, "--dry-run", "--tenant", "acme"),
    )

    assert (of_all["events"], of_all["boxes"], of_all["boxed_events"]) == (1, 3, 4)
    assert (of_acme["events"], of_acme["boxes"], of_acme["boxed_events"]) == (1, 2, 3)
    assert of_all["forbidden_by"] == []
    assert "1 events would be read, and 3 boxes with 4\n" in said(NAME, "--dry-run").out


def test_json_of_a_failure_is_json(world: World) -> None:
    with world.application.rebuilding.log.alone(NAME):
        finished = said(NAME, "--json")
    (row,) = json.loads(finished.out)
    assert (finished.code, row["exit_code"], row["rows"]) == (3, 3, None)
    assert row["error"] == finished.error
