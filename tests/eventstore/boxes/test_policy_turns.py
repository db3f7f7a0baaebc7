"""Policies take turns, and one worker at a time: whoever else is at it, nothing comes twice."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from eventstore import box_policy_log
from eventstore.application import Application
from eventstore.box_policy_log import BoxPolicyLog
from eventstore.commands import Result
from eventstore.models import Box, BoxPolicy, StoredCommand, Tenant
from eventstore.tenancy import Actor
from ledger.persons.commands import RenamePerson
from tests.eventstore.boxes.policies import (
    boxed,
    counts,
    is_due,
    let_the_notice_pass,
    person,
    policies,
    put,
)
from tests.eventstore.support import raw_connection
from tests.processes import run_manage


def test_tenants_take_turns_and_whoever_is_told_to_stop_goes_on_where_he_was(
    application: Application, tenant: Tenant, other_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(box_policy_log, "TURN", 2)
    mine = {person(application, tenant.id) for _ in range(6)}
    theirs = {person(application, other_tenant.id) for _ in range(6)}
    policies = [put(application, each.id) for each in (tenant, other_tenant)]
    application.box_policies.work()
    let_the_notice_pass()

    assert application.box_policies.work(after(5)) == 5
    by_tenant = sorted(len(boxed(each.id)) for each in (tenant, other_tenant))
    assert by_tenant == [2, 3]

    application.box_policies.work()
    assert (boxed(tenant.id), boxed(other_tenant.id)) == (mine, theirs)
    assert [counts(policy) for policy in policies] == [(0, 6, 0)] * 2
    assert StoredCommand.objects.filter(type="box-aggregate").count() == 12


def after(boxes: int) -> Callable[[], bool]:
    """Say to stop once there are so many boxes."""
    return lambda: Box.objects.count() >= boxes


def test_what_goes_on_while_its_turn_comes_stays(
    application: Application, tenant: Tenant, member: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was found idle, and is renamed while the one before it is boxed."""
    first, second = (person(application, tenant.id) for _ in range(2))
    policy = put(application, tenant.id)
    application.box_policies.work()
    let_the_notice_pass()
    renamed = RenamePerson(aggregate_id=second, first_name="Ada", last_name="Byron")

    def until() -> bool:
        if boxed(tenant.id) == {first}:
            application.bus.send(renamed, actor=member, command_id=UUID(int=1))
        return False

    application.box_policies.work(until)

    assert boxed(tenant.id) == {first}
    assert counts(policy) == (0, 1, 0)


def test_a_policy_has_one_worker_at_a_time(application: Application, tenant: Tenant) -> None:
    """And whoever looks meanwhile does not wait for him."""
    person(application, tenant.id)
    put(application, tenant.id)
    log = BoxPolicyLog(application.database)
    claimed = log.claim()
    assert claimed is not None
    assert (log.claim(), is_due(application)) == (None, False)
    log.release(claimed)

    with raw_connection() as other:
        other.execute("SELECT FROM eventstore_box_policy FOR UPDATE")
        assert log.claim() is None
        other.rollback()
    assert application.box_policies.work() == 1


def test_who_takes_over_from_a_worker_that_died_boxes_nothing_twice(
    application: Application, tenant: Tenant
) -> None:
    """He has boxed one, and not noted it: that one alone is not counted."""
    person_id = person(application, tenant.id)
    policy = put(application, tenant.id)
    application.box_policies.work()
    let_the_notice_pass()
    log = DyingLog(application.database)
    with pytest.raises(Died):
        policies(application, log).work()
    assert boxed(tenant.id) == {person_id}
    assert application.box_policies.work() == 0, "his lease goes on"
    BoxPolicy.objects.update(lease_until=Now())

    application.box_policies.work()

    assert boxed(tenant.id) == {person_id}
    assert StoredCommand.objects.filter(type="box-aggregate").count() == 1
    assert counts(policy) == (0, 0, 0)


class Died(BaseException):
    """Nobody's `except Exception` sees it."""


class DyingLog(BoxPolicyLog):
    def note(self, *args: object, **kwargs: object) -> None:
        raise Died


def test_whose_lease_ends_while_he_boxes_does_so_under_the_id_of_who_takes_over(
    application: Application, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    person_id = person(application, tenant.id)
    policy = put(application, tenant.id)
    application.box_policies.work()
    let_the_notice_pass()
    send = application.bus.send
    sent: list[UUID] = []

    def send_slowly(*args: Any, **named: Any) -> Result:
        sent.append(named["command_id"])
        if len(sent) == 1:
            BoxPolicy.objects.update(lease_until=Now())
            application.box_policies.work()
        return send(*args, **named)

    monkeypatch.setattr(application.bus, "send", send_slowly)
    application.box_policies.work()

    assert len(sent) == 2
    assert len(set(sent)) == 1
    assert boxed(tenant.id) == {person_id}
    assert counts(policy) == (0, 1, 0)


@pytest.mark.parametrize("change", ["changed", "dropped", "without its tenant", "taken over"])
def test_a_policy_that_is_not_his_any_more_boxes_nothing_further(
    change: str, application: Application, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes while he boxes the first of two."""
    for _ in range(2):
        person(application, tenant.id)
    policy = put(application, tenant.id)
    application.box_policies.work()
    let_the_notice_pass()
    send = application.bus.send

    def send_and_lose_it(*args: Any, **named: Any) -> Result:
        result = send(*args, **named)
        if change == "changed":
            put(application, tenant.id, days=31)
        elif change == "dropped":
            application.box_policies.drop(tenant.id, "person", user="olga", reason="no more")
        elif change == "without its tenant":
            Tenant.objects.update(active=False)
        else:
            BoxPolicy.objects.update(lease_until=timezone.now() + timedelta(minutes=1))
        return result

    monkeypatch.setattr(application.bus, "send", send_and_lose_it)
    application.box_policies.work()

    assert len(boxed(tenant.id)) == 1
    if change == "changed":
        assert counts(policy) == (1, 0, 0)
        assert policy.acted_at is None
    assert BoxPolicy.objects.exists() == (change != "dropped")


def test_a_fault_at_one_aggregate_keeps_the_policy_from_no_other(
    application: Application,
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(3):
        person(application, tenant.id)
    policy = put(application, tenant.id)
    application.box_policies.work()
    let_the_notice_pass()
    send = application.bus.send
    calls: list[object] = []

    def fail_first(*args: Any, **named: Any) -> Result:
        calls.append(named["command_id"])
        if len(calls) == 1:
            raise RuntimeError("a fault of ours")
        return send(*args, **named)

    monkeypatch.setattr(application.bus, "send", fail_first)
    application.box_policies.work()

    assert counts(policy) == (1, 2, 1)
    assert [each.msg for each in caplog.records if each.levelno == logging.ERROR] == [
        "box_policy_failed"
    ]


def test_a_worker_does_what_is_due_and_ends(application: Application, tenant: Tenant) -> None:
    """`manage.py worker --once`: what is due only after the notice is not waited for."""
    person_id = person(application, tenant.id)
    policy = put(application, tenant.id)
    assert run_manage("worker", "--once").returncode == 0
    assert (boxed(tenant.id), counts(policy)) == (set(), (1, 0, 0))

    let_the_notice_pass()
    assert run_manage("worker", "--once").returncode == 0
    assert (boxed(tenant.id), counts(policy)) == ({person_id}, (0, 1, 0))
