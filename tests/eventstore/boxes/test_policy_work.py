"""Policies box what is idle, never without having reported it, and no more than that."""

import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from eventstore.application import Application
from eventstore.box_commands import BoxAggregate, UnboxAggregate
from eventstore.errors import ColdStorageFailed
from eventstore.models import Box, BoxPolicy, StoredCommand, StoredStream, Tenant
from eventstore.tenancy import Actor, Role
from ledger.persons.commands import RenamePerson
from tests.eventstore.boxes.policies import (
    REASON,
    boxed,
    counts,
    is_due,
    let_the_notice_pass,
    person,
    put,
)
from tests.eventstore.boxes.support import cold_root
from tests.eventstore.forgery import forge

BY_A_SECOND = """
UPDATE eventstore_event SET recorded_at = recorded_at - interval '1 second'
WHERE stream_id = (SELECT id FROM eventstore_stream WHERE aggregate_id = %(aggregate_id)s)
"""


@pytest.fixture
def operator(tenant: Tenant) -> Actor:
    return Actor(tenant_id=tenant.id, user="olga", role=Role.OPERATOR)


def test_without_a_policy_nothing_is_boxed(application: Application, tenant: Tenant) -> None:
    person(application, tenant.id)

    assert application.box_policies.work() == 0
    assert not is_due(application)
    assert not Box.objects.exists()


def test_where_no_file_can_be_written_nobody_is_refused_and_it_goes_on_later(
    application: Application, tenant: Tenant
) -> None:
    them = {person(application, tenant.id) for _ in range(3)}
    policy = put(application, tenant.id)
    application.box_policies.work()
    let_the_notice_pass()
    cold_root().write_text("no folder")

    with pytest.raises(ColdStorageFailed):
        application.box_policies.work()

    assert counts(policy) == (3, 0, 0)
    cold_root().unlink()
    application.box_policies.work()
    assert boxed(tenant.id) == them


def test_one_whose_events_do_not_verify_is_refused_and_the_others_are_boxed(
    application: Application, tenant: Tenant
) -> None:
    first, *others = (person(application, tenant.id) for _ in range(4))
    policy = put(application, tenant.id)
    application.box_policies.work()
    forge(BY_A_SECOND, aggregate_id=first)
    let_the_notice_pass()

    application.box_policies.work()

    assert counts(policy)[1:] == (3, 1)
    assert boxed(tenant.id) == set(others)


def test_what_grows_idle_during_the_notice_is_for_the_next_report(
    application: Application, tenant: Tenant, operator: Actor
) -> None:
    """Its events are older than others of the report: it had come back from cold storage."""
    back = person(application, tenant.id)
    for command in (BoxAggregate, UnboxAggregate):
        application.bus.send(
            command(aggregate_id=back, category="person", reason="x"), actor=operator
        )
    idle = person(application, tenant.id)
    policy = put(application, tenant.id)
    application.box_policies.work()
    assert counts(policy)[0] == 1
    # As if the thirty days since it came back ended between the report and now.
    reported_at = BoxPolicy.objects.get().reported_at
    assert reported_at is not None
    month = timedelta(days=30)
    Box.objects.update(unboxed_at=reported_at - month + timedelta(microseconds=1))
    let_the_notice_pass()

    application.box_policies.work()

    assert boxed(tenant.id) == {idle}


def test_the_first_look_reports_and_boxes_nothing(
    application: Application, tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    person(application, tenant.id)
    person(application, tenant.id)
    last = application.high_water_mark.ceiling()
    person(application, tenant.id, days=29)
    policy = put(application, tenant.id)
    assert is_due(application)

    with caplog.at_level(logging.INFO, "daybook.boxes"):
        assert application.box_policies.work() == 1

    assert boxed(tenant.id) == set()
    assert counts(policy) == (2, 0, 0)
    assert policy.reported_position == last
    assert policy.due_at - policy.reported_at == timedelta(days=1)
    (line,) = [each for each in caplog.records if each.msg == "box_policy_reported"]
    assert (line.found, line.up_to, line.category) == (2, last, "person")
    # And again nothing, until the notice is over.
    assert application.box_policies.work() == 0
    assert not is_due(application)


def test_after_the_notice_those_of_the_report_are_boxed_and_it_is_reported_anew(
    application: Application, tenant: Tenant
) -> None:
    idle = {person(application, tenant.id) for _ in range(3)}
    young = person(application, tenant.id, days=29)
    policy = put(application, tenant.id)
    application.box_policies.work()
    let_the_notice_pass()

    assert application.box_policies.work() == 3 + 1

    assert boxed(tenant.id) == idle
    assert counts(policy) == (0, 3, 0)
    assert policy.acted_at <= policy.reported_at < policy.due_at
    assert StoredStream.objects.get(aggregate_id=young).status == "active"
    sent = StoredCommand.objects.filter(type="box-aggregate")
    assert set(sent.values_list("user", "status")) == {("policy (olga)", "completed")}
    assert set(Box.objects.values_list("reason", "boxed_by")) == {(REASON, "policy (olga)")}


def test_what_was_not_reported_is_not_boxed_however_idle_it_is(
    application: Application, tenant: Tenant
) -> None:
    reported = person(application, tenant.id)
    put(application, tenant.id)
    application.box_policies.work()
    later = person(application, tenant.id)
    let_the_notice_pass()

    application.box_policies.work()
    assert boxed(tenant.id) == {reported}

    let_the_notice_pass()
    application.box_policies.work()
    assert boxed(tenant.id) == {reported, later}


def test_what_has_gone_on_since_the_report_stays(
    application: Application, tenant: Tenant, member: Actor
) -> None:
    goes_on, stays = person(application, tenant.id), person(application, tenant.id)
    policy = put(application, tenant.id)
    application.box_policies.work()
    renamed = RenamePerson(aggregate_id=goes_on, first_name="Ada", last_name="Byron")
    application.bus.send(renamed, actor=member)
    let_the_notice_pass()

    application.box_policies.work()

    assert boxed(tenant.id) == {stays}
    assert counts(policy) == (0, 1, 0)


def test_what_was_brought_back_is_wanted_and_stays(
    application: Application, tenant: Tenant, operator: Actor
) -> None:
    """Before the report, and after it; its last event is as old as it was."""
    before, after = person(application, tenant.id), person(application, tenant.id)
    to_and_fro(application, operator, before)
    policy = put(application, tenant.id)
    application.box_policies.work()
    assert counts(policy)[0] == 1
    to_and_fro(application, operator, after)
    # Also where the notice is longer than the days of the policy.
    Box.objects.update(unboxed_at=timezone.now() + timedelta(microseconds=1))
    BoxPolicy.objects.update(idle_days=0)
    let_the_notice_pass()

    application.box_policies.work()

    assert boxed(tenant.id) == set()

    # After so many days it is idle again.
    BoxPolicy.objects.update(idle_days=30)
    Box.objects.update(unboxed_at=timezone.now() - timedelta(days=31))
    for _ in range(2):
        let_the_notice_pass()
        application.box_policies.work()
    assert boxed(tenant.id) == {before, after}


def to_and_fro(application: Application, operator: Actor, person_id: object) -> None:
    for kind in (BoxAggregate, UnboxAggregate):
        command = kind(aggregate_id=person_id, category="person", reason="to and fro")
        application.bus.send(command, actor=operator)


def test_what_is_refused_is_counted_and_tried_again_only_after_the_next_report(
    application: Application, tenant: Tenant, member: Actor
) -> None:
    waited_for, idle = person(application, tenant.id), person(application, tenant.id)
    renamed = RenamePerson(aggregate_id=waited_for, first_name="Ada", last_name="Byron")
    at = timezone.now() + timedelta(days=1)
    application.scheduling.schedule(renamed, at=at, actor=member)
    policy = put(application, tenant.id)
    application.box_policies.work()
    let_the_notice_pass()

    assert application.box_policies.work() == 2 + 1

    assert boxed(tenant.id) == {idle}
    assert counts(policy) == (1, 1, 1)
    assert application.box_policies.work() == 0
    let_the_notice_pass()
    application.box_policies.work()
    assert counts(policy) == (1, 0, 1)
    tried = StoredCommand.objects.filter(type="box-aggregate", aggregate_id=waited_for)
    assert list(tried.values_list("status", "code")) == [("refused", "pending_work")] * 2
