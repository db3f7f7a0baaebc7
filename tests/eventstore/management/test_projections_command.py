"""`manage.py projections`: how far each is, and what can be done about it, on record."""

import io
import json
import os
import pwd
from collections.abc import Generator

import pytest
from django.core.management import CommandError, call_command

from eventstore.application import get_application
from eventstore.models import Subscription, SubscriptionAction
from tests.eventstore import failing
from tests.eventstore.failing import (
    BREAKS,
    NAME,
    SECRET,
    booked,
    exhaust,
    references,
    subscription,
    work,
)
from tests.eventstore.management.test_commands import exit_code, said
from tests.eventstore.support import World

WHY = ("--reason", "its table is mended")
OWN_NAME = f"manage.py ({pwd.getpwuid(os.getuid()).pw_name})"


@pytest.fixture
def stopped(world: World) -> Generator[list[int]]:
    """Stopped at the second of three bookings; their positions."""
    with failing.broken_statements():
        positions = booked(world, "one", BREAKS, "three")
        exhaust()
        yield positions


def sentence(*arguments: str) -> str:
    with pytest.raises(CommandError) as failure:
        call_command("projections", *arguments, stdout=io.StringIO())
    return str(failure.value)


def test_every_projection_is_listed_with_how_far_it_is(world):
    world.account("1.00")
    lines = said("projections").splitlines()
    names = [projection.name for projection in get_application().projections]
    assert [line.partition(":")[0] for line in lines] == names
    (line,) = (line for line in lines if line.startswith(NAME))
    assert line.startswith(f"{NAME}: async, active, at 0 of 3, 3 events, ")
    assert line.endswith(" s behind")
    work()
    assert f"{NAME}: async, active, at 3 of 3, level" in said("projections")


def test_programs_get_json(world):
    world.account("1.00")
    work()
    rows = {row["name"]: row for row in json.loads(said("projections", "--json"))}
    assert (rows[NAME]["mode"], rows[NAME]["lag_events"]) == ("async", 0)
    totals = rows["daily_totals"]
    assert totals["as_of"] < totals["due_at"]
    assert rows["account_summary"]["mode"] == "inline"


def test_a_stopped_one_says_where_and_why(stopped):
    told = said("projections")
    assert f"The event at position {stopped[1]} failed: " in told
    (row,) = (row for row in json.loads(said("projections", "--json")) if row["name"] == NAME)
    assert (row["status"], row["failed_position"]) == ("stopped", stopped[1])
    assert SECRET in row["error"]


def test_one_that_is_another_in_this_code_is_told(world):
    Subscription.objects.update_or_create(projection=NAME, defaults={"mode": "on_demand"})
    assert "This code has it as async" in said("projections")


def test_it_is_paused_and_resumed_and_that_is_on_record(world):
    assert "paused" in said("projections", "pause", NAME, *WHY)
    booked(world, "one")
    work()
    assert references(world.actor.tenant_id) == []
    (row,) = [json.loads(said("projections", "resume", NAME, "--json"))]
    assert row["status"] == "active"
    work()
    assert references(world.actor.tenant_id) == ["one"]
    first, second = SubscriptionAction.objects.order_by("id")
    assert (first.action, first.user, first.reason) == ("pause", OWN_NAME, WHY[1])
    assert (second.action, second.user, second.reason) == ("resume", OWN_NAME, "")


def test_skipped_the_event_is_left_out_and_the_next_ones_follow(world, stopped):
    said("projections", "skip", NAME, *WHY)
    work()
    assert references(world.actor.tenant_id) == ["one", "three"]
    assert SubscriptionAction.objects.get().position == stopped[1]


def test_mended_and_retried_it_goes_on_in_order(world, stopped):
    failing.run(failing.MEND)
    said("projections", "retry", NAME)
    work()
    assert references(world.actor.tenant_id) == ["one", BREAKS, "three"]
    assert subscription().failed_position is None


def test_what_is_not_possible_now_ends_with_1_and_a_sentence(database):
    assert exit_code("projections", "resume", NAME) == 1
    assert f"{NAME} is active" in sentence("resume", NAME)
    assert exit_code("projections", "pause", "account_summary", *WHY) == 1
    assert "inline" in sentence("pause", "account_summary", *WHY)
    assert exit_code("projections", "skip", NAME, *WHY) == 1


def test_an_unknown_name_ends_with_2_and_the_known_ones(database):
    assert exit_code("projections", "pause", "nobody", *WHY) == 2
    told = sentence("pause", "nobody", *WHY)
    assert NAME in told
    assert "account_summary" in told


@pytest.mark.parametrize(
    "arguments",
    [
        ("pause",),
        ("pause", NAME),
        ("skip", NAME),
        ("pause", NAME, "--reason", ""),
        ("retry", NAME, "--reason", "x" * 201),
        ("pause", NAME, "--reason", "a\nb"),
        ("explode", NAME),
    ],
)
def test_wrong_arguments_end_with_2(database, arguments):
    if arguments[0] == "explode":
        with pytest.raises(CommandError):
            call_command("projections", *arguments)
        return
    assert exit_code("projections", *arguments) == 2
    assert not SubscriptionAction.objects.exists()
