"""How far the background is behind, and who holds it up."""

import os
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db.models.functions import Now

from eventstore.application import Application
from eventstore.lag import ProjectionLag
from eventstore.models import Reaction, StoredCommand, Subscription
from eventstore.projections import Mode
from tests.eventstore import failing
from tests.eventstore.admin.stuck import transfer, with_failed_command
from tests.eventstore.failing import BREAKS, NAME, SECRET, booked, exhaust
from tests.eventstore.high_water_mark.support import append_one
from tests.eventstore.support import World, raw_connection

INLINE = "account_summary"


@pytest.fixture
def writer(world: World) -> Generator[psycopg.Connection[Any]]:
    """A foreign program's connection, to a database with a few events in it."""
    world.account()
    with raw_connection() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def broken(world: World) -> Generator[None]:
    with failing.broken_statements():
        yield


def lag_of(application: Application, name: str = NAME) -> ProjectionLag:
    lag = application.lag.projection(name)
    assert lag is not None
    return lag


def test_one_that_no_worker_has_met_is_behind_by_everything(application, world):
    world.account("1.00")
    Subscription.objects.filter(projection=NAME).delete()
    lag = lag_of(application)
    assert (lag.mode, lag.status, lag.position, lag.lag_events) == (Mode.ASYNC, "active", 0, 3)
    assert 0 < lag.lag_seconds < 60
    assert not Subscription.objects.filter(projection=NAME).exists()  # It only looks.


def test_one_that_is_level_has_no_lag(application, world):
    world.account("1.00")
    application.subscriptions.work()
    lag = lag_of(application)
    assert (lag.lag_events, lag.lag_seconds) == (0, 0)
    assert lag.position == lag.settled == lag.head > 0
    world.account()
    assert lag_of(application).lag_events == 2


def test_an_inline_one_is_never_behind(application, world):
    world.account("1.00")
    lag = lag_of(application, INLINE)
    assert (lag.mode, lag.lag_events, lag.lag_seconds) == (Mode.INLINE, 0, 0)
    assert lag.position == lag.settled


def test_events_are_counted_up_to_a_bound(application, world):
    world.account("1.00")
    (lag,) = (lag for lag in application.lag.projections(count_up_to=2) if lag.name == NAME)
    assert lag.lag_events == 2
    assert lag.lag_seconds > 0


def test_all_are_listed_as_they_are_registered(application, world):
    names = [lag.name for lag in application.lag.projections()]
    assert names == [projection.name for projection in application.projections]
    assert application.lag.projection("no such") is None


def test_a_failed_event_is_told_with_its_tenant_and_the_next_attempt(application, world, broken):
    (position,) = booked(world, BREAKS)
    application.subscriptions.work()
    failing.wait_longer()
    lag = lag_of(application)
    assert (lag.failed_position, lag.failed_tenant_id) == (position, world.actor.tenant_id)
    assert (lag.status, lag.attempts) == ("active", 1)
    assert SECRET in lag.error
    assert lag.retry_at is not None
    assert lag.position < position
    exhaust()
    lag = lag_of(application)
    assert (lag.status, lag.attempts, lag.retry_at) == ("stopped", 5, None)
    assert application.lag.set_aside().projections == 1


def test_who_holds_the_mark_back_is_named(application, world, writer):
    assert application.lag.holder() is None
    append_one(writer)
    holder = application.lag.holder()
    assert holder is not None
    assert holder.pid == writer.info.backend_pid != os.getpid()
    assert holder.seconds is not None
    assert 0 <= holder.seconds < 60
    mark = application.lag.mark()
    assert mark.settled < mark.head
    # What comes above it waits with it, and counts for nobody's lag.
    application.subscriptions.work()
    world.account()
    assert lag_of(application).lag_events == 0
    writer.rollback()
    assert application.lag.holder() is None
    assert lag_of(application).lag_events == 2


def test_who_has_drawn_nothing_holds_nobody_back(application, world, writer):
    writer.execute("INSERT INTO eventstore_event SELECT * FROM eventstore_event WHERE false")
    assert application.lag.holder() is None
    world.person()
    holder = application.lag.holder()
    assert holder is not None
    assert holder.pid == writer.info.backend_pid


def test_of_two_the_one_with_the_lowest_floor_is_named(application, world, writer):
    append_one(writer)
    world.person()
    with raw_connection() as later:
        later.execute("INSERT INTO eventstore_event SELECT * FROM eventstore_event WHERE false")
        world.person()
        holder = application.lag.holder()
        assert holder is not None
        assert holder.pid == writer.info.backend_pid
        later.rollback()


def test_due_commands_and_reactions_are_counted_with_the_oldest_ones_age(application, world):
    world.account("1.00")
    assert application.lag.due_commands() == (0, 0)
    assert application.lag.due_reactions() == (0, 0)
    command = StoredCommand.objects.latest("number")
    long_ago = Now() - timedelta(seconds=90)
    rows = StoredCommand.objects.filter(pk=command.pk)
    rows.update(status="scheduled", due_at=long_ago, received_at=long_ago)
    due = application.lag.due_commands()
    assert due.size == 1
    assert 90 <= due.oldest_seconds < 150
    # A time long past does not make it wait longer than it is there.
    rows.update(due_at=long_ago - timedelta(days=700_000))
    assert 90 <= application.lag.due_commands().oldest_seconds < 150
    later = Now() + timedelta(seconds=90)
    StoredCommand.objects.filter(pk=command.pk).update(due_at=later)
    assert application.lag.due_commands().size == 0


def test_of_an_instances_steps_the_first_alone_is_due(application, world):
    transfer(world)
    first, second = Reaction.objects.exclude(kind="effect").order_by("id")[:2]
    long_ago = Now() - timedelta(seconds=90)
    pending = {"status": "pending", "lease_until": long_ago}
    Reaction.objects.filter(pk__in=[first.pk, second.pk]).update(**pending)
    due = application.lag.due_reactions()
    assert due.size == 1
    assert 90 <= due.oldest_seconds < 150


def test_what_was_given_up_is_counted_and_is_not_due(application, world):
    assert application.lag.set_aside() == (0, 0, 0)
    with_failed_command(world)
    assert application.lag.set_aside() == (0, 1, 0)
    assert application.lag.due_commands().size == 0
    Reaction.objects.filter(pk=Reaction.objects.latest("id").pk).update(status="parked")
    assert application.lag.set_aside().reactions == 1
