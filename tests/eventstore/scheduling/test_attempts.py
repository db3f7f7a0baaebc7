"""How often a command for later is tried, by whom, and what ends the trying."""

import logging
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now

from eventstore.command_log import Claim
from eventstore.command_types import CommandType
from eventstore.commands import Envelope
from eventstore.models import (
    Membership,
    StoredCommand,
    StoredEvent,
    Tenant,
)
from eventstore.tenancy import Role
from ledger.accounts.commands import DepositMoney
from tests.eventstore.admin.stuck import broken_rows
from tests.eventstore.scheduling.domain import (
    LATER,
    Blot,
    Scene,
    Write,
    logged,
    member_of,
    scene_of,
    schedule,
    words,
)
from tests.eventstore.support import World, raw_connection, stored_counts


@pytest.fixture(autouse=True)
def silence(caplog: pytest.LogCaptureFixture) -> None:
    """pytest-xdist cannot pass on what the log says of a failed command."""
    for name in ("reactions", "projections"):
        caplog.set_level(logging.CRITICAL, logger=f"daybook.{name}")


def fail(word: str) -> None:
    raise ValueError("the ink is out")


def seen(command: StoredCommand) -> tuple[str, str, int]:
    return command.status, command.code, command.attempts


# Leases ------------------------------------------------------------------------------------------


def test_an_attempt_counts_before_it_is_made(scene: Scene) -> None:
    result = scene.later("never")
    attempts: list[int] = []
    scene.diary.before = lambda word: attempts.append(logged(result).attempts)
    scene.run()
    assert attempts == [1]


def test_whoever_claims_has_it_until_the_lease_is_over_and_then_another_takes_it(
    scene: Scene,
) -> None:
    result = scene.later("slow")
    claimed = scene.application.pending_commands.claim_due(scene.actor.tenant_id)
    assert claimed is not None
    assert claimed.id == result.command_id
    assert scene.run() == 0
    assert words() == []

    StoredCommand.objects.update(lease_until=Now())
    assert scene.run() == 1
    assert words() == ["slow"]
    assert seen(logged(result)) == ("completed", "", 2)


def test_what_ends_whoever_tries_it_is_given_up_after_five_attempts(tenant: Tenant) -> None:
    scene = scene_of(tenant, lease_seconds=0)
    deadly, other = scene.later("deadly"), scene.later("other", after=1)
    claim = partial(scene.application.pending_commands.claim_due, scene.actor.tenant_id)
    for _ in range(5):
        claimed = claim()
        assert claimed is not None
        assert claimed.id == deadly.command_id
    # A sixth attempt is never made, whatever comes first.
    following = claim()
    assert following is not None
    assert following.id == other.command_id

    scene.run()
    assert seen(logged(deadly)) == ("failed", "fatal", 5)
    assert "ended before it was done" in logged(deadly).result["detail"]
    assert words() == ["other"]


# Ends --------------------------------------------------------------------------------------------


def test_a_refusal_is_its_answer_and_not_tried_again(scene: Scene) -> None:
    result = scene.later("too much")
    assert scene.run() == 1
    assert scene.run() == 0
    assert seen(logged(result)) == ("refused", "page_full", 1)
    assert logged(result).result == {"detail": "The page is full. Take another one."}
    assert StoredEvent.objects.count() == 0


def end_membership(scene: Scene) -> None:
    Membership.objects.all().delete()


def become_auditor(scene: Scene) -> None:
    Membership.objects.update(role="auditor")


def leave(scene: Scene) -> None:
    User.objects.update(is_active=False)


def close_tenant(scene: Scene) -> None:
    Tenant.objects.update(active=False)


@pytest.mark.parametrize("change", [end_membership, become_auditor, leave, close_tenant])
def test_who_may_not_do_it_when_it_is_due_has_it_not_done(
    scene: Scene, change: Callable[[Scene], None]
) -> None:
    result = scene.later("forbidden")
    change(scene)
    assert scene.run() == 1
    assert scene.run() == 0
    assert seen(logged(result)) == ("refused", "forbidden", 1)
    assert scene.diary.tried == []
    assert stored_counts() == (0, 0, 1)


def test_a_lowered_role_is_enough(tenant: Tenant) -> None:
    scene = scene_of(tenant)
    operator = member_of(scene.application, tenant, Role.OPERATOR)
    blot, another = (
        scene.schedule(Blot(aggregate_id=uuid4(), word=word), actor=operator) for word in "ab"
    )
    StoredCommand.objects.filter(id=another.command_id).update(due_at=LATER)
    scene.run()
    assert logged(blot).status == "completed"
    member_of(scene.application, tenant, Role.MEMBER)
    scene.run(now=LATER)
    assert seen(logged(another)) == ("refused", "forbidden", 1)


def test_a_version_that_is_not_the_present_one_is_not_tried_again(scene: Scene) -> None:
    page = scene.page()
    right = scene.later("second", page=page, expected_version=1)
    stale = scene.later("stale", after=1, page=page, expected_version=1)
    assert scene.run() == 2
    assert logged(right).status == "completed"
    assert seen(logged(stale)) == ("refused", "stale_version", 1)
    assert words() == ["now", "second"]


def test_fields_that_are_out_of_their_bounds_by_now_are_not_tried_again(scene: Scene) -> None:
    result = scene.later("long")
    data = StoredCommand.objects.get().data.replace("long", "x" * 21)
    StoredCommand.objects.update(data=data)
    assert scene.run() == 1
    assert seen(logged(result)) == ("refused", "validation_failed", 1)


@pytest.mark.parametrize(
    "change", [{"type": "paint"}, {"data": "{}"}], ids=["unknown", "unreadable"]
)
def test_what_this_code_does_not_know_waits_for_code_that_does(
    patient: Scene, change: dict[str, Any]
) -> None:
    """Five attempts with RETRY_AFTER between them are time to deploy it."""
    result = patient.later("new")
    before = StoredCommand.objects.values(*change).get()
    StoredCommand.objects.update(**change)
    assert patient.run() == 1
    assert logged(result).status == "pending"
    assert logged(result).attempts == 1
    StoredCommand.objects.update(lease_until=Now(), **before)
    patient.run()
    assert words() == ["new"]


def test_an_error_of_ours_is_tried_five_times_and_set_aside_until_somebody_retries_it(
    scene: Scene,
) -> None:
    scene.diary.before = fail
    result = scene.later("blank")
    assert scene.run() == 5
    assert scene.run() == 0
    failed = logged(result)
    assert seen(failed) == ("failed", "internal", 5)
    assert failed.result["error"] == "ValueError: the ink is out"
    assert "ink" not in failed.result["detail"]
    assert failed.ended_at is not None

    scene.diary.before = lambda word: None
    retry = partial(
        scene.application.reactions.retry_command, scene.actor.tenant_id, result.command_id
    )
    assert retry() is True
    assert retry() is False
    assert scene.run() == 1
    assert words() == ["blank"]
    assert seen(logged(result)) == ("completed", "", 1)
    assert logged(result).result["events"][0]["type"] == "page.written"


def test_after_a_failure_it_waits_as_long_as_retry_after_says(tenant: Tenant) -> None:
    scene = scene_of(tenant, retry_after=(100, 200, 300, 400))
    scene.diary.before = fail
    result = scene.later("blank")
    for wait in (100, 200, 300, 400):
        assert scene.run() == 1
        assert scene.run() == 0
        until = logged(result).lease_until
        assert until is not None
        left = (until - scene.application.access.present()).total_seconds()
        assert wait - 30 < left <= wait
        StoredCommand.objects.update(lease_until=Now())
    assert scene.run() == 1
    assert logged(result).status == "failed"


def test_a_projection_that_fails_stores_nothing_and_is_tried_again(world: World) -> None:
    account = world.account("5.00")
    schedule(world, DepositMoney(aggregate_id=account, amount=Decimal(2)))
    before = StoredEvent.objects.count()
    with broken_rows():
        for _ in range(5):
            assert world.application.scheduling.run_due() == 1
            StoredCommand.objects.filter(status="pending").update(lease_until=Now())
    deposit = StoredCommand.objects.latest("number")
    assert seen(deposit) == ("failed", "projection_failed", 5)
    assert StoredEvent.objects.count() == before

    world.application.reactions.retry_command(deposit.tenant_id, deposit.id)
    world.application.scheduling.run_due()
    assert world.balance(account) == Decimal("7.00")


def test_a_stream_that_others_hold_is_busy_and_tried_again(
    patient: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = patient.page()
    result = patient.later("second", page=page)
    log, claims = patient.application.command_log, [0]
    claim = log.claim

    def hurried(command_type: CommandType, envelope: Envelope) -> Claim | None:
        claims[0] += 1
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '50ms'")
        return claim(command_type, envelope)

    monkeypatch.setattr(log, "claim", hurried)
    with raw_connection() as other:
        other.execute(
            "SELECT 1 FROM eventstore_stream WHERE aggregate_id = %s FOR UPDATE", (page,)
        )
        assert patient.run() == 1
    assert seen(logged(result)) == ("pending", "busy", 1)
    # It stands in the log: it waits for the lock once, and then lets others go first.
    assert claims == [1]
    StoredCommand.objects.filter(id=result.command_id).update(lease_until=Now())
    patient.run()
    assert words() == ["now", "second"]


def test_what_was_given_up_before_its_time_is_due_at_once_when_it_is_retried(
    scene: Scene,
) -> None:
    """As after `run_due_commands --now`, with a time to come."""
    scene.diary.before = fail
    tomorrow = scene.application.access.present() + timedelta(days=1)
    result = scene.schedule(Write(aggregate_id=uuid4(), word="blank"), at=tomorrow)
    assert scene.run(now=tomorrow) == 5
    assert logged(result).status == "failed"
    scene.diary.before = lambda word: None
    scene.application.reactions.retry_command(scene.actor.tenant_id, result.command_id)
    assert scene.run() == 1
    assert logged(result).status == "completed"
