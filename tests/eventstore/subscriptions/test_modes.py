"""When rows are brought up to date; and a process that is wrong about it is refused."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from eventstore import subscriptions
from eventstore.application import Application
from eventstore.errors import NotCaughtUp, ProjectionModeDiffers
from eventstore.models import Subscription
from eventstore.projection_batches import NOTHING
from eventstore.projections import Mode
from eventstore.tenancy import Actor
from tests.eventstore.sample_tables import Item
from tests.eventstore.subscriptions.domain import make_due, scene, standing
from tests.eventstore.support import World, at_once, raw_connection, stored_counts
from tests.http import Api, new_id

pytestmark = pytest.mark.usefixtures("tables")


# On demand ---------------------------------------------------------------------------------------


def test_on_demand_rows_are_nobodys_work_until_somebody_asks(member: Actor) -> None:
    asked = scene(member, items=Mode.ON_DEMAND)
    asked.note("a", "b")
    assert asked.work() == 2, "places alone"
    assert asked.texts() == []

    asked.application.subscriptions.catch_up(asked.projection())
    assert asked.texts() == ["a", "b"]


def test_who_asks_first_of_all_gets_the_rows(member: Actor) -> None:
    """No worker has ever run, and nothing was appended by this process."""
    writer = scene(member, items=Mode.ON_DEMAND)
    writer.note("a")
    Subscription.objects.all().delete()
    reader = scene(member, items=Mode.ON_DEMAND)
    reader.application.subscriptions.catch_up(reader.projection())

    assert writer.texts() == ["a"]


def test_who_asks_for_what_is_there_locks_and_writes_nothing(member: Actor) -> None:
    asked = scene(member, items=Mode.ON_DEMAND)
    asked.note("a")
    asked.application.subscriptions.catch_up(asked.projection())
    with raw_connection() as other:
        other.execute("SELECT FROM eventstore_subscription FOR UPDATE")
        asked.application.subscriptions.catch_up(asked.projection())
        other.rollback()
    assert asked.texts() == ["a"]


def test_many_who_ask_at_once_all_see_everything_and_each_event_is_taken_once(
    member: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "BATCH", 4)
    writer = scene(member, items=Mode.ON_DEMAND)
    texts = [str(number) for number in range(30)]
    writer.note(*texts)

    def ask() -> list[str]:
        reader = scene(member, items=Mode.ON_DEMAND)
        reader.application.subscriptions.catch_up(reader.projection())
        return writer.texts()

    assert at_once(ask, ask, ask, ask) == [texts] * 4
    assert Item.objects.get().count == 30


def test_who_asks_while_much_is_to_be_read_is_told_and_the_next_goes_on(
    member: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "BATCH", 2)
    monkeypatch.setattr(subscriptions, "PATIENCE", 0)
    asked = scene(member, items=Mode.ON_DEMAND)
    asked.note(*"abcde")
    ask = asked.application.subscriptions.catch_up
    with pytest.raises(NotCaughtUp, match="much to read"):
        ask(asked.projection())
    assert asked.texts() == ["a", "b"]
    with pytest.raises(NotCaughtUp):
        ask(asked.projection())
    ask(asked.projection())
    assert asked.texts() == list("abcde")


# Scheduled ---------------------------------------------------------------------------------------


def test_a_scheduled_projection_runs_when_it_is_due_and_not_before(member: Actor) -> None:
    planned = scene(member, items=Mode.SCHEDULED)
    planned.note("a")
    planned.work()
    assert planned.texts() == ["a"], "the first run is due at once"
    first = standing()
    assert first.due_at - first.as_of == timedelta(seconds=60)

    planned.note("b")
    planned.work()
    assert planned.texts() == ["a"]
    assert standing().as_of == first.as_of

    make_due()
    planned.work()
    assert planned.texts() == ["a", "b"]
    assert standing().as_of > first.as_of


def test_who_comes_just_after_a_run_leaves_it_at_that(member: Actor) -> None:
    """He has found it due before somebody else did it."""
    run = scene(member, items=Mode.SCHEDULED)
    run.note("a")
    run.work()
    found = standing()
    batches, projection = run.application.batches, run.projection()
    assert batches.advance(projection, 10, in_line=False) == NOTHING
    assert (standing().as_of, standing().due_at) == (found.as_of, found.due_at)


def test_a_run_without_anything_new_is_a_run_too(member: Actor) -> None:
    planned = scene(member, items=Mode.SCHEDULED)
    planned.note("a")
    planned.work()
    first = standing()
    make_due()
    planned.work()
    assert standing().as_of > first.as_of
    assert standing().position == first.position
    assert planned.work() == 0


def test_a_run_before_the_first_event_is_a_run_too(member: Actor) -> None:
    planned = scene(member, items=Mode.SCHEDULED)
    planned.work()
    assert standing().as_of is not None
    assert standing().position == 0


def test_as_of_and_the_next_run_move_only_when_it_is_level(
    member: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "BATCH", 2)
    planned = scene(member, items=Mode.SCHEDULED)
    planned.note(*"abc")
    stop = iter([False, True])
    planned.application.subscriptions.work(until=lambda: next(stop))
    half = standing()
    assert planned.texts() == ["a", "b"]
    assert (half.as_of, half.due_at) == (None, None)

    planned.work()
    assert planned.texts() == ["a", "b", "c"]
    assert standing().as_of is not None


def test_what_was_settled_when_a_run_says_so_is_in_its_rows(member: Actor) -> None:
    planned = scene(member, items=Mode.SCHEDULED)
    planned.note("a")
    with raw_connection() as slow:
        slow.execute("SELECT 1 FROM eventstore_event LIMIT 0")
        planned.work()
    as_of = standing().as_of
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(position) FROM eventstore_event WHERE recorded_at <= %s", [as_of]
        )
        (last,) = cursor.fetchone()
    assert standing().position >= last


def test_a_scheduled_run_ends_under_a_steady_load(
    member: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch finds new events; one that is not full ends the run all the same."""
    monkeypatch.setattr(subscriptions, "BATCH", 4)
    planned = scene(member, items=Mode.SCHEDULED, places=Mode.ON_DEMAND)
    planned.note(*"abcdef")
    arrived: list[object] = []

    def arrive(recorded: Any) -> None:
        if recorded.position % 2:
            arrived.extend(at_once(lambda: planned.note("later", notebook=uuid4())))
        assert len(arrived) < 60, "it goes on for ever"

    planned.hooks.item = arrive
    planned.work()
    assert standing().as_of is not None
    assert arrived


# Whoever is wrong about the mode -----------------------------------------------------------------


DIFFERENT = [
    (Mode.INLINE, Mode.ASYNC),
    (Mode.ASYNC, Mode.INLINE),
    (Mode.ON_DEMAND, Mode.INLINE),
    (Mode.INLINE, Mode.SCHEDULED),
]


@pytest.mark.parametrize(("active", "believed"), DIFFERENT)
def test_a_process_that_is_wrong_about_inline_writes_nothing(
    member: Actor, active: Mode, believed: Mode
) -> None:
    right = scene(member, items=active)
    right.note("a")
    right.work()
    before = stored_counts(), Item.objects.count()
    wrong = scene(member, items=believed)
    with pytest.raises(ProjectionModeDiffers, match="items"):
        wrong.note("b", notebook=right.notebook)

    assert (stored_counts(), Item.objects.count()) == before
    right.note("b")


@pytest.mark.parametrize(
    ("active", "believed"),
    [*DIFFERENT, (Mode.ASYNC, Mode.SCHEDULED), (Mode.SCHEDULED, Mode.ON_DEMAND)],
)
def test_a_process_that_is_wrong_projects_nothing_and_reads_nothing(
    member: Actor, active: Mode, believed: Mode
) -> None:
    right = scene(member, items=active)
    right.note("a")
    right.application.subscription_log.ensure()
    make_due()
    before = Subscription.objects.filter(projection="items").values().get()
    rows = list(Item.objects.values())
    wrong = scene(member, items=believed)
    wrong.work()
    with pytest.raises(ProjectionModeDiffers):
        wrong.application.subscriptions.catch_up(wrong.projection())
    with pytest.raises(ProjectionModeDiffers):
        wrong.application.read_models.freshness("items")

    assert Subscription.objects.filter(projection="items").values().get() == before
    assert list(Item.objects.values()) == rows


@pytest.mark.parametrize("modes", [(Mode.INLINE, Mode.ASYNC), (Mode.ASYNC, Mode.INLINE)])
def test_a_mode_that_changes_within_a_command_refuses_it(
    member: Actor, modes: tuple[Mode, Mode]
) -> None:
    """Between the claim and the append, as a switch commits it."""
    before, after = modes
    right = scene(member, items=before)
    right.note("a")
    right.work()
    counts = stored_counts()

    def switch() -> None:
        with raw_connection(autocommit=True) as operator:
            operator.execute(
                "UPDATE eventstore_subscription SET mode = %s, generation = generation + 1 "
                "WHERE projection = 'items'",
                [after.value],
            )

    right.hooks.handler = switch
    with pytest.raises(ProjectionModeDiffers):
        right.note("b")
    assert stored_counts() == counts


def test_a_mode_that_both_are_wrong_about_in_the_background_does_not_stop_writing(
    member: Actor,
) -> None:
    """Which of the other modes it is makes no difference to a command."""
    scene(member, items=Mode.ASYNC).note("a")
    assert scene(member, items=Mode.SCHEDULED).note("b")


def test_over_http_a_wrong_process_answers_503_and_leaves_the_id_free(
    application: Application, api: Api, world: World
) -> None:
    account = world.account("10.00")
    counts = stored_counts()
    key = new_id()
    body = {"aggregate_id": account, "amount": "5.00"}
    Subscription.objects.filter(projection="account_summary").update(mode="async")

    answer = api.send("deposit-money", body, Idempotency_Key=key)
    answer.refused(503, "projection_failed")
    assert "Retry-After" in answer.headers
    assert stored_counts() == counts

    Subscription.objects.filter(projection="account_summary").update(mode="inline")
    assert api.send("deposit-money", body, Idempotency_Key=key).status == 200
