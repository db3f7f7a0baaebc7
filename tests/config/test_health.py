"""`/readyz` and `/metrics`: all is well, or what an operator has to look at."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from config.health_reasons import of_backlog, of_holder, of_set_aside
from eventstore.lag import Backlog, Holder, SetAside
from eventstore.models import Reaction, StoredCommand, StoredEvent, Subscription
from tests.config.probes import ask, measured, reasons
from tests.eventstore import failing
from tests.eventstore.admin.stuck import transfer, with_failed_command
from tests.eventstore.failing import BREAKS, NAME, booked, exhaust, work
from tests.eventstore.high_water_mark.support import append_one
from tests.eventstore.support import World, raw_connection


@pytest.fixture
def world(world_of_acme: World) -> World:
    """All projections level: the daily totals have run, and nothing is due."""
    work()
    return world_of_acme


@pytest.fixture
def world_of_acme(application, member) -> World:
    return World(application, member)


# What is well, and what is not -------------------------------------------------------------------


def test_all_is_well(world):
    assert reasons() == []
    world.account("1.00")
    work()
    assert reasons() == []


def test_an_async_projection_that_lags_is_told(world):
    world.account("1.00")
    assert reasons() == []  # Not yet.
    grow_old()
    (reason,) = (each for each in reasons() if NAME in each)
    assert reason.startswith(f"Projection {NAME} is ")
    assert reason.endswith(" s behind.")
    work()
    assert reasons() == []


def grow_old() -> None:
    """Let all events be a minute older: what the guard refuses, the table's owner may do."""
    guard = "ALTER TABLE eventstore_event {} TRIGGER eventstore_event_append_only"
    with raw_connection() as owner:
        owner.execute(guard.format("DISABLE"))
        owner.execute("UPDATE eventstore_event SET recorded_at = recorded_at - interval '1 min'")
        owner.execute(guard.format("ENABLE ALWAYS"))


def test_a_projection_that_is_paused_or_has_stopped_is_told(world):
    with failing.broken_statements():
        (position,) = booked(world, BREAKS)
        exhaust()
        assert reasons() == [f"Projection {NAME} has stopped: an event failed at {position}."]
    Subscription.objects.filter(projection=NAME).update(status="paused")
    (reason,) = reasons()
    assert reason.startswith(f"Projection {NAME} is paused, at position ")


def test_a_scheduled_projection_that_nobody_runs_is_told(world):
    overdue(119)
    assert reasons() == []
    overdue(121)
    (reason,) = reasons()
    assert reason.startswith("Projection daily_totals has been due for 12")


def overdue(seconds: int) -> None:
    daily = Subscription.objects.filter(projection="daily_totals")
    daily.update(due_at=Now() - timedelta(seconds=seconds))


def test_a_projection_that_is_another_in_this_code_is_told(world):
    Subscription.objects.filter(projection=NAME).update(mode="on_demand")
    assert f"Projection {NAME} is on_demand in the database, and async in the code" in reasons()[0]


def test_commands_and_reactions_that_nobody_does_are_told(world):
    transfer(world)
    work()
    command, reaction = StoredCommand.objects.latest("number"), Reaction.objects.latest("id")
    for seconds, count in ((50, 0), (70, 2)):
        since = Now() - timedelta(seconds=seconds)
        StoredCommand.objects.filter(pk=command.pk).update(
            status="scheduled", due_at=since, received_at=since
        )
        Reaction.objects.filter(pk=reaction.pk).update(status="pending", lease_until=since)
        assert len(reasons()) == count
    assert reasons()[0].startswith("1 command is due, and nobody has done the oldest for 7")
    assert reasons()[1].startswith("1 reaction is due, and nobody has done the oldest for 7")


def test_what_was_given_up_is_told(world):
    with_failed_command(world)
    work()
    assert reasons() == ["1 command is set aside after all attempts."]
    Reaction.objects.filter(pk=Reaction.objects.latest("id").pk).update(status="parked")
    assert "1 reaction is set aside after all attempts." in reasons()


def test_the_sentences_count():
    assert list(of_set_aside(SetAside(2, 3, 4))) == [
        "2 reactions are set aside after all attempts.",
        "3 commands are set aside after all attempts.",
    ]
    assert list(of_backlog("command", Backlog(3, 61))) == [
        "3 commands are due, and nobody has done the oldest for 61 s."
    ]
    assert list(of_holder(Holder(None, 11))) == [
        "A prepared transaction holds all readers of events back, in a transaction of 11 s."
    ]
    assert list(of_holder(Holder(7, None))) == list(of_holder(Holder(7, 10))) == []


def test_who_holds_the_mark_back_is_told_after_a_while(world, monkeypatch):
    world.account()
    work()
    with raw_connection() as writer:
        append_one(writer)
        assert reasons() == []  # Every append does it, for a moment.
        monkeypatch.setattr("config.health_reasons.MOST_HELD", 0)
        (reason,) = reasons()
        assert reason.startswith(
            f"PostgreSQL's process {writer.info.backend_pid} holds all readers"
        )
        samples = measured()
        assert samples["daybook_mark_holder_pid",] == writer.info.backend_pid
        assert samples["daybook_mark_holder_seconds",] > 0
        assert samples["daybook_settled_position",] < samples["daybook_head_position",]
        writer.rollback()
    assert reasons() == []


def test_nothing_of_a_tenant_is_told(world, tenant):
    with failing.broken_statements():
        booked(world, BREAKS)
        exhaust()
        told = ask().raw.decode() + ask("/metrics").raw.decode()
    for secret in (tenant.slug, str(tenant.pk), failing.SECRET, BREAKS):
        assert secret not in told


# Numbers -----------------------------------------------------------------------------------------


def test_the_background_is_measured(world):
    assert measured()["daybook_projection_lag_events", NAME] == 0
    world.account("1.00")
    samples = measured()
    assert samples["daybook_projection_lag_events", NAME] == 3
    assert samples["daybook_projection_lag_seconds", NAME] > 0
    assert samples["daybook_projection_lag_events", "account_summary"] == 0
    assert samples["daybook_projection_position", NAME] == 0
    assert samples["daybook_projection_status", NAME, "active"] == 1
    assert samples["daybook_projection_status", NAME, "stopped"] == 0
    last = StoredEvent.objects.latest("position").position
    assert samples["daybook_head_position",] == samples["daybook_settled_position",] == last
    assert samples["daybook_mark_holder_pid",] == samples["daybook_mark_holder_seconds",] == 0
    assert samples["daybook_due_commands",] == samples["daybook_due_oldest_seconds",] == 0


def test_what_is_due_and_what_was_given_up_is_measured(world):
    with_failed_command(world)
    with failing.broken_statements():
        booked(world, BREAKS)
        exhaust()
    command = StoredCommand.objects.filter(status="completed").latest("number")
    since = Now() - timedelta(seconds=70)
    StoredCommand.objects.filter(pk=command.pk).update(
        status="scheduled", due_at=since, received_at=since
    )
    samples = measured()
    assert samples["daybook_due_commands",] == 1
    assert samples["daybook_due_oldest_seconds",] >= 70
    assert samples["daybook_set_aside", "command"] == 1
    assert samples["daybook_set_aside", "projection"] == 1
    assert samples["daybook_set_aside", "reaction"] == 0
    assert samples["daybook_projection_status", NAME, "stopped"] == 1
