"""Copies of rows: what is in one, who may not make one, and what a dead maker leaves."""

import signal
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from eventstore.errors import (
    AlreadyRunning,
    NotApplicable,
    NotFound,
    ReplayFailed,
    ValidationFailed,
)
from eventstore.models import RowCopy, SubscriptionAction
from eventstore.rebuild_log import Order
from eventstore.replaying import Progress
from ledger.accounts.events import MoneyDeposited
from projections.models import AccountStatementLine, PersonSummary
from tests.eventstore.boxes.stowing import stow
from tests.eventstore.copy_support import (
    execute,
    last_event,
    live_names,
    make,
    names_in,
    query,
    registered,
    schemas,
)
from tests.eventstore.support import World, append, raw_connection
from tests.processes import start_manage

NOON = datetime(1994, 3, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

# As a process of its own, it kills itself after the first batch.
KILLED = """
import os, signal
from eventstore.application import get_application
get_application().copies.make(
    "then", user="olga", report=lambda progress: os.kill(os.getpid(), signal.SIGKILL)
)
"""

#: The table that is copied.
TABLE = PersonSummary._meta.db_table


def announce(writer: psycopg.Connection[Any], floor: int) -> None:
    """As a transaction does that will append above this position, until it ends."""
    writer.execute(f"SELECT pg_advisory_xact_lock_shared((3499::bigint << 48) + {floor})")


# What is in one ----------------------------------------------------------------------------------


def test_a_copy_as_of_between_two_commands_shows_the_state_after_the_first(world: World) -> None:
    account_id = world.account("1.00")
    between = last_event()
    world.deposit(account_id, "2.00")
    application, tenant_id = world.application, world.actor.tenant_id
    application.subscriptions.work()
    copy = make(application, as_of=between.recorded_at, names=())
    assert copy.position == between.position
    assert copy.as_of == between.recorded_at
    assert copy.projections == [projection.name for projection in application.projections]
    with application.copies.used("then", tenant_id, copy.projections):
        assert str(world.balance(account_id)) == "1.00"
        assert AccountStatementLine.objects.count() == 1
    assert str(world.balance(account_id)) == "3.00"
    assert AccountStatementLine.objects.count() == 2


def test_a_copy_as_of_a_position_ends_with_it_or_with_the_event_before(world: World) -> None:
    application, tenant_id = world.application, world.actor.tenant_id
    world.person("Ada")
    first = last_event().position
    execute("SELECT nextval('eventstore_event_position_seq')")
    world.person("Bob")
    assert make(application, "ada", position=first).position == first
    assert make(application, "gap", position=first + 1).position == first
    assert make(application, "all", position=first + 2).position == first + 2
    assert names_in(application, tenant_id, "ada") == ["Ada Cooper"]
    assert names_in(application, tenant_id, "gap") == ["Ada Cooper"]
    assert names_in(application, tenant_id, "all") == ["Ada Cooper", "Bob Cooper"]


def test_a_copy_without_time_or_position_is_of_all_that_has_settled(world: World) -> None:
    application, tenant_id = world.application, world.actor.tenant_id
    world.person("Ada")
    settled = last_event().position
    with raw_connection() as writer:
        announce(writer, settled)
        world.person("Bob")
        copy = make(application)
    assert (copy.position, copy.as_of, copy.rows) == (settled, None, 1)
    assert names_in(application, tenant_id) == ["Ada Cooper"]


def test_a_copy_from_before_the_first_event_is_empty(world: World) -> None:
    world.person("Ada")
    application, tenant_id = world.application, world.actor.tenant_id
    before = last_event().recorded_at - timedelta(microseconds=1)
    for label, until in (("time", {"as_of": before}), ("position", {"position": 0})):
        copy = make(application, label, **until)
        assert (copy.position, copy.rows) == (0, 0)
        assert names_in(application, tenant_id, label) == []
    assert live_names(tenant_id) == ["Ada Cooper"]


def test_where_times_go_backwards_it_ends_before_the_first_event_that_is_later(
    world: World,
) -> None:
    application, tenant_id = world.application, world.actor.tenant_id
    minutes = {"Ada": 1, "Bob": 3, "Cid": 2, "Dan": 4}
    positions = {
        name: registered(application, tenant_id, name, NOON + minute * MINUTE)
        for name, minute in minutes.items()
    }
    early = make(application, "early", as_of=NOON + 2 * MINUTE)
    assert names_in(application, tenant_id, "early") == ["Ada Cooper"]
    assert early.position == positions["Ada"], "Cid was recorded in time, but lies behind Bob"
    late = make(application, "late", as_of=NOON + 3 * MINUTE)
    assert names_in(application, tenant_id, "late") == ["Ada Cooper", "Bob Cooper", "Cid Cooper"]
    assert late.position == positions["Cid"]


def test_what_an_operator_has_skipped_is_left_out(world: World) -> None:
    application, tenant_id = world.application, world.actor.tenant_id
    world.person("Ada")
    SubscriptionAction.objects.create(
        projection="person_summary", action="skip", position=last_event().position, user="olga"
    )
    world.person("Bob")
    make(application)
    assert names_in(application, tenant_id) == ["Bob Cooper"]


def test_a_tenants_copy_is_of_its_events_alone(world: World, elsewhere: World) -> None:
    world.person("Ada")
    elsewhere.person("Otto")
    copy = make(world.application, tenant_id=world.actor.tenant_id)
    assert query(f"SELECT name FROM {copy.schema}.{TABLE}") == [("Ada Cooper",)]


def test_progress_goes_up_to_the_end_through_all_projections(world: World) -> None:
    world.account("1.00")
    told: list[Progress] = []
    make(world.application, names=("person_summary", "account_summary"), report=told.append)
    head = 2 * last_event().position
    assert {progress.head for progress in told} == {head}
    assert [progress.position for progress in told] == [head // 2, head]
    assert [progress.events for progress in told] == [3, 6]


def test_a_copy_outlives_a_rebuild_of_the_live_rows(world: World) -> None:
    application, tenant_id = world.application, world.actor.tenant_id
    world.person("Ada")
    make(application)
    world.person("Bob")
    order = Order("rebuild", "person_summary", "olga")
    application.rebuilding.run(order, lambda progress: None)
    assert names_in(application, tenant_id) == ["Ada Cooper"]
    assert live_names(tenant_id) == ["Ada Cooper", "Bob Cooper"]
    make(application, "now")
    assert names_in(application, tenant_id, "now") == ["Ada Cooper", "Bob Cooper"]


# What is refused ---------------------------------------------------------------------------------


def refused(world: World, **wishes: object) -> dict[str, list[str]]:
    with pytest.raises(ValidationFailed) as caught:
        make(world.application, **wishes)
    assert schemas() == []
    return caught.value.errors


def test_a_time_that_is_to_come_is_refused(world: World) -> None:
    world.person()
    ((now,),) = query("SELECT clock_timestamp()")
    errors = refused(world, as_of=now + MINUTE)
    assert errors == {"as_of": ["must not lie in the future"]}


def test_a_position_beyond_the_mark_is_refused(world: World) -> None:
    world.person()
    beyond = last_event().position + 1
    for position in (beyond, -1):
        assert list(refused(world, position=position)) == ["position"]
    # Drawn, and not committed: the mark is lower than the last position.
    with raw_connection() as writer:
        announce(writer, 0)
        assert "from 0 to 0" in refused(world, position=beyond - 1)["position"][0]
        with pytest.raises(ValidationFailed):
            make(world.application, position=1)
        assert make(world.application).position == 0
    make(world.application, "settled", position=beyond - 1)


def test_a_time_and_a_position_together_are_refused(world: World) -> None:
    world.person()
    assert list(refused(world, position=0, as_of=NOON)) == ["position"]


@pytest.mark.parametrize("label", ["", "A", "a b", "a_b", "a" * 51, "ä", "a\n", "a\0", "../a"])
def test_a_label_that_is_none_is_refused(world: World, label: str) -> None:
    assert list(refused(world, label=label)) == ["label"]
    with pytest.raises(NotFound), world.application.copies.used(label, None, []):
        raise AssertionError("there is none")


def test_a_label_is_taken_once_by_each_tenant_and_once_for_all(
    world: World, elsewhere: World
) -> None:
    application = world.application
    for tenant_id in (None, world.actor.tenant_id, elsewhere.actor.tenant_id):
        make(application, tenant_id=tenant_id)
        with pytest.raises(NotApplicable, match="a copy with label then already"):
            make(application, tenant_id=tenant_id)
    assert len(schemas()) == RowCopy.objects.count() == 3


def test_a_projection_that_nobody_knows_is_refused(world: World) -> None:
    with pytest.raises(NotFound, match="projection persons"):
        make(world.application, names=("person_summary", "persons"))


def test_streams_in_cold_storage_are_in_a_copy_like_all_others(
    world: World, elsewhere: World
) -> None:
    application, tenant_id = world.application, world.actor.tenant_id
    ada, otto = world.person("Ada"), elsewhere.person("Otto")
    world.person("Bob")
    stow(application, ada, otto)
    make(application, "all")
    make(application, "own", tenant_id=tenant_id)
    assert names_in(application, tenant_id, "all") == ["Ada Cooper", "Bob Cooper"]
    assert names_in(application, elsewhere.actor.tenant_id, "all") == ["Otto Cooper"]
    assert names_in(application, tenant_id, "own") == ["Ada Cooper", "Bob Cooper"]


def test_two_do_not_make_copies_at_the_same_time(world: World) -> None:
    world.person()

    def second(progress: Progress) -> None:
        with pytest.raises(AlreadyRunning):
            make(world.application, "second")

    make(world.application, "first", report=second)
    assert [copy.label for copy in world.application.copies.all()] == ["first"]


# What remains of one that failed -----------------------------------------------------------------


def test_of_a_copy_that_fails_nothing_remains(world: World) -> None:
    world.person()

    def enough(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(world.application, report=enough)
    assert schemas() == []
    assert not RowCopy.objects.exists()
    make(world.application)
    # A booking of an account that nobody has opened.
    booking = MoneyDeposited(amount=Decimal(1), booked_on=None, reference=None)
    append(world.application.store, world.actor.tenant_id, uuid4(), booking)
    with pytest.raises(ReplayFailed, match="person_summary failed at position"):
        make(world.application, "second")
    assert len(schemas()) == 1


def test_what_a_killed_maker_leaves_is_dropped_by_the_next_one(world: World) -> None:
    world.person("Ada")
    application, tenant_id = world.application, world.actor.tenant_id
    make(application, "before")
    execute("CREATE SCHEMA copy_77")  # Not ours.
    killed = start_manage("shell", "-c", KILLED)
    _, told = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL, told
    assert len(schemas()) == 3
    with pytest.raises(NotFound):
        names_in(application, tenant_id)
    try:
        make(application)
        kept = sorted([*RowCopy.objects.values_list("schema", flat=True), "copy_77"])
        assert schemas() == kept
    finally:
        execute("DROP SCHEMA copy_77")
    for label in ("before", "then"):
        assert names_in(application, tenant_id, label) == ["Ada Cooper"]
