"""What anybody could do now is known without a call; what nobody could do calls for nobody."""

import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from eventstore.application import Application
from eventstore.models import Reaction, StoredCommand, Subscription
from eventstore.tenancy import Actor
from eventstore.wakeups import Wakeups, Work
from tests.config.background.ledger import opened_branch
from tests.eventstore.reactions.domain import play
from tests.http import Api


@pytest.fixture
def wakeups(application: Application) -> Wakeups:
    return application.wakeups


def test_what_is_due_is_known_without_a_call(
    application: Application, api: Api, member: Actor, wakeups: Wakeups
) -> None:
    branch = opened_branch(application, member)
    account, other = branch.opened(deposit=10), branch.opened()
    application.subscriptions.work()
    assert wakeups.due() == []

    branch.schedule(account)
    assert wakeups.due() == ["commands"]
    application.scheduling.run_due()
    assert wakeups.due() == ["projections"]
    application.subscriptions.work()
    branch.forget_transfer(account, other)
    assert wakeups.due() == ["projections", "reactions"]
    application.reactions.work()
    application.subscriptions.work()
    assert wakeups.due() == []


def test_an_effect_is_due_and_while_somebody_is_at_it_it_is_not(member: Actor) -> None:
    scene = play(member)
    scene.begin("ring long")
    wakeups = scene.application.wakeups
    assert wakeups.due() == ["effects"]

    scene.counters.ring = lambda effect, effect_id: during.extend(wakeups.due())
    during: list[Work] = []
    scene.application.reactions.perform_effects()

    assert during == []
    assert wakeups.due() == []


# What nobody could do ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        {"projection": "gone", "mode": "async"},
        {"projection": "gone", "mode": "scheduled"},
        {"projection": "account_statement", "mode": "scheduled"},
        {"projection": "daily_totals", "mode": "async"},
    ],
)
def test_a_projection_that_this_code_does_not_know_so_calls_for_nobody(
    row: dict[str, str], application: Application, api: Api, member: Actor, wakeups: Wakeups
) -> None:
    """Taken out of the code, or registered in another mode: no worker of this code can do it."""
    opened_branch(application, member).opened(deposit=1)
    application.subscriptions.work()
    Subscription.objects.filter(projection=row["projection"]).delete()
    Subscription.objects.create(**row, generation=1, position=0)
    assert application.subscriptions.work() == 0
    assert wakeups.due() == []

    registered = application.projections.named(row["projection"])
    if registered:
        Subscription.objects.update(mode=application.projections.mode_of(registered.name))
        assert wakeups.due() == ["projections"]


def test_steps_behind_one_that_is_set_aside_call_for_nobody(
    application: Application, api: Api, member: Actor, wakeups: Wakeups
) -> None:
    branch = opened_branch(application, member)
    branch.forget_transfer(branch.opened(deposit=1), branch.opened())
    application.subscriptions.work()
    first, behind = (Reaction.objects.get(status="pending") for _ in range(2))
    behind.pk, behind.uid = None, uuid4()
    behind.save(force_insert=True)
    assert wakeups.due() == ["reactions"]

    Reaction.objects.filter(pk=first.pk).update(status="parked")
    assert application.reactions.work() == 0
    assert wakeups.due() == []

    Reaction.objects.filter(pk=first.pk).update(status="done")
    assert wakeups.due() == ["reactions"]


def test_commands_behind_a_failed_one_of_their_step_call_for_nobody(
    member: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = play(member)
    scene.process.before = lambda note: monkeypatch.setattr(time, "monotonic", lambda: 1e12)
    scene.begin("twice")
    monkeypatch.undo()
    first, _ = StoredCommand.objects.filter(status="pending").order_by("number")
    wakeups = scene.application.wakeups
    assert wakeups.due() == ["reactions"]

    StoredCommand.objects.filter(pk=first.pk).update(status="failed")
    assert scene.application.reactions.work() == 0
    assert wakeups.due() == []

    StoredCommand.objects.filter(pk=first.pk).update(status="completed")
    assert wakeups.due() == ["reactions"]


def test_a_command_behind_one_of_its_aggregate_that_is_being_done_calls_for_nobody(
    application: Application, api: Api, member: Actor, wakeups: Wakeups
) -> None:
    branch = opened_branch(application, member)
    account, other = branch.opened(), branch.opened()
    application.subscriptions.work()
    first, behind = branch.schedule(account), branch.schedule(account)
    leased = StoredCommand.objects.filter(id=first)
    leased.update(lease_until=Now() + timedelta(minutes=1), attempts=1)
    assert application.scheduling.run_due() == 0
    assert wakeups.due() == []

    elsewhere = branch.schedule(other)
    assert wakeups.due() == ["commands"]
    application.scheduling.run_due()
    application.subscriptions.work()
    assert StoredCommand.objects.get(id=elsewhere).status == "completed"
    assert wakeups.due() == []
    # Whoever was at it five times and died: somebody has to come and give it up.
    StoredCommand.objects.filter(id=behind).update(attempts=5, lease_until=Now())
    assert wakeups.due() == ["commands"]
    application.scheduling.run_due()
    assert StoredCommand.objects.get(id=behind).status == "failed"
    assert wakeups.due() == []
