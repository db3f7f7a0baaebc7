"""`manage.py verify` and the rows of projections: the read side's own witness."""

import io
import sys
from decimal import Decimal
from uuid import uuid4

import pytest

from eventstore import boxed_events
from eventstore.models import Rebuild, StoredStream
from ledger.transfers.commands import StartTransfer
from projections.models import AccountSummary
from tests.eventstore.boxes.stowing import stow
from tests.eventstore.forgery import ForgedEvent, forge, verify
from tests.eventstore.management.rebuild_command import (
    NAME,
    OWN_NAME,
    broken,
    event,
    everything,
    said,
    xmins,
)
from tests.eventstore.management.test_rebuild import Terminal, names
from tests.eventstore.support import World

ADVICE = " Before `manage.py rebuild NAME --fix` mends rows, make sure of the events."


def test_rows_that_are_those_of_a_replay_are_counted_and_each_check_is_on_record(
    world: World,
) -> None:
    world.account("5.00")
    verified = verify(with_rows=True)
    assert verified.exit_code == 0, verified.problems
    assert verified.answer["looked_at"]["projections"] == len(names())
    assert verified.answer["passed_over"] == {}
    checks = Rebuild.objects.order_by("id")
    assert [(each.kind, each.projection) for each in checks] == [("check", n) for n in names()]
    assert {(each.user, each.reason, each.status) for each in checks} == {
        (OWN_NAME, "verify", "done")
    }


def test_what_was_broken_is_found_among_the_others_and_ends_with_4(world: World) -> None:
    accounts = broken(world)
    before = xmins()

    verified = verify(with_rows=True)
    told = said("--all", command="verify")

    last, opened = event(accounts.changed, 3), event(accounts.deleted, 1)
    assert verified.exit_code == 4
    assert (verified.answer["finding_count"], verified.answer["differing_rows"]) == (3, 3)
    row = f"{NAME} account_id="
    found = {(each["stream"], each["position"]): each for each in verified.answer["findings"]}
    assert found.keys() == {
        (f"{row}{accounts.changed}", last.position),
        (f"{row}{accounts.deleted}", opened.position),
        (f"{row}{accounts.invented}", None),
    }
    assert found[f"{row}{accounts.changed}", last.position] == {
        "tenant": "acme",
        "stream": f"{row}{accounts.changed}",
        "version": None,
        "position": last.position,
        "problem": "The row is different from a replay in balance, version, updated_at, from "
        f"account-{accounts.changed} version 3 on.",
    }
    assert told.code == 4
    assert (
        f"acme {row}{accounts.deleted}, position {opened.position}: The row is missing, where a "
        f"replay has a row, from account-{accounts.deleted} version 1 on." in told.lines
    )
    assert told.error == f"3 rows are not as a replay gives.{ADVICE}"
    assert xmins() == before


def test_events_come_first_and_rows_after_them(world: World) -> None:
    accounts = broken(world)
    stream = StoredStream.objects.get(aggregate_id=accounts.sound)
    forge("UPDATE eventstore_stream SET head_hash = '' WHERE id = %(stream)s", stream=stream.id)

    verified = verify(with_rows=True)
    told = said(command="verify")

    assert verified.first == (str(stream), 2)
    assert (verified.answer["finding_count"], verified.answer["differing_rows"]) == (4, 3)
    assert told.lines[0].startswith(f"acme {stream}, version 2: ")
    assert told.error == (
        f"1 place is not as appended, 3 rows are not as a replay gives; --all shows them.{ADVICE}"
    )


def test_a_forged_event_that_no_other_witness_finds_is_missing_in_the_rows(world: World) -> None:
    account = world.account("5.00")
    ForgedEvent(stream=StoredStream.objects.get(aggregate_id=account)).append()

    assert verify().exit_code == 0
    verified = verify(with_rows=True)

    assert verified.exit_code == 4
    assert f"from account-{account} version 3 on" in verified.problems


def test_of_a_tenant_only_its_rows_are_looked_at(world: World, elsewhere: World) -> None:
    broken(world)
    elsewhere.account("5.00")
    assert verify("--tenant", "umbrella", with_rows=True).exit_code == 0
    assert verify("--tenant", "acme", with_rows=True).answer["differing_rows"] == 3


def test_of_a_stream_the_rows_are_left_out_which_is_said(world: World) -> None:
    accounts = broken(world)
    told = said("--stream", f"account-{accounts.changed}", command="verify")
    assert told.code == 0
    assert told.lines[0] == (
        "Not looked at: 7 projections: other streams feed the same rows; verify the tenant's"
    )
    assert not Rebuild.objects.exists()


def test_without_rows_they_are_left_out(world: World) -> None:
    broken(world)
    before = everything()
    assert said("--without-rows", command="verify").code == 0
    assert everything() == before


def test_what_somebody_is_rebuilding_is_not_looked_at(world: World) -> None:
    broken(world)
    with world.application.rebuilding.log.alone(NAME):
        told = said(command="verify")
    assert told.code == 0
    assert told.lines[0] == (
        "Not looked at: 1 projections that somebody is rebuilding, checking or mending"
    )
    assert "6 projections in " in told.lines[1]


def test_what_cannot_be_replayed_is_not_looked_at_and_the_others_are(world: World) -> None:
    broken(world)
    transfer = uuid4()
    one, two = world.account("5.00"), world.account()
    world.send(
        StartTransfer(
            aggregate_id=transfer, from_account_id=one, to_account_id=two, amount=Decimal(1)
        )
    )
    world.application.subscriptions.work()
    forge(
        "UPDATE eventstore_event SET data = '{}' WHERE stream_id = %(stream)s AND version = 1",
        stream=StoredStream.objects.get(aggregate_id=transfer).id,
    )

    verified = verify(with_rows=True)

    ((reason, count),) = verified.answer["passed_over"].items()
    assert reason.startswith("projections: transfer_summary: Event type transfer.started, ")
    assert count == 1
    assert verified.answer["looked_at"]["projections"] == len(names()) - 1
    assert verified.answer["differing_rows"] == 3


def test_rows_of_boxed_streams_are_compared_and_where_a_box_is_gone_that_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxed_events, "IDLE", 0)  # No box is remembered.
    account = world.account("5.00")
    (file,) = stow(world.application, account)
    AccountSummary.objects.all().delete()

    verified = verify(with_rows=True)
    assert (verified.exit_code, verified.answer["differing_rows"]) == (4, 1)
    assert verified.answer["passed_over"] == {}

    file.unlink()
    verified = verify(with_rows=True)
    assert (verified.exit_code, verified.answer["differing_rows"]) == (4, 0)
    assert verified.places == {(f"account-{account}", None)}
    reasons = verified.answer["passed_over"]
    assert len(reasons) == len(names())
    assert all("cannot be used" in reason for reason in reasons), reasons


@pytest.mark.parametrize("is_terminal", [True, False])
def test_each_projection_has_its_bar(
    world: World, monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    world.account("5.00")
    stream = Terminal() if is_terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    assert said(command="verify").code == 0
    for name in names():
        assert (f" positions of {name}, " in stream.getvalue()) is is_terminal
